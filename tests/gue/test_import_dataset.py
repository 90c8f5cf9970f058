"""Import of the published files in every packing, and refusal of damaged or malicious archives."""

import gzip
import hashlib
import io
import json
import stat
import tarfile
import zipfile

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import write_table
from workflow_scripts.common.hashing import git_sha1
from workflow_scripts.gue import archive, import_dataset
from workflow_scripts.gue.published_hashes import DIFFERS, NEITHER

ROWS = {
    "train": "sequence,label\nACGT,0\nACGTN,1\nGGGG,0\n",
    "dev": "sequence,label\nTTTT,1\n",
    "test": "sequence,label\nCCCC,0\nACGT,0\n",
}


@pytest.fixture
def table(registry):
    """A registry whose test split has two rows as released and one row in the paper."""
    return registry(task="emp", dataset="H3", published_dir="EMP/H3", train=3, dev=1, test=2, paper_test=1)


@pytest.fixture
def known(tmp_path):
    """A table with the hashes of the train and dev files."""
    rows = [
        {"task": "emp", "dataset": "H3", "split": split, "rows": "", "git_sha1_lf": sha1(ROWS[split].encode())}
        | {"git_sha1_crlf": sha1(crlf(ROWS[split]))}
        for split in ("train", "dev")
    ]
    path = tmp_path / "known.tsv"
    write_table(path, rows, list(rows[0]))
    return path


@pytest.fixture
def run(table, known, tmp_path):
    """``run(origin)``: exit status and output folder."""

    def start(origin, task="emp", dataset="H3", registry=table):
        out = tmp_path / "out"
        arguments = ["--task", task, "--dataset", dataset, "--registry", str(registry), "--known", str(known)]
        return import_dataset.main([*arguments, "--from", str(origin), "--out", str(out)]), out

    return start


def lay_out(folder, name="EMP/H3", suffix=".csv", encode=str.encode):
    for split, content in ROWS.items():
        path = folder / name / f"{split}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(content))
    return folder


def crlf(content):
    return content.replace("\n", "\r\n").encode()


def sha1(content):
    """The output of ``git hash-object``."""
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


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
        lay_out(folder, suffix=".csv.gz", encode=lambda content: gzip.compress(encode(content), mtime=0))
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
    verified = {source["role"]: (source["verified"], source["rows"]) for source in sheet["sources"]}
    assert verified == {
        **dict.fromkeys(("train", "dev"), ("git blob SHA-1", "as released")),
        "test": ("no known file", "as released"),
    }


def test_git_sha1_equals_git_hash_object():
    # the Git Book's example, and an empty file
    assert git_sha1(b"what is up, doc?") == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"
    assert git_sha1(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_an_unknown_file_is_imported_with_a_warning(run, tmp_path, capsys):
    folder = lay_out(tmp_path / "in")
    (folder / "EMP/H3/train.csv").write_text(ROWS["train"].replace("GGGG", "GGGA"))
    (folder / "EMP/H3/dev.csv").write_text(ROWS["dev"] + "TTTA,0\n")
    (folder / "EMP/H3/test.csv").write_text("sequence,label\nCCCC,0\n")
    status, out = run(folder)
    assert status == 0
    sources = json.loads((out / "datasheet.json").read_text())["sources"]
    assert {source["role"]: (source["verified"], source["rows"]) for source in sources} == {
        "train": (DIFFERS, "as released"),
        "dev": (DIFFERS, NEITHER),
        "test": ("no known file", "as in the paper"),
    }
    place = f"warning: {folder}/EMP/H3"
    assert capsys.readouterr().err.splitlines() == [
        f"{place}/train.csv: verified: {DIFFERS}",
        f"{place}/dev.csv: verified: {DIFFERS}",
        f"{place}/dev.csv: rows: {NEITHER}",
    ]


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


def test_classes_without_names_are_numbered(run, tmp_path, registry):
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
        ("sequence,label\nACGT,0\nACGT,2\n", "dev.csv:3: label '2' is outside 0..1"),
        ("sequence,label\nACGT,-1\n", "dev.csv:2: label '-1' is not a class"),
        ("sequence,label\nACGT,1.0\n", "dev.csv:2: label '1.0' is not a class"),
        ("sequence,label\nACGT,yes\n", "dev.csv:2: label 'yes' is not a class"),
        ("sequence,label\nACGT,\n", "dev.csv:2: label '' is not a class"),
        ("sequence,label\nACGT\n", "dev.csv:2: 1 columns where the header has 2"),
        ("sequence,label\nACGT,0\nACGT,TTTT,1\n", "dev.csv:3: 3 columns where the header has 2"),
        ("a,sequence,label\nA,ACGT,0\n", "dev.csv:1: 3 columns, expected sequence,label"),
        ("sequence,label\n,1\n", "dev.csv:2: the sequence is empty"),
        ("sequence,label\nAC GT,1\n", "dev.csv:2: ' ' at letter 3 is not a nucleotide code"),
        ("ACGT,1\nACGA,0\n", "dev.csv:1: header 'ACGT,1'; expected 'sequence,label'"),
        ("sequence,label\n", "dev.csv: no rows"),
        ("", "dev.csv:1: header ''; expected 'sequence,label'"),
    ],
)
def test_bad_rows_are_errors_with_file_and_line(run, tmp_path, capsys, content, complaint):
    folder = lay_out(tmp_path / "in")
    (folder / "EMP/H3/dev.csv").write_text(content)
    status, out = run(folder)
    message = capsys.readouterr().err
    assert status == 1 and complaint in message and message.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("dev.csv", b"sequence,label\nACGT,0\nAC\xffT,1\n", "dev.csv:3: byte 0xff is not UTF-8"),
        ("dev.csv.gz", gzip.compress(ROWS["dev"].encode(), mtime=0)[:-6], "dev.csv.gz: damaged file"),
        ("dev.csv.gz", gzip.compress(b"AAAA", mtime=0)[:-8] + bytes(8), "dev.csv.gz: damaged file"),
        ("dev.csv.gz", b"\x1f\x8b and no more", "dev.csv.gz: damaged file"),
    ],
)
def test_damaged_files_are_named(run, tmp_path, capsys, name, content, complaint):
    folder = lay_out(tmp_path / "in")
    (folder / "EMP/H3/dev.csv").unlink()
    (folder / "EMP/H3" / name).write_bytes(content)
    status, out = run(folder)
    message = capsys.readouterr().err
    assert status == 1 and complaint in message and message.count("\n") == 1
    assert not out.exists()


def test_archives_with_paths_outside_are_refused(run, tmp_path, capsys):
    folder = lay_out(tmp_path / "in")
    for name in ("../evil.csv", "/evil.csv", "a\\..\\evil.csv"):
        status, out = run(zipped(folder, tmp_path / "bad.zip", **{name: "x"}))
        assert status == 1 and "points outside the archive" in capsys.readouterr().err
        assert not out.exists() and not (tmp_path / "evil.csv").exists()
    assert run(tarred(folder, tmp_path / "bad.tar.gz", prefix="../"))[0] == 1
    assert not out.exists()


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo"])
def test_a_tar_with_links_or_devices_is_refused(run, tmp_path, capsys, kind):
    """Whether or not the member has the name of a wanted file."""
    folder = lay_out(tmp_path / "in")
    for name in ("EMP/H3/test.csv", "EMP/other.csv"):
        with tarfile.open(tmp_path / "links.tar", "w") as handle:
            for split in ROWS:
                if name != f"EMP/H3/{split}.csv":
                    handle.add(folder / f"EMP/H3/{split}.csv", f"EMP/H3/{split}.csv")
            link = tarfile.TarInfo(name)
            link.type = {"symlink": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE}[kind]
            link.linkname = str(folder / "EMP/H3/test.csv")
            handle.addfile(link)
        status, out = run(tmp_path / "links.tar")
        assert status == 1 and f"links.tar: member '{name}' is a link or a device" in capsys.readouterr().err
        assert not out.exists()


def test_a_zip_with_a_link_is_refused(run, tmp_path, capsys):
    folder = lay_out(tmp_path / "in")
    (folder / "EMP/H3/test.csv").unlink()
    path = zipped(folder, tmp_path / "links.zip")
    link = zipfile.ZipInfo("EMP/H3/test.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as handle:
        handle.writestr(link, "/etc/passwd")
    status, out = run(path)
    assert status == 1 and "is a link or a device" in capsys.readouterr().err and not out.exists()


def bomb(size):
    """Valid rows that compress to a thousandth of their size."""
    row = b"A" * 99_998 + b",0\n"
    return b"sequence,label\n" + row * (size // len(row))


@pytest.mark.parametrize("packing", ["folder", "gz in a folder", "zip", "tar.gz", "gz in a zip"])
def test_a_file_that_decompresses_beyond_the_limit_is_refused(run, tmp_path, capsys, monkeypatch, packing):
    monkeypatch.setattr(archive, "LARGEST_FILE", 1_000_000)
    folder = lay_out(tmp_path / "in")
    origin = folder
    large = folder / "EMP/H3/dev.csv"
    large.write_bytes(bomb(3_000_000))
    if packing.startswith("gz"):
        large.unlink()
        large.with_suffix(".csv.gz").write_bytes(gzip.compress(bomb(3_000_000), mtime=0))
    if packing.endswith("zip"):
        origin = tmp_path / "GUE.zip"
        with zipfile.ZipFile(origin, "w", zipfile.ZIP_DEFLATED) as handle:
            for file in sorted(folder.rglob("*.csv*")):
                handle.write(file, file.relative_to(folder).as_posix())
    if packing == "tar.gz":
        origin = tarred(folder, tmp_path / "GUE.tar.gz")
    assert packing == "folder" or sum(path.stat().st_size for path in [origin] if path.is_file()) < 100_000
    status, out = run(origin)
    message = capsys.readouterr().err
    assert status == 1 and message.count("\n") == 1 and "dev.csv" in message and "1,000,000 bytes" in message
    assert not out.exists()


def test_the_total_of_all_files_is_limited(run, tmp_path, capsys, monkeypatch):
    folder = lay_out(tmp_path / "in")
    monkeypatch.setattr(archive, "LARGEST_TOTAL", sum(map(len, ROWS.values())))
    assert run(zipped(folder, tmp_path / "GUE.zip"))[0] == 0
    monkeypatch.setattr(archive, "LARGEST_TOTAL", sum(map(len, ROWS.values())) - 1)
    assert run(zipped(folder, tmp_path / "GUE.zip"))[0] == 1
    assert "larger than the limit of" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["first", "last"])
def test_a_tar_header_of_megabytes_is_refused(run, tmp_path, capsys, place):
    """tarfile would read such a header whole into memory."""
    folder = lay_out(tmp_path / "in")
    with tarfile.open(tmp_path / "GUE.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as handle:
        names = [f"EMP/H3/{split}.csv" for split in ROWS]
        for name in names:
            info = handle.gettarinfo(folder / name, name)
            if name == names[0 if place == "first" else -1]:
                info.pax_headers = {"comment": "x" * 2_000_000}
            with (folder / name).open("rb") as content:
                handle.addfile(info, content)
    status, out = run(tmp_path / "GUE.tar.gz")
    message = capsys.readouterr().err
    assert status == 1 and "unreadable archive (a header of 2,000,0" in message and message.count("\n") == 1
    assert not out.exists()


def test_read_limited_reads_at_most_one_byte_beyond_the_limit():
    stream = io.BytesIO(bytes(5000))
    with pytest.raises(UserError):
        archive.read_limited(stream, 1000, "x")
    assert stream.tell() == 1001


def test_missing_duplicate_and_damaged_files_are_errors(run, tmp_path, capsys):
    folder = lay_out(tmp_path / "in")
    (folder / "EMP/H3/test.csv").unlink()
    assert run(folder)[0] == 1 and "no EMP/H3/test.csv" in capsys.readouterr().err
    lay_out(folder / "GUE")
    assert run(folder)[0] == 1 and "both" in capsys.readouterr().err
    assert run(tmp_path / "nowhere")[0] == 1 and "neither a folder nor" in capsys.readouterr().err
    damaged = zipped(lay_out(tmp_path / "whole"), tmp_path / "GUE.zip")
    damaged.write_bytes(damaged.read_bytes()[:-30])
    assert run(damaged)[0] == 1 and "GUE.zip" in capsys.readouterr().err


def test_an_encrypted_zip_is_an_error(run, tmp_path, capsys):
    path = zipped(lay_out(tmp_path / "in"), tmp_path / "GUE.zip")
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # sets the flag "encrypted" of every member
        at = content.find(signature)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(signature, at + 1)
    path.write_bytes(content)
    assert run(path)[0] == 1
    message = capsys.readouterr().err
    assert "GUE.zip: unreadable archive" in message and "encrypted" in message and message.count("\n") == 1


def test_letters_are_normalized_counted_and_the_hash_is_that_of_the_stored_bytes(run, tmp_path):
    folder = lay_out(tmp_path / "in")
    written = "sequence,label\nACGT,0\nacgun,1\n" + "A" * 200_000 + ",0\n"
    (folder / "EMP/H3/train.csv").write_text(written)
    status, out = run(folder)
    assert status == 0
    assert (out / "train.csv").read_text() == written.replace("acgun", "ACGTN")
    sheet = json.loads((out / "datasheet.json").read_text())
    assert sheet["normalized"] == {"rows with lower case": 1, "rows with U": 1, "unknown letters": 1}
    assert sheet["sources"][0]["sha256"] == hashlib.sha256(written.encode()).hexdigest()
