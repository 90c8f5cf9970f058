"""Import of the published files, however they are packed, and refusal of what they cannot be."""

import gzip
import io
import json
import tarfile
import zipfile

import pytest

from workflow_scripts.gue import published

ROWS = {
    "train": "sequence,label\nACGT,0\nacgtn,1\nGGGG,0\n",
    "dev": "sequence,label\nTTTT,1\n",
    "test": "sequence,label\nCCCC,0\nACGT,0\n",
}


@pytest.fixture
def table(registry):
    return registry(task="emp", dataset="H3", published_dir="EMP/H3", train=3, dev=1, test=2)


@pytest.fixture
def run(table, tmp_path):
    """``run(origin)``: (exit status, output folder)."""

    def start(origin, task="emp", dataset="H3", registry=table):
        out = tmp_path / "out"
        arguments = [
            "--task",
            task,
            "--dataset",
            dataset,
            "--registry",
            str(registry),
            "--from",
            str(origin),
            "--out",
            str(out),
        ]
        return published.main(arguments), out

    return start


def lay_out(folder, name="EMP/H3", suffix=".csv", encode=str.encode):
    for split, content in ROWS.items():
        path = folder / name / f"{split}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(content))
    return folder


def crlf(content):
    return content.replace("\n", "\r\n").encode()


def zipped(folder, path, **extra):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.csv*")):
            archive.write(file, file.relative_to(folder).as_posix())
        for name, content in extra.items():
            archive.writestr(name, content)
    return path


def tarred(folder, path, prefix="./"):
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted(folder.rglob("*.csv*")):
            archive.add(file, prefix + file.relative_to(folder).as_posix())
    return path


@pytest.mark.parametrize("packing", ["root", "parent", "crlf", "gz", "crlf gz", "zip", "tar.gz", "zip below GUE"])
def test_every_packing_gives_the_same_files(run, tmp_path, packing):
    folder = tmp_path / "in"
    encode = crlf if "crlf" in packing else str.encode
    if packing.endswith("gz") and "tar" not in packing:
        lay_out(folder, suffix=".csv.gz", encode=lambda content: gzip.compress(encode(content)))
    else:
        lay_out(folder / "GUE" if packing in ("parent", "zip below GUE") else folder, encode=encode)
    origin = folder
    if packing.startswith("zip"):
        origin = zipped(folder, tmp_path / "GUE.zip")
    if packing == "tar.gz":
        origin = tarred(folder, tmp_path / "GUE.tar.gz")
    status, out = run(origin)
    assert status == 0
    for split, content in ROWS.items():
        assert (out / f"{split}.csv").read_text() == content
    sheet = json.loads((out / "datasheet.json").read_text())
    assert sheet["origin"] == "published" and len(sheet["sources"]) == 3
    assert {name: split["rows"] for name, split in sheet["splits"].items()} == sheet["registry_rows"]
    assert (out / "places.tsv").read_text() == "split\tline\tcontig\tstart\tend\tstrand\n"


def test_three_columns_are_enhancer_promoter_label(run, tmp_path, registry):
    table = registry(task="epi", dataset="K562", published_dir="EPI/K562", train=1, dev=1, test=1)
    for split in ROWS:
        path = tmp_path / f"in/EPI/K562/{split}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("sequence1,sequence2,label\nACGT,TT,1\nAAAA,CC,0\n")
    status, out = run(tmp_path / "in", "epi", "K562", table)
    assert status == 0
    assert (out / "train.csv").read_text() == "enhancer,promoter,label\nACGT,TT,1\nAAAA,CC,0\n"
    assert json.loads((out / "datasheet.json").read_text())["length"]["max"] == 6


def test_classes_without_names_are_counted(run, tmp_path, registry):
    table = registry(task="species", dataset="virus", classes="", published_dir="virus/species_40")
    folder = lay_out(tmp_path / "in", "virus/species_40")
    status, out = run(folder, "species", "virus", table)
    assert status == 0
    assert json.loads((out / "datasheet.json").read_text())["classes"] == ["0", "1"]
    (folder / "virus/species_40/dev.csv").write_text("sequence,label\nTTTT,7\n")
    assert run(folder, "species", "virus", table)[0] == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("sequence,label\nACGT,0\nACGT,2\n", "dev.csv:3: label 2 outside 0..1"),
        ("sequence,label\nACGT,-1\n", "dev.csv:2: label '-1' is not an integer"),
        ("sequence,label\nACGT,1.0\n", "dev.csv:2: label '1.0' is not an integer"),
        ("sequence,label\nACGT\n", "dev.csv:2: 1 columns where 2 belong"),
        ("sequence,label\n,1\n", "dev.csv:2: a sequence is empty"),
        ("sequence,label\nAC GT,1\n", "dev.csv:2: a sequence is empty or holds more than letters"),
        ("ACGT,1\nACGA,0\n", "dev.csv:1: the header must end in label"),
        ("sequence,label\n", "dev.csv: no rows"),
    ],
)
def test_bad_rows_are_named_by_file_and_row(run, tmp_path, capsys, content, complaint):
    folder = lay_out(tmp_path / "in")
    (folder / "EMP/H3/dev.csv").write_text(content)
    status, out = run(folder)
    message = capsys.readouterr().err
    assert status == 1 and complaint in message and message.count("\n") == 1
    assert not out.exists()


def test_archives_that_point_outside_are_refused(run, tmp_path, capsys):
    folder = lay_out(tmp_path / "in")
    for name in ("../evil.csv", "/evil.csv", "a\\..\\evil.csv"):
        status, out = run(zipped(folder, tmp_path / "bad.zip", **{name: "x"}))
        assert status == 1 and "points outside the archive" in capsys.readouterr().err
        assert not out.exists() and not (tmp_path / "evil.csv").exists()
    assert run(tarred(folder, tmp_path / "bad.tar.gz", prefix="../"))[0] == 1


def test_links_in_a_tar_are_not_followed(run, tmp_path, capsys):
    folder = lay_out(tmp_path / "in")
    with tarfile.open(tmp_path / "links.tar", "w") as archive:
        for split in ("train", "dev"):
            archive.add(folder / f"EMP/H3/{split}.csv", f"EMP/H3/{split}.csv")
        link = tarfile.TarInfo("EMP/H3/test.csv")
        link.type, link.linkname = tarfile.SYMTYPE, str(folder / "EMP/H3/test.csv")
        archive.addfile(link, io.BytesIO())
    assert run(tmp_path / "links.tar")[0] == 1
    assert "no EMP/H3/test.csv" in capsys.readouterr().err


def test_missing_double_and_damaged_files_are_errors(run, tmp_path, capsys):
    folder = lay_out(tmp_path / "in")
    (folder / "EMP/H3/test.csv").unlink()
    assert run(folder)[0] == 1 and "no EMP/H3/test.csv" in capsys.readouterr().err
    lay_out(folder / "GUE")
    assert run(folder)[0] == 1 and "both" in capsys.readouterr().err
    assert run(tmp_path / "nowhere")[0] == 1 and "neither a folder nor" in capsys.readouterr().err
    damaged = zipped(lay_out(tmp_path / "whole"), tmp_path / "GUE.zip")
    damaged.write_bytes(damaged.read_bytes()[:-30])
    assert run(damaged)[0] == 1 and "GUE.zip" in capsys.readouterr().err
