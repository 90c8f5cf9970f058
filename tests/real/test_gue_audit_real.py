"""The audit on the released GUE files (REAL_DATA): it finds their known leaks and odd rows."""

import gzip
import json
import random
from collections import Counter

import pytest

from tests.real.gue_sets import KNOWN, REGISTRY
from workflow_scripts.gue import audit_dataset, csv_rows, import_dataset
from workflow_scripts.gue.labelled_examples import Example, Place
from workflow_scripts.gue.recipe import Recipe
from workflow_scripts.gue.registry import read_dataset
from workflow_scripts.gue.selection import drop_duplicates
from workflow_scripts.gue.source_readers import read_pairs
from workflow_scripts.gue.split import homology_split, random_split, scaled_sizes
from workflow_scripts.settings.names import SPLITS

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def gue(real):
    return real / "gue"


@pytest.fixture
def audited(gue, tmp_path):
    """``audited(task, dataset)``: exit status and figures of a released set after import and audit by the programs."""

    def run(task, dataset, *more):
        name = ["--task", task, "--dataset", dataset]
        data, out = tmp_path / dataset, tmp_path / f"{dataset}.json"
        tables = ["--registry", str(REGISTRY), "--known", str(KNOWN)]
        assert import_dataset.main([*name, *tables, "--from", str(gue), "--out", str(data)]) == 0
        files = ["--rows", str(tmp_path / f"{dataset}.tsv"), "--out", str(out)]
        status = audit_dataset.main([*name, "--data", str(data), *files, *more])
        return status, json.loads(out.read_text()) if out.exists() else None

    return run


@pytest.fixture(scope="module")
def dev_and_test(gue):
    """``dev_and_test(task, dataset)``: the splits of a set without its train file."""

    def read(task, dataset):
        entry, splits = read_dataset(REGISTRY, task, dataset), {"train": []}
        for name in SPLITS[1:]:
            path = gue / entry.published_dir / f"{name}.csv.gz"
            text = import_dataset.decode(gzip.decompress(path.read_bytes()), str(path))
            splits[name] = import_dataset.read_published(text, str(path), entry, Counter())
        return splits

    return read


@pytest.fixture
def example_of():
    """``example_of(pair)``: a row with the places of both windows, 3,000 and 2,000 bp, and 20 random bases for each."""

    def example(pair):
        places = []
        for (chrom, start, end), length in ((pair.enhancer, 3_000), (pair.promoter, 2_000)):
            first = (start + end) // 2 - length // 2
            places.append(Place(chrom, first, first + length, "+"))
        sequences = ["".join(random.Random(str(place)).choices("ACGT", k=20)) for place in places]
        return Example(tuple(sequences), pair.label, tuple(places))

    return example


def test_tf_4_has_358_dev_rows_copied_from_train(audited, capsys):
    status, figures = audited("tf_human", "4")
    assert status == 0
    dev = figures["relations"]["dev_in_train"]
    assert dev["exact"] == 358 and dev["overlap"] is None
    assert figures["leaks"]["dev"] == dev["exact"] + dev["reverse_complement"] + dev["near"] + dev["derived"] > 358
    assert figures["relations"]["test_in_train"]["exact"] == 0
    status, figures = audited("tf_human", "4", "--fail-on-leak")
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert status == 1 and "tf_human/4" in message and "exact 358" in message


def test_promoters_with_both_labels_are_counted(audited):
    known = {("promoter", "tata"): 15, ("core_promoter", "tata"): 15, ("core_promoter", "notata"): 49}
    for name, both in known.items():
        _, figures = audited(*name)
        assert figures["conflicting_labels"] == {"exact": both, "either_strand": both}
        assert figures["leaks"]["test"] and figures["leaks"]["dev"]


def test_the_promoter_with_n_and_the_short_histone_row_are_listed(dev_and_test):
    unknown = audit_dataset.non_acgt(dev_and_test("promoter", "all"))
    assert unknown == {"rows": 1, "first": [{"split": "dev", "line": 4844, "letters": "N"}]}
    lengths = audit_dataset.summarize_lengths(dev_and_test("emp", "H4ac"))
    assert (lengths["min"], lengths["usual"], lengths["max"]) == (449, 500, 500)
    assert lengths["other"] == {"rows": 1, "first": [{"split": "dev", "line": 641, "length": 449}]}


def test_mouse_negatives_match_the_gc_of_positives_and_core_promoters_do_not(audited):
    assert audited("tf_mouse", "2")[1]["gc"]["auroc"] == pytest.approx(0.5, abs=0.002)
    figures = audited("core_promoter", "tata")[1]
    assert figures["gc"]["auroc"] > 0.65 and figures["gc"]["mean_by_class"]["1"] > figures["gc"]["mean_by_class"]["0"]
    assert 0.3 < figures["baseline"]["mcc"] < 0.7


@pytest.mark.parametrize(("dataset", "partners", "mcc"), [("0", 663, 0.83), ("2", 266, 0.82), ("3", 174, 0.77)])
def test_most_released_mouse_rows_have_their_shuffle_in_train(audited, dataset, partners, mcc):
    figures = audited("tf_mouse", dataset)[1]
    shuffles, rows = figures["derived"]["shuffled"], sum(figures["rows"].values())
    assert shuffles["pairs"] == shuffles["other_label"] and abs(shuffles["pairs"] - rows / 2) < 1
    assert partners <= figures["partner_flip"]["rows"] <= partners + 5
    assert figures["partner_flip"]["mcc"] == pytest.approx(mcc, abs=0.01)
    assert figures["leaks"]["test"] >= partners and figures["nearest_neighbour"]["mcc"] < figures["partner_flip"]["mcc"]


def test_most_released_core_promoters_have_the_promoter_they_were_made_from_in_train(audited):
    figures = audited("core_promoter", "notata")[1]
    pairs = figures["derived"]["substituted"]
    assert pairs["pairs"] > 20_000 and pairs["other_label"] > 0.93 * pairs["pairs"]
    assert figures["partner_flip"]["rows"] > 0.65 * figures["rows"]["test"] and figures["partner_flip"]["mcc"] > 0.68
    assert figures["baseline"]["mcc"] < 0.65  # partners are no composition


def test_released_human_sets_have_no_partners(audited):
    """Their negatives are other windows of the genome."""
    for dataset in ("1", "2", "4"):
        figures = audited("tf_human", dataset)[1]
        assert figures["derived"]["shuffled"]["pairs"] < 5
        assert figures["derived"]["substituted"]["other_label"] < 0.01 * sum(figures["rows"].values())
        assert figures["partner_flip"]["mcc"] < 0.1


def test_released_promoters_split_by_homology_have_no_leaks(audited, tmp_path):
    """All rows of a released set, split again: rows that leak between the released splits stay together."""
    _, figures = audited("promoter", "tata")
    assert figures["leaks"]["dev"] and figures["leaks"]["test"]
    dataset, dropped = read_dataset(REGISTRY, "promoter", "tata"), Counter()
    released = csv_rows.read_splits(tmp_path / "tata")
    rows = drop_duplicates([row for name in SPLITS for row in released[name]], dropped)
    recipe = Recipe("promoter", "tata", 300, len(rows), 42, list(dataset.classes))
    parts = homology_split(rows, scaled_sizes(len(rows), dataset.rows), recipe, dropped)
    relations = audit_dataset.count_relations(parts, audit_dataset.relate(parts))
    for pair in ("dev_in_train", "test_in_train", "test_in_dev"):
        assert audit_dataset.count_related(relations[pair]) == 0
    assert sum(map(len, parts.values())) + dropped.total() == sum(dataset.rows)
    assert [len(parts[name]) for name in SPLITS] == [*scaled_sizes(len(rows), dataset.rows)]


def test_real_pairs_with_a_common_enhancer_or_promoter_stay_together(gue, example_of):
    """The places are TargetFinder's; the bases are random, the same for the same place."""
    pairs = read_pairs(gue.parent / "annotation/targetfinder/epi_pairs_NHEK.tsv.gz")
    positive = [pair for pair in pairs if pair.label]
    rows = [example_of(pair) for pair in [*positive, *[pair for pair in pairs if not pair.label][: len(positive)]]]
    wanted = scaled_sizes(len(rows), (10_000, 2_000, 2_000))
    recipe = Recipe("epi", "NHEK", 5_000, len(rows), 42, ["no interaction", "interaction"])
    leaks = {}
    for method in (random_split, homology_split):
        parts = method(rows, wanted, recipe, Counter())
        assert [len(parts[name]) for name in SPLITS] == [*wanted]
        leaks[method] = audit_dataset.count_related(
            audit_dataset.count_relations(parts, audit_dataset.relate(parts))["test_in_train"]
        )
    assert leaks[random_split] > wanted[2] / 4 and leaks[homology_split] == 0
