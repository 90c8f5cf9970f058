"""Homology twins: the same rows, no relation between splits, no use of lookup, and a learned signal keeps its worth."""

import csv
import json
import random
from collections import Counter

import numpy as np
import pytest

from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.files import read_table
from workflow_scripts.gue import split_by_homology
from workflow_scripts.gue.audit_dataset import audit, relate
from workflow_scripts.gue.csv_rows import read_splits
from workflow_scripts.gue.datasheet import write_dataset
from workflow_scripts.gue.labelled_examples import Example, Place
from workflow_scripts.gue.lookup_floors import look_up
from workflow_scripts.gue.registry import read_dataset
from workflow_scripts.settings.names import SPLITS

MOTIF = "TGACGTCATC"


def planted(draw):
    """A random sequence with the motif at a random place."""
    at = draw.randrange(10, 80)
    return "".join(draw.choices("ACGT", k=at)) + MOTIF + "".join(draw.choices("ACGT", k=91 - at))


def split_at_random(rows, draw):
    draw.shuffle(rows)
    tenth = len(rows) // 10
    return {"train": rows[2 * tenth :], "dev": rows[:tenth], "test": rows[tenth : 2 * tenth]}


def shuffled_set():
    """Positives with a motif, and a dinucleotide shuffle of each, as in tf_mouse; some rows are in it twice."""
    draw, numbers = random.Random(1), np.random.default_rng(1)
    positives = [planted(draw) for _ in range(400)]
    rows = [Example((row,), 1, (Place("c", 200 * n, 200 * n + 101, "+"),)) for n, row in enumerate(positives)]
    rows += [row._replace(sequences=(dinucleotide_shuffled(row.sequences[0], numbers),), label=0) for row in rows]
    return split_at_random([*rows, *rows[:40]], draw)


def families_set():
    """Families of nearly equal sequences, each with a label of its own at random: there is nothing to learn."""
    draw, rows = random.Random(2), []
    for number in range(150):
        stem = draw.choices("ACGT", k=101)
        for _ in range(5):
            copy = list(stem)
            copy[draw.randrange(101)] = draw.choice("ACGT")
            rows.append(Example(("".join(copy),), number % 2))
    return split_at_random(rows, draw)


@pytest.fixture
def twin(tmp_path, registry):
    """``twin(splits)``: the folders of a data set with these rows and of its twin."""
    table = registry(task="tf_mouse", dataset="0", length=101)

    def make(splits, *more):
        own, out = tmp_path / "tf_mouse/0", tmp_path / "tf_mouse/0.homology"
        facts = {"origin": "published", "sources": [], "construction": "Made.", "split": {"method": "published"}}
        facts |= {"seed": None, "candidates": sum(map(len, splits.values())), "dropped": {}}
        write_dataset(own, read_dataset(table, "tf_mouse", "0"), ["no", "yes"], splits, **facts)
        names = ["--task", "tf_mouse", "--dataset", "0", "--registry", str(table)]
        status = split_by_homology.main([*names, "--data", str(own), "--out", str(out), *more])
        return status, own, out

    return make


def figures(folder):
    splits = read_splits(folder)
    related = relate(splits)
    return audit(splits, related, look_up(splits, related.pairs), 42)


def content(folder):
    return Counter(row for name in SPLITS for row in read_splits(folder)[name])


def lines(folder):
    return {(name, n): row for name in SPLITS for n, row in enumerate(csv.reader((folder / f"{name}.csv").open()), 1)}


def test_a_twin_has_every_row_with_its_place_and_says_where_it_was(twin):
    status, own, out = twin(shuffled_set())
    assert status == 0 and content(own) == content(out)
    before, after = lines(own), lines(out)
    ids = {(row["split"], int(row["line"])): row["id"].split(":") for row in read_table(out / "ids.tsv")}
    assert len(ids) == 840 == len({tuple(place) for place in ids.values()})
    assert all(after[place] == before[split, int(line)] for place, (split, line) in ids.items())
    sheet = json.loads((out / "datasheet.json").read_text())
    assert (sheet["task"], sheet["dataset"], sheet["origin"]) == ("tf_mouse", "0.homology", "published")
    assert sheet["split"]["method"] == "homology" and sheet["dropped"] == {} and sheet["candidates"] == 840
    assert all(abs(sheet["splits"][name]["rows"] - sheet["registry_rows"][name]) <= 2 for name in SPLITS)
    assert {part["file"] for part in sheet["sources"]} == {"train.csv", "dev.csv", "test.csv"}
    assert "0.homology" in (out / "README.md").read_text()


def test_lookup_is_worth_nothing_on_the_twin_and_a_motif_is_worth_the_same(twin):
    _, own, out = twin(shuffled_set())
    before, after = figures(own), figures(out)
    assert before["leaks"]["test"] > 60 and after["leaks"] == {"dev": 0, "test": 0}
    assert before["partner_flip"]["mcc"] > 0.6
    assert after["partner_flip"]["rows"] == 0 == after["partner_flip"]["mcc"]

    def knows_the_motif(folder):
        test = read_splits(folder)["test"]
        return np.mean([(MOTIF in row.sequences[0]) == row.label for row in test])

    assert knows_the_motif(own) > 0.99 and knows_the_motif(out) > 0.99


def test_copying_the_nearest_row_is_chance_on_the_twin_of_families(twin):
    _, own, out = twin(families_set())
    assert figures(own)["nearest_neighbour"]["mcc"] > 0.9
    assert abs(figures(out)["nearest_neighbour"]["mcc"]) < 0.35


def test_the_seed_decides_the_twin(twin):
    splits = shuffled_set()
    first, again, other = ((twin(splits, "--seed", seed)[2] / "test.csv").read_bytes() for seed in ("1", "1", "2"))
    assert first == again != other


def test_rows_that_are_all_related_are_refused_in_one_line(twin, capsys):
    draw = random.Random(3)
    shared = "".join(draw.choices("ACGT", k=60))
    rows = [Example((shared + "".join(draw.choices("ACGT", k=9)),), n % 2) for n in range(50)]
    status, _, out = twin(split_at_random(rows, draw))
    message = capsys.readouterr().err.strip()
    assert status == 1 and "no rows for dev, test" in message and "\n" not in message and not out.exists()
