"""Custom data sets: copied unchanged with a datasheet, and every mistake is a one-line error."""

import gzip
import hashlib
import json

import pytest

from workflow_scripts.gue.take_dataset import main

ROWS = {
    "train": "sequence,label\nACGT,0\nACGTN,1\nGGGG,0\n",
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
    (tmp_path / "mine" / "dev.csv.gz").write_bytes(gzip.compress(ROWS["dev"].encode(), mtime=0))
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
        ({"dev": None}, [], "no dev.csv in "),
        ({"dev": "sequence,label\n"}, [], "dev.csv:1: no rows; expected a header such as 'sequence,label', and rows"),
        ({"dev": ""}, [], "dev.csv:1: no rows; expected a header"),
        ({"dev": "ACGT,0\nACGT,1\n"}, [], "dev.csv:1: header 'ACGT,0'; no column is named label; expected 'sequence"),
        ({"dev": "seq1,seq2,label\nA,C,0\n"}, [], "dev.csv:1: the sequences are seq1 and seq2, in "),
        ({"dev": "a,c,label\nA,C,0\n"}, [], "dev.csv:1: header 'a,c,label'; 'a' and 'c' may be sequences; name one"),
        ({"test": "sequence,label\nACGT,0\nACGT\n"}, [], "test.csv:3: 1 columns where the header has 2"),
        ({"test": "sequence,label\nAC GT,0\n"}, [], "test.csv:2: ' ' at letter 3 is not a nucleotide code"),
        ({"test": "sequence,label\n,0\n"}, [], "test.csv:2: the sequence is empty"),
        ({"test": "sequence,label\nACGT,x\n"}, [], "test.csv:2: label 'x' among numbers; use numbers or names only"),
        ({"test": "sequence,label\nACGT,0.5\n"}, [], "test.csv:2: label '0.5' is a number, not a class; set problem"),
        ({"test": "sequence,label\nACGT,2\n"}, [], "test.csv:2: class '2' does not occur in train"),
        ({"train": "sequence,label\nA,0\n"}, [], "train.csv:2: the only class is '0'; two are needed"),
        ({"dev": "sequence,label\nA,inf\n"}, ["--problem", "regression"], "dev.csv:2: label 'inf' is not a number"),
        ({"dev": "sequence,label\nA,2\n"}, ["--problem", "multilabel"], "dev.csv:2: label '2' is not a 0 or 1 for"),
        (
            {"train": "sequence,label\nA,0\n", "dev": "sequence,label\nA,0;1\n"},
            ["--problem", "multilabel"],
            "dev.csv:2: 2 properties where the first row has 1",
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
    for damaged, complaint in (
        (gzip.compress(ROWS["dev"].encode(), mtime=0)[:-9], "dev.csv.gz: a damaged gzip file ("),
        (
            gzip.compress(b"sequence,label\nA,0\nA,\xff\n", mtime=0),
            "dev.csv.gz:3: not UTF-8 (invalid start byte); save it as",
        ),
        (b"PK\x03\x04", "dev.csv.gz: an archive or a spreadsheet; export the table as CSV"),
    ):
        (tmp_path / "mine" / "dev.csv.gz").write_bytes(damaged)
        assert run({split: ROWS[split] for split in ("train", "test")})[0] == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert complaint in line


def test_a_plain_and_a_gzipped_file_of_one_split_are_an_error(run, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "dev.csv.gz").write_bytes(gzip.compress(ROWS["dev"].encode(), mtime=0))
    assert run(ROWS)[0] == 1
    assert "both dev.csv and dev.csv.gz in " in capsys.readouterr().err


def test_all_mistakes_are_named_at_once_the_first_of_each_file(run, capsys):
    bad = "sequence,label\n" + "MKLV,0\n" * 9
    status, out = run({"train": ROWS["train"] + "ACGT,\n", "dev": bad, "test": ROWS["test"]})
    errors = capsys.readouterr().err.splitlines()
    assert status == 1 and not out.exists() and all(line.startswith("error: ") for line in errors)
    ends = [line.partition("mine/")[2][:12] for line in errors]
    assert ends == ["train.csv:5:", *(f"dev.csv:{line}: 'L"[:12] for line in range(2, 7)), "dev.csv: and"]
    assert errors[-1].endswith("dev.csv: and 4 more mistakes")


@pytest.mark.parametrize(
    ("texts", "classes"),
    [
        (("1", "2"), ["1", "2"]),
        (("10", "9"), ["9", "10"]),
        (("-1", "1"), ["-1", "1"]),
        (("1.0", "3"), ["1", "3"]),
        (("virus", "host"), ["host", "virus"]),
        (("a|b", '"c,d"'), ["a|b", "c,d"]),
    ],
)
def test_classes_are_sorted_and_numbered_from_0_alike_in_all_splits(run, texts, classes):
    first, second = texts
    rows = f"sequence,label\nACGT,{first}\nGGGG,{second}\n"
    status, out = run({"train": rows, "dev": f"sequence,label\nTTTT,{second}\n", "test": rows})
    sheet = json.loads((out / "datasheet.json").read_text())
    assert status == 0 and sheet["classes"] == classes == json.loads((out / "classes.json").read_text())
    assert sheet["labels"] == {name: number for number, name in enumerate(classes)}
    name = second.strip('"').removesuffix(".0")
    assert (out / "dev.csv").read_text() == f"sequence,label\nTTTT,{classes.index(name)}\n"


def test_ids_are_kept_by_split_and_line_and_do_not_change_the_rows(run):
    plain = dict.fromkeys(ROWS, "sequence,label\nACGT,0\nGGGG,1\n")
    status, out = run(plain | {"test": "id,sequence,label\nseq  1,ACGT,0\nseq2,GGGG,1\n"})
    assert status == 0 and (out / "test.csv").read_text() == plain["test"]
    assert (out / "ids.tsv").read_text() == "split\tline\tid\ntest\t2\tseq 1\ntest\t3\tseq2\n"


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.lower(),
        lambda text: text.replace("T", "U"),
        lambda text: text.replace("\n", "\r"),
        lambda text: text.replace("\n", "\r\n").replace(",", ";"),
        lambda text: text.replace(",", "\t").replace("sequence", " Sequence "),
        lambda text: text.replace("\n", ",\n"),
        lambda text: text.replace("\n", "\nCAT,").replace("sequence", "organism,sequence").removesuffix("CAT,"),
    ],
)
def test_files_of_equal_content_give_the_same_bytes(run, write):
    _, out = run(ROWS)
    names = [f"{split}.csv" for split in ROWS] + ["ids.tsv", "classes.json", "places.tsv"]
    expected = {name: (out / name).read_bytes() for name in names}
    written = {split: write(text) for split, text in ROWS.items()}
    assert written != ROWS and run(written)[0] == 0
    assert {name: (out / name).read_bytes() for name in names} == expected
