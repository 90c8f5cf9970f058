"""Custom data sets: copied unchanged with a datasheet, and every mistake is a one-line error."""

import gzip
import hashlib
import json

import pytest

from workflow_scripts.gue.take_dataset import main

ROWS = {
    "train": "sequence,label\nACGT,0\nacgtn,1\nGGGG,0\n",
    "dev": "sequence,label\nTTTT,1\n",
    "test": "sequence,label\nCCCC,0\nACGT,1\n",
}


@pytest.fixture
def run(text, tmp_path):
    """``run({split: content}, *options)``: exit status and output folder."""

    def run(files: dict[str, str], *options: str):
        for split, content in files.items():
            text(f"mine/{split}.csv", content)
        out = tmp_path / "out"
        command = ["--name", "enhancers", "fly", "--folder", str(tmp_path / "mine"), "--metric", "mcc"]
        return main([*command, "--out", str(out), *options]), out

    return run


def test_rows_are_copied_with_counts_and_hashes(run, tmp_path):
    status, out = run(ROWS)
    assert status == 0
    assert {split: (out / f"{split}.csv").read_text() for split in ROWS} == ROWS
    sheet = json.loads((out / "datasheet.json").read_text())
    assert (sheet["task"], sheet["dataset"], sheet["metric"], sheet["origin"]) == ("enhancers", "fly", "mcc", "custom")
    assert sheet["classes"] == ["0", "1"] and sheet["candidates"] == 6 and sheet["dropped"] == {}
    assert {split: facts["rows"] for split, facts in sheet["splits"].items()} == {"train": 3, "dev": 1, "test": 2}
    assert sheet["splits"]["train"]["classes"] == {"0": 2, "1": 1}
    for source in sheet["sources"]:
        assert source["sha256"] == hashlib.sha256(ROWS[source["role"]].encode()).hexdigest()
        assert source["file"] == str(tmp_path / "mine" / f"{source['role']}.csv")
    assert sum(facts["rows"] for facts in sheet["splits"].values()) == sheet["candidates"]


def test_gzip_and_other_line_ends_give_the_same_bytes(run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dev.csv.gz").write_bytes(gzip.compress(ROWS["dev"].encode()))
    status, out = run({"train": ROWS["train"].replace("\n", "\r\n"), "test": ROWS["test"]})
    assert status == 0
    assert {split: (out / f"{split}.csv").read_text() for split in ROWS} == ROWS


def test_pairs_keep_their_columns(run):
    pairs = dict.fromkeys(ROWS, "left,right,label\nACGT,GG,0\nTT,AC,1\n")
    status, out = run(pairs)
    assert status == 0 and (out / "dev.csv").read_text() == pairs["dev"]


@pytest.mark.parametrize(
    ("problem", "labels"), [("regression", ["0.5", "-1e3", "2"]), ("multilabel", ["0;1;1", "0;0;0", "1;0;0"])]
)
def test_labels_of_other_problems_are_unchanged(run, problem, labels):
    rows = "sequence,label\n" + "".join(f"ACGT,{label}\n" for label in labels)
    status, out = run(dict.fromkeys(ROWS, rows), "--problem", problem)
    sheet = json.loads((out / "datasheet.json").read_text())
    assert status == 0 and (out / "test.csv").read_text() == rows
    assert sheet["problem"] == problem and sheet["classes"] == [] and sheet["candidates"] == 9
    assert (
        "| label | train | dev | test |\n| --- | --- | --- | --- |\n| all | 3 | 3 | 3 |\n"
        in (out / "README.md").read_text()
    )


@pytest.mark.parametrize(
    ("changes", "options", "complaint"),
    [
        ({"dev": None}, [], "mine: no dev.csv; a custom data set is train.csv, dev.csv and test.csv"),
        ({"dev": "sequence,label\n"}, [], "dev.csv: no rows; every split needs some"),
        ({"dev": ""}, [], "dev.csv:1: header ''; expected 'sequence,label'"),
        ({"dev": "ACGT,0\n"}, [], "dev.csv:1: header 'ACGT,0'; expected 'sequence,label'"),
        ({"dev": "a,b,label\nA,C,0\n"}, [], "dev.csv:1: header 'a,b,label' differs from train's, 'sequence,label'"),
        ({"test": "sequence,label\nACGT,0\nACGT\n"}, [], "test.csv:3: 1 columns where the header has 2"),
        (
            {"test": "sequence,label\nAC GT,0\n"},
            [],
            "test.csv:2: a sequence is empty or has other characters than letters",
        ),
        ({"test": "sequence,label\n,0\n"}, [], "test.csv:2: a sequence is empty or has other characters than letters"),
        ({"test": "sequence,label\nACGT,x\n"}, [], "test.csv:2: label 'x' is not a class; number classes from 0"),
        ({"test": "sequence,label\nACGT,-1\n"}, [], "test.csv:2: label '-1' is not a class"),
        ({"test": "sequence,label\nACGT,2\n"}, [], "test.csv: class 2 does not occur in train"),
        ({"train": "sequence,label\nA,0\nC,2\n"}, [], "train.csv: classes 0, 2; at least two are needed"),
        ({"train": "sequence,label\nA,0\n"}, [], "train.csv: classes 0; at least two are needed"),
        ({"dev": "sequence,label\nA,nan\n"}, ["--problem", "regression"], "dev.csv:2: label 'nan' is not a number"),
        ({"dev": "sequence,label\nA,2\n"}, ["--problem", "multilabel"], "dev.csv:2: label '2' is not a 0 or 1 for"),
        (
            {"train": "sequence,label\nA,0;1;1\n", "dev": "sequence,label\nA,0;1\n"},
            ["--problem", "multilabel"],
            "dev.csv: not every label has 3 properties, as the first row of train has",
        ),
    ],
)
def test_mistakes_are_one_line_and_write_no_file(run, capsys, changes, options, complaint):
    status, out = run({split: rows for split, rows in (ROWS | changes).items() if rows is not None}, *options)
    errors = capsys.readouterr().err.splitlines()
    assert status == 1 and len(errors) == 1 and complaint in errors[0] and errors[0].startswith("error: ")
    assert not out.exists()


def test_a_byte_order_mark_is_not_part_of_the_header(run):
    status, out = run(ROWS | {"dev": "\ufeff" + ROWS["dev"]})
    assert status == 0 and (out / "dev.csv").read_text() == ROWS["dev"]


def test_damaged_files_are_one_line(run, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    for damaged in (gzip.compress(ROWS["dev"].encode())[:-9], gzip.compress(b"\xff,label\n")):
        (tmp_path / "mine" / "dev.csv.gz").write_bytes(damaged)
        assert run({split: ROWS[split] for split in ("train", "test")})[0] == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert "dev.csv.gz: not a CSV file in UTF-8, plain or gzipped (" in line


def test_a_plain_and_a_gzipped_file_of_one_split_are_an_error(run, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dev.csv.gz").write_bytes(gzip.compress(ROWS["dev"].encode()))
    assert run(ROWS)[0] == 1
    assert "mine: both dev.csv and dev.csv.gz; a custom data set" in capsys.readouterr().err
