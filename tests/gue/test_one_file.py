"""One labelled file without splits is split here, or by its column of splits."""

import json
import random

import pytest

from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.audit_dataset import count_relations, relate
from workflow_scripts.gue.csv_rows import read_splits
from workflow_scripts.gue.take_dataset import main

SPLITS = ("train", "dev", "test")


@pytest.fixture
def run(tmp_path):
    """``run(content, *options)``: exit status and output folder."""

    def run(content: str, *options: str):
        (tmp_path / "all.csv").write_text(content)
        command = ["--name", "mine", "set", "--file", str(tmp_path / "all.csv"), "--metric", "mcc"]
        return main([*command, "--out", str(tmp_path / "out"), *options]), tmp_path / "out"

    return run


def rows(count: int, labels=("host", "virus")) -> list[list[str]]:
    draw = random.Random(1)
    return [[f"r{n}", "".join(draw.choices("ACGT", k=80)), labels[n % len(labels)]] for n in range(count)]


def table(lines: list[list[str]], header: str = "id,sequence,label") -> str:
    return "\n".join([header, *map(",".join, lines)]) + "\n"


def read(out) -> dict[str, list[list[str]]]:
    return {split: [line.split(",") for line in (out / f"{split}.csv").read_text().split()[1:]] for split in SPLITS}


@pytest.mark.parametrize("method", [[], ["--split", "random"], ["--split", "homology"]])
def test_every_row_is_in_one_split_with_its_label_and_id(run, method):
    lines = rows(200)
    status, out = run(table(lines), *method)
    splits = read(out)
    assert status == 0 and [len(splits[split]) for split in SPLITS] == [160, 20, 20]
    expected = {sequence: [identity, str(int(label == "virus"))] for identity, sequence, label in lines}
    table_of_ids = [line.split("\t") for line in (out / "ids.tsv").read_text().splitlines()]
    ids = {(split, line): identity for split, line, identity in table_of_ids}
    found = {
        sequence: [ids[split, str(line)], label]
        for split in SPLITS
        for line, (sequence, label) in enumerate(splits[split], start=2)
    }
    assert found == expected
    assert all({label for _, label in members} == {"0", "1"} for members in splits.values())
    sheet = json.loads((out / "datasheet.json").read_text())
    assert sheet["split"]["method"] == (method or ["random"])[-1] and sheet["seed"] == 42


def test_the_seed_decides_the_split(run):
    content = table(rows(50))
    texts = [(run(content, "--seed", seed)[1] / "test.csv").read_text() for seed in ("1", "1", "2")]
    assert texts[0] == texts[1] != texts[2]


def test_homology_keeps_related_rows_in_one_split_and_random_does_not(run):
    lines = rows(100)
    lines += [[f"copy{n}", reverse_complement(sequence), label] for n, (_, sequence, label) in enumerate(lines)]

    def related(method: str) -> int:
        status, out = run(table(lines), "--split", method)
        assert status == 0
        splits = read_splits(out)
        return count_relations(splits, relate(splits))["test_in_train"]["reverse_complement"]

    assert related("homology") == 0 < related("random")


def test_copies_and_contradictions_are_dropped_and_counted(run):
    lines = rows(50)
    lines += [lines[0], ["x", lines[1][1], "host"]]
    status, out = run(table(lines))
    sheet = json.loads((out / "datasheet.json").read_text())
    assert status == 0 and sheet["candidates"] == 52
    assert sheet["dropped"] == {"duplicate": 1, "conflicting_labels": 2}


@pytest.mark.parametrize(("problem", "labels"), [("regression", ("0.5", "3e2", "-7")), ("multilabel", ("0;1", "1;1"))])
def test_labels_that_are_no_classes_stay_with_their_rows(run, problem, labels):
    lines = rows(40, labels)
    status, out = run(table(lines), "--problem", problem)
    assert status == 0
    assert {tuple(row) for part in read(out).values() for row in part} == {tuple(row[1:]) for row in lines}


def test_a_column_of_splits_decides_unless_a_method_is_given(run):
    names = ["Train", "validation", "test"]
    lines = [[*row, names[n % 3]] for n, row in enumerate(rows(30))]
    content = table(lines, "id,sequence,label,Split")
    status, out = run(content)
    splits = read(out)
    assert status == 0
    for number, split in enumerate(SPLITS):
        assert [row[0] for row in splits[split]] == [row[1] for row in lines[number::3]]
    status, out = run(content, "--split", "random")
    assert status == 0 and [len(read(out)[split]) for split in SPLITS] == [24, 3, 3]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (table(rows(9)), "all.csv: 9 rows; 10 at least are needed to split them"),
        (table([[*row, "x"] for row in rows(1)], "id,sequence,label,split"), "all.csv:2: split 'x' is none of train"),
        (
            table([[*row, "test"] for row in rows(9)], "id,sequence,label,set"),
            "all.csv: the column of splits has no tr",
        ),
        (
            table([[*row[:2], str(n)] for n, row in enumerate(rows(30))]),
            "all.csv:1: 30 classes in 30 rows; for numbers",
        ),
    ],
)
def test_what_cannot_be_split_is_refused(run, capsys, content, complaint):
    status, out = run(content)
    assert status == 1 and not out.exists() and complaint in capsys.readouterr().err
