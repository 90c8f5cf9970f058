"""Published rows that are split again by homology: leaks are gone, every row is accounted for, ids say where it was."""

import csv
import json
import random

import numpy as np
import pytest

from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.files import read_table, write_table
from workflow_scripts.gue import audit_dataset, csv_rows, import_dataset
from workflow_scripts.settings.names import SPLITS


def leaky():
    """Positives and shuffles that were split at random, with copies and a contradiction between splits."""
    draw, numbers = random.Random(1), np.random.default_rng(1)
    positives = ["".join(draw.choices("ACGT", k=80)) for _ in range(200)]
    rows = [(sequence, 1) for sequence in positives]
    rows += [(dinucleotide_shuffled(sequence, numbers), 0) for sequence in positives]
    draw.shuffle(rows)
    splits = {"train": rows[:320], "dev": rows[320:360], "test": rows[360:]}
    splits["dev"] += rows[:5]
    splits["test"].append((rows[10][0], 1 - rows[10][1]))
    return splits


@pytest.fixture
def imported(tmp_path, registry):
    """``imported(*arguments)``: the folder of the imported set."""
    splits = leaky()
    sizes = {name: len(splits[name]) for name in SPLITS}
    table = registry(task="emp", dataset="H3", published_dir="EMP/H3", **sizes)
    for name, rows in splits.items():
        path = tmp_path / f"published/EMP/H3/{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("sequence,label\n" + "".join(f"{sequence},{label}\n" for sequence, label in rows))
    known = tmp_path / "known.tsv"
    write_table(known, [], ["task", "dataset", "split", "git_sha1_lf", "git_sha1_crlf"])

    def run(*arguments, name="out"):
        out = tmp_path / name
        files = ["--registry", str(table), "--known", str(known), "--from", str(tmp_path / "published")]
        options = ["--task", "emp", "--dataset", "H3", *files, "--out", str(out), *arguments]
        assert import_dataset.main(options) == 0
        return out

    return run


def figures(folder):
    splits = csv_rows.read_splits(folder)
    relations = audit_dataset.count_relations(splits, audit_dataset.relate(splits))
    return {pair: audit_dataset.count_related(relations[pair]) for pair in ("dev_in_train", "test_in_train")}


def test_related_rows_are_in_one_split_and_counts_add_up(imported):
    published, again = imported(name="published_way"), imported("--split", "homology")
    assert all(count > 20 for count in figures(published).values())
    assert figures(again) == {"dev_in_train": 0, "test_in_train": 0}
    sheet = json.loads((again / "datasheet.json").read_text())
    assert sheet["split"]["method"] == "homology" and sheet["origin"] == "published" and sheet["seed"] == 42
    assert sheet["dropped"] == {}, "copies and contradictions stay, in one split"
    assert sheet["candidates"] == 406 == sum(part["rows"] for part in sheet["splits"].values())
    assert abs(sheet["splits"]["test"]["rows"] - 41) < 3 and abs(sheet["splits"]["dev"]["rows"] - 44) < 3


def test_ids_are_the_published_places(imported, tmp_path):
    again = imported("--split", "homology")
    ids = {(row["split"], int(row["line"])): row["id"] for row in read_table(again / "ids.tsv")}
    assert len(set(ids.values())) == 406
    for name in SPLITS:
        for line, row in enumerate(csv.reader((again / f"{name}.csv").open()), start=1):
            if line > 1:
                split, _, number = ids[name, line].partition(":")
                published = (tmp_path / f"published/EMP/H3/{split}.csv").read_text().splitlines()
                assert ",".join(row) == published[int(number) - 1]


def test_the_split_depends_on_the_seed_only(imported):
    first, same = imported("--split", "homology", name="a"), imported("--split", "homology", name="b")
    other = imported("--split", "homology", "--seed", "7", name="c")
    assert (first / "test.csv").read_bytes() == (same / "test.csv").read_bytes() != (other / "test.csv").read_bytes()
