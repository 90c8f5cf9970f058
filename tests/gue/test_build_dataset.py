"""build_dataset: the same bytes on every run, all files or none, and datasheets whose counts add up."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workflow_scripts.gue import audit_dataset, build_dataset

ROOT = Path(__file__).parents[2]
READ = ("train.csv", "dev.csv", "test.csv", "places.tsv", "ids.tsv", "classes.json")
FILES = (*READ, "SHA256SUMS", "datasheet.json", "README.md")


@pytest.fixture
def peaks(fasta, text, bases, registry):
    """Arguments that build a small tf_human set."""
    rows = [f"c\t{at}\t{at + 60}\t.\t1\t.\t1\t-1\t-1\t30" for at in range(200, 19_000, 120)]
    genome, peaks = fasta({"c": bases(40_000, 51)}), text("a.narrowPeak", "\n".join(rows) + "\n")
    table = registry(task="tf_human", dataset="0", length=21)
    return [
        *("--task", "tf_human", "--dataset", "0", "--registry", str(table)),
        *(f"--source=genome={genome}", f"--source=peaks={peaks}"),
    ]


def read(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.fixture
def genes(fasta, text, bases, registry):
    """Arguments that build a small splice set."""
    rows = []
    for number, at in enumerate(range(500, 30_000, 1000)):
        rows.append(f"G{number}\t0\tc\t{'+-'[number % 2]}\t{at}\t{at + 800}\t{at + 200},\t{at + 500},")
    genome, table = fasta({"c": bases(32_000, 52)}), text("genes.txt", "\n".join(rows) + "\n")
    datasets = registry(task="splice", dataset="reconstructed", length=60, classes="a;d;n")
    return [
        *("--task", "splice", "--dataset", "reconstructed", "--registry", str(datasets)),
        *(f"--source=genome={genome}", f"--source=genes={table}"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["peaks", "genes"])
def test_hash_seed_and_threads_do_not_change_the_files(name, request, tmp_path):
    """The iteration order of sets of strings depends on the hash seed; the files must not."""
    arguments = request.getfixturevalue(name)
    results = []
    for number, (hash_seed, threads) in enumerate((("0", "1"), ("4242", "3"))):
        out = tmp_path / f"out{number}"
        command = [sys.executable, "-m", "workflow_scripts.gue.build_dataset", *arguments, "--out", str(out)]
        environment = {"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True, capture_output=True)
        results.append(read(out))
    assert results[0] == results[1]
    assert build_dataset.main([*arguments, "--seed", "7", "--out", str(tmp_path / "other")]) == 0
    assert read(tmp_path / "other")["train.csv"] != results[0]["train.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["peaks", "genes"])
def test_fasta_and_twobit_give_the_same_rows(name, request, tmp_path, twobit, read_fasta):
    arguments = request.getfixturevalue(name)
    fasta = next(Path(a.split("=")[2]) for a in arguments if a.startswith("--source=genome"))
    packed = tmp_path / "genome.2bit"
    packed.write_bytes(twobit(read_fasta(fasta)))
    assert build_dataset.main([*arguments, "--out", str(tmp_path / "fasta")]) == 0
    other = [a.replace(str(fasta), str(packed)) for a in arguments]
    assert build_dataset.main([*other, "--out", str(tmp_path / "twobit")]) == 0
    for split in ("train.csv", "dev.csv", "test.csv"):
        assert (tmp_path / "fasta" / split).read_bytes() == (tmp_path / "twobit" / split).read_bytes()


def test_files_and_datasheet_agree(peaks, tmp_path):
    assert build_dataset.main([*peaks, "--out", str(tmp_path / "out")]) == 0
    sums = dict(line.split("  ")[::-1] for line in (tmp_path / "out/SHA256SUMS").read_text().splitlines())
    assert sums == {name: hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() for name in READ}
    sheet = json.loads((tmp_path / "out/datasheet.json").read_text())
    assert sheet["registry_rows"] == {"train": 80, "dev": 10, "test": 10}
    seen = set()
    for name, split in sheet["splits"].items():
        content = (tmp_path / f"out/{name}.csv").read_bytes()
        assert hashlib.sha256(content).hexdigest() == split["sha256"]
        rows = list(csv.DictReader(content.decode().splitlines()))
        assert len(rows) == split["rows"] == sum(split["classes"].values()) == sheet["registry_rows"][name]
        assert split["classes"]["0"] == split["classes"]["1"]
        sequences = {row["sequence"] for row in rows}
        assert len(sequences) == len(rows) and not sequences & seen
        seen |= sequences
    assert sheet["candidates"] == 100 + sum(sheet["dropped"].values())
    assert sheet["length"] == {"min": 21, "median": 21, "max": 21}
    assert (sheet["origin"], sheet["classes"], sheet["seed"]) == ("primary", ["no", "yes"], 42)
    assert {source["role"] for source in sheet["sources"]} == {"genome", "peaks"}
    card = (tmp_path / "out/README.md").read_text()
    assert "| 1: yes | 40 | 5 | 5 |" in card and "| all | 80 | 10 | 10 |" in card
    assert all(source["sha256"] in card for source in sheet["sources"])
    assert f"Of {sheet['candidates']:,} candidates 100 became rows." in card


def test_max_rows_and_length_override_the_registry(peaks, tmp_path):
    out = tmp_path / "out"
    assert build_dataset.main([*peaks, "--max-rows", "40", "6", "100", "--length", "11", "--out", str(out)]) == 0
    sheet = json.loads((out / "datasheet.json").read_text())
    assert {name: split["rows"] for name, split in sheet["splits"].items()} == {"train": 40, "dev": 6, "test": 10}
    assert sheet["length"]["max"] == 11


def test_max_rows_of_zero_is_no_limit(peaks, tmp_path):
    assert build_dataset.main([*peaks, "--max-rows", "0", "6", "0", "--out", str(tmp_path / "out")]) == 0
    sheet = json.loads((tmp_path / "out/datasheet.json").read_text())
    registry = sheet["registry_rows"]
    rows = {name: split["rows"] for name, split in sheet["splits"].items()}
    assert rows == {"train": registry["train"], "dev": 6, "test": registry["test"]}


def test_few_candidates_keep_the_proportions_of_the_splits(peaks, tmp_path, text):
    few = text(
        "few.narrowPeak", "".join(f"c\t{at}\t{at + 60}\t.\t1\t.\t1\t-1\t-1\t30\n" for at in range(200, 2600, 120))
    )
    assert build_dataset.main([*peaks[:-1], f"--source=peaks={few}", "--out", str(tmp_path / "out")]) == 0
    sheet = json.loads((tmp_path / "out/datasheet.json").read_text())
    assert {name: split["rows"] for name, split in sheet["splits"].items()} == {"train": 32, "dev": 4, "test": 4}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (["--dataset", "9"], "0 rows for tf_human/9"),
        (["--source", "peaks=nowhere"], "needed once, given 2 times"),
        (["--length", "39999"], "too few rows"),
    ],
)
def test_an_error_is_one_line_and_writes_no_file(peaks, tmp_path, capsys, change, complaint):
    out = tmp_path / "out"
    assert build_dataset.main([*peaks, *change, "--out", str(out)]) == 1
    message = capsys.readouterr().err.strip()
    assert complaint in message and message.count("\n") == 0 and message.startswith("error: ")
    assert not out.exists()


def test_a_failed_write_keeps_the_previous_files(peaks, tmp_path, monkeypatch):
    out = tmp_path / "out"
    assert build_dataset.main([*peaks, "--out", str(out)]) == 0
    before = read(out)
    monkeypatch.setattr(Path, "write_bytes", lambda self, data: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        build_dataset.main([*peaks, "--seed", "8", "--out", str(out)])
    assert read(out) == before and sorted(path.name for path in out.iterdir()) == sorted(FILES)


def test_a_homology_split_has_no_leaks_and_is_named_in_the_datasheet(peaks, tmp_path):
    """Pairs of peaks 3 bases apart: their windows of 21 bp overlap, and a random split separates some pairs."""
    close = tmp_path / "close.narrowPeak"
    starts = [base + shift for base in range(200, 19_000, 240) for shift in (0, 3)]
    close.write_text("".join(f"c\t{at}\t{at + 60}\t.\t1\t.\t1\t-1\t-1\t30\n" for at in starts))
    leaks = {}
    for method in ("random", "homology"):
        out, figures = tmp_path / method, tmp_path / f"{method}.json"
        assert build_dataset.main([*peaks[:-1], f"--source=peaks={close}", "--split", method, "--out", str(out)]) == 0
        sheet = json.loads((out / "datasheet.json").read_text())
        assert sheet["split"]["method"] == method and ("near_is" in sheet["split"]) == (method == "homology")
        rows = sum(split["rows"] for split in sheet["splits"].values())
        assert sheet["candidates"] == rows + sum(sheet["dropped"].values())
        name = ["--task", "tf_human", "--dataset", "0", "--data", str(out)]
        assert audit_dataset.main([*name, "--rows", str(tmp_path / "rows.tsv"), "--out", str(figures)]) == 0
        leaks[method] = json.loads(figures.read_text())["leaks"]
    assert leaks["homology"] == {"dev": 0, "test": 0} and leaks["random"]["test"] > 0


def test_help_lists_the_roles(capsys):
    with pytest.raises(SystemExit):
        build_dataset.main(["--help"])
    text = capsys.readouterr().out
    assert all(role in text for role in ("tata_motifs", "species_genome:LABEL", "lineages", "histone"))
