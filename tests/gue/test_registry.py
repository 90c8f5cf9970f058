"""The tables of data sets and sources: 36 data sets, each with the primary files that its builder needs."""

from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table
from workflow_scripts.gue.build_dataset import BUILDERS
from workflow_scripts.gue.registry import read_dataset

CONFIG = Path(__file__).parents[2] / "config"
ROLES = {
    "emp": {"histone": 1},
    **{task: {"genome": 1, "tss": 1, "tata_motifs": 1} for task in ("promoter", "core_promoter")},
    **{task: {"genome": 1, "peaks": 1} for task in ("tf_human", "tf_mouse")},
    "splice": {"genome": 1, "genes": 1},
    "covid": {"variants": 1, "lineages": 1},
    "epi": {"genome": 1, "pairs": 1},
}
TABLE = read_table(CONFIG / "gue.tsv")
NAMES = [(row["task"], row["dataset"]) for row in TABLE]


def test_the_benchmark_has_36_data_sets():
    expected = {"emp": 10, "promoter": 3, "core_promoter": 3, "tf_human": 5, "tf_mouse": 5, "splice": 1, "covid": 1}
    assert Counter(task for task, _ in NAMES) == {**expected, "epi": 6, "species": 2}
    assert len(set(NAMES)) == 36 and set(BUILDERS) == {task for task, _ in NAMES}
    assert {row["metric"] for row in TABLE} == {"mcc", "f1"}


@pytest.mark.parametrize(("task", "name"), NAMES)
def test_every_row_is_readable_and_plausible(task, name):
    dataset = read_dataset(CONFIG / "gue.tsv", task, name)
    assert all(rows > 0 for rows in dataset.rows) and 70 <= dataset.length <= 10_000
    assert (len(dataset.classes) >= 2) == (task != "species")
    row = TABLE[NAMES.index((task, name))]
    for key in ("learning_rate", "batch_size", "paper_train", "paper_dev", "paper_test"):
        assert float(row[key]) > 0
    assert (row["epochs"] == "") == (task in ("epi", "species"))


@pytest.mark.parametrize(("task", "name"), NAMES)
def test_the_sources_table_has_what_the_builder_needs(task, name):
    sources = read_table(CONFIG / "gue_sources.tsv")
    mine = [s for s in sources if any(fnmatch(f"{task}/{name}", pattern) for pattern in s["datasets"].split())]
    roles = Counter(source["role"] for source in mine)
    assert roles == ROLES.get(task, {"species_genome": {"fungi": 20, "virus": 25}.get(name)})
    labels = [source["label"] for source in mine if source["role"] == "species_genome"]
    assert all(labels) and len(set(labels)) == len(labels)


def test_both_documented_sizes_of_covid_have_the_same_total():
    (row,) = [row for row in TABLE if row["task"] == "covid"]
    released = [int(row[key]) for key in ("train", "dev", "test")]
    paper = [int(row[f"paper_{key}"]) for key in ("train", "dev", "test")]
    assert released == [73335, 9166, 9168] and paper == [77669, 7000, 7000] and sum(released) == sum(paper)


def test_a_broken_registry_is_an_error(registry, text):
    with pytest.raises(UserError, match="0 rows for emp/H9"):
        read_dataset(CONFIG / "gue.tsv", "emp", "H9")
    with pytest.raises(UserError, match="must be whole numbers"):
        read_dataset(registry(task="emp", dataset="H3", train="many"), "emp", "H3")
    with pytest.raises(UserError, match="no column name"):
        read_dataset(text("t.tsv", "task\tdataset\nemp\tH3\n"), "emp", "H3")
