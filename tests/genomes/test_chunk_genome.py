"""Chunks have the bases of the genome at their positions, and every base is counted."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from workflow_scripts.common import fasta_blocks
from workflow_scripts.common.errors import UserError
from workflow_scripts.genomes import chunk_genome
from workflow_scripts.genomes.chunk_genome import Cut, cut_genome, main
from workflow_scripts.genomes.chunk_tables import FINGERPRINT, SCHEMA, fingerprints

REPOSITORY = Path(__file__).resolve().parents[2]


def write_fasta(path: Path, contigs: list[str], width: int = 60) -> Path:
    lines = []
    for number, sequence in enumerate(contigs):
        lines += [f">contig{number} made up", *(sequence[i : i + width] for i in range(0, len(sequence), width))]
    path.write_text("\n".join(lines) + "\n")
    return path


def random_sequence(length: int, key: int) -> str:
    return "".join(np.random.default_rng(key).choice(list("ACGT"), length))


def read(path: Path) -> list[dict]:
    return pq.read_table(path).to_pylist()


def test_the_table_has_the_documented_columns(tmp_path):
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(100, 0)])
    cut = Cut(10, 0, 1, 0.1, 2)
    for duplicates, schema in (("keep", SCHEMA), ("exact", SCHEMA.append(FINGERPRINT))):
        cut_genome(fasta, "GCF_1.1", replace(cut, duplicates=duplicates), tmp_path / "g.parquet")
        found = pq.read_schema(tmp_path / "g.parquet")
        assert found.equals(schema)
        assert found.metadata[b"accession"] == b"GCF_1.1"


def test_chunks_of_the_papers_settings_have_not_changed(tmp_path):
    """The digest is from a version whose only options were length, shortest contig and split."""
    first = random_sequence(30_000, 11).replace("GATC", "gatc").replace("CCCC", "NNrN")
    fasta = write_fasta(tmp_path / "g.fa", [first, random_sequence(70, 12), random_sequence(5_000, 13)])
    cut_genome(fasta, "GCF_1", Cut(50, 60, 42, 0.2, 4), tmp_path / "g.parquet")
    rows = [list(row.values()) for row in read(tmp_path / "g.parquet")]
    assert len(rows) == 660
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    assert digest == "f24040718afdaa46faaeeb1b05151aa0ea02bdad8e4a7f1e09e36d1cc09e2c8e"


def test_overlapping_windows_start_again_in_each_run(tmp_path):
    """Windows of 10 bases that share 4 start every 6 bases of each run."""
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(27, 1) + "N" + random_sequence(9, 2)])
    counts = cut_genome(fasta, "G", Cut(10, 0, 1, 0.0, 1, overlap=4), tmp_path / "g.parquet")
    assert [row["start"] for row in read(tmp_path / "g.parquet")] == [0, 6, 12]
    assert (counts["kept_bases"], counts["dropped_tail"], counts["dropped_N"]) == (22, 5 + 9, 1)


def test_training_windows_at_the_border_of_validation_are_dropped(tmp_path):
    cut = Cut(10, 0, 3, 0.3, 4, overlap=4)
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(6_004, 1)])
    counts = cut_genome(fasta, "G", cut, tmp_path / "g.parquet")
    rows = read(tmp_path / "g.parquet")
    sides = {row["start"] // 6: row["split"] for row in rows}
    assert {number // 4 for number, side in sides.items() if side == "validation"}.isdisjoint(
        number // 4 for number, side in sides.items() if side == "train"
    )
    dropped = sorted(set(range(1_000)) - set(sides))
    assert 0 < len(dropped) == 1_000 - counts["chunks"]
    assert all("validation" in (sides.get(number - 1), sides.get(number + 1)) for number in dropped)
    assert counts["dropped_border"] == 2 * len(dropped)  # neighbours cover 8 of its 10 bases


def test_windows_with_too_much_lower_case_are_dropped(tmp_path):
    sequence = "a" * 3 + "C" * 7 + "a" * 4 + "C" * 6 + "a" * 10
    fasta = write_fasta(tmp_path / "g.fa", [sequence])
    counts = cut_genome(fasta, "G", Cut(10, 0, 1, 0.0, 1, max_soft_masked=0.3), tmp_path / "g.parquet")
    assert [row["start"] for row in read(tmp_path / "g.parquet")] == [0]
    assert (counts["dropped_repeat"], counts["kept_bases"], counts["soft_masked"]) == (20, 10, 3)


@pytest.mark.parametrize(
    ("exclude", "kept"),
    [((), ["chr1", "MT", "pX"]), (("organelle",), ["chr1", "pX"]), (("organelle", "plasmid"), ["chr1"])],
)
def test_organelles_and_plasmids_are_dropped_whole(tmp_path, exclude, kept):
    headers = {"chr1": "chromosome 1", "MT": "mitochondrion, complete genome", "pX": "plasmid pX"}
    sizes = dict(zip(headers, (50, 40, 30), strict=True))
    records = [f">{name} A b {headers[name]}\n{random_sequence(sizes[name], 1)}\n" for name in headers]
    (tmp_path / "g.fa").write_text("".join(records))
    counts = cut_genome(tmp_path / "g.fa", "G", Cut(10, 0, 1, 0.0, 1, exclude=exclude), tmp_path / "g.parquet")
    assert {row["contig"] for row in read(tmp_path / "g.parquet")} == set(kept)
    assert counts["dropped_organelle"] == (40 if "organelle" in exclude else 0)
    assert counts["dropped_plasmid"] == (30 if "plasmid" in exclude else 0)
    assert (counts["contigs"], counts["bases"], counts["kept_bases"]) == (3, 120, sum(sizes[name] for name in kept))


def test_repeated_names_are_numbered_and_stay_traceable(tmp_path, capsys):
    names = ["chr1", "chr1", "chr1#2", "chr2", "chr1", "chr1#2"]
    sequences = [random_sequence(20, key) for key in range(6)]
    (tmp_path / "g.fa").write_text("".join(f">{n}\n{s}\n" for n, s in zip(names, sequences, strict=True)))
    counts = cut_genome(tmp_path / "g.fa", "G", Cut(20, 0, 1, 0.5, 1), tmp_path / "g.parquet")
    contigs = {row["sequence"]: row["contig"] for row in read(tmp_path / "g.parquet")}
    assert [contigs[s] for s in sequences] == ["chr1", "chr1#2", "chr1#2#2", "chr2", "chr1#3", "chr1#2#3"]
    assert counts["renamed_contigs"] == 4
    assert "4 contigs with repeated names are numbered" in capsys.readouterr().err


def test_contigs_without_chunks_are_counted(tmp_path):
    """Contigs of only N, without bases, and shorter than a chunk."""
    (tmp_path / "g.fa").write_text(">n\nNNNNnnnnNNNN\n>empty\n>short\nACGTACG\n>long\nACGTACGTAC\n")
    counts = cut_genome(tmp_path / "g.fa", "G", Cut(10, 0, 1, 0.0, 1), tmp_path / "g.parquet")
    assert [row["contig"] for row in read(tmp_path / "g.parquet")] == ["long"]
    expected = {"contigs": 4, "bases": 29, "dropped_N": 12, "dropped_tail": 7, "kept_bases": 10, "chunks": 1}
    assert counts | expected == counts


def test_fingerprints_distinguish_windows_and_optionally_not_their_strands():
    windows = np.array([list(text.encode()) for text in ("ACCGT", "ACGGT", "TTTTT", "AAAAA", "ACCGT")], np.uint8)
    exact, either = fingerprints(windows, both_strands=False), fingerprints(windows, both_strands=True)
    assert len(set(exact)) == 4 and exact[0] == exact[4]
    assert either[0] == either[1] == either[4] != either[2] == either[3]
    assert exact[0] == int.from_bytes(hashlib.blake2b(b"ACCGT", digest_size=8).digest(), "little")


def test_whole_blocks_are_held_out_in_about_the_requested_fraction(tmp_path):
    cut = Cut(length=10, min_contig=0, seed=3, validation_fraction=0.2, validation_block=5)
    contigs = [random_sequence(20_000, 1), "N" * 37 + random_sequence(20_000, 2)]
    cut_genome(write_fasta(tmp_path / "g.fa", contigs), "G", cut, tmp_path / "g.parquet")
    sides: dict[tuple, set] = {}
    for row in read(tmp_path / "g.parquet"):
        sides.setdefault((row["contig"], row["start"] // 50), set()).add(row["split"])
    assert all(len(side) == 1 for side in sides.values())
    held_out = [block for block, side in sides.items() if side == {"validation"}]
    assert {contig for contig, _ in held_out} == {"contig0", "contig1"}
    assert 0.15 < len(held_out) / len(sides) < 0.25


@pytest.mark.parametrize("change", [{"seed": 4}, {"accession": "H"}])
def test_the_split_depends_on_seed_and_accession(tmp_path, change):
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(5_000, 1)])
    splits = []
    for choice in ({"seed": 3, "accession": "G"}, {"seed": 3, "accession": "G"} | change):
        cut_genome(fasta, choice["accession"], Cut(10, 0, choice["seed"], 0.5, 5), tmp_path / "g.parquet")
        splits.append([row["split"] for row in read(tmp_path / "g.parquet")])
    assert splits[0] != splits[1]


@pytest.mark.parametrize("fraction", [0.0, 1.0])
def test_a_genome_can_be_held_out_completely_or_not_at_all(tmp_path, fraction):
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(5_000, 1)])
    counts = cut_genome(fasta, "G", Cut(10, 0, 1, fraction, 1, overlap=3), tmp_path / "g.parquet")
    assert counts["validation_chunks"] == fraction * counts["chunks"] > -1
    assert counts["chunks"] == (5_000 - 3) // 7


def test_the_split_of_a_contig_does_not_depend_on_other_contigs(tmp_path):
    contigs = [random_sequence(3_000, key) for key in range(3)]
    cut = Cut(10, 0, 1, 0.4, 5)
    cut_genome(write_fasta(tmp_path / "all.fa", contigs), "G", cut, tmp_path / "all.parquet")
    cut_genome(write_fasta(tmp_path / "one.fa", contigs[:1]), "G", cut, tmp_path / "one.parquet")
    expected = read(tmp_path / "one.parquet")
    assert read(tmp_path / "all.parquet")[: len(expected)] == expected


def test_contigs_smaller_than_a_block_are_separate_blocks(tmp_path):
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(30, key) for key in range(400)])
    cut_genome(fasta, "G", Cut(10, 0, 1, 0.25, 100), tmp_path / "g.parquet")
    sides: dict[str, set] = {}
    for row in read(tmp_path / "g.parquet"):
        sides.setdefault(row["contig"], set()).add(row["split"])
    assert len(sides) == 400 and all(len(side) == 1 for side in sides.values())
    assert 70 < sum(side == {"validation"} for side in sides.values()) < 130


def test_the_size_of_row_groups_does_not_change_the_table(tmp_path, monkeypatch):
    contigs = [random_sequence(length, length) for length in (3000, 25, 25, 25, 700)]
    fasta, cut = write_fasta(tmp_path / "g.fa", contigs), Cut(10, 0, 1, 0.4, 5)
    counts = cut_genome(fasta, "G", cut, tmp_path / "one.parquet")
    monkeypatch.setattr(chunk_genome, "ROW_GROUP_BASES", 500)
    assert cut_genome(fasta, "G", cut, tmp_path / "many.parquet") == counts
    assert read(tmp_path / "many.parquet") == read(tmp_path / "one.parquet")
    groups = pq.ParquetFile(tmp_path / "many.parquet").metadata
    sizes = [groups.row_group(n).num_rows for n in range(groups.num_row_groups)]
    assert sizes == [50] * 6 + [6] + [50, 20]  # the large contigs in parts, the three small ones together


def test_a_genome_without_chunks_gives_an_empty_table(tmp_path):
    counts = cut_genome(write_fasta(tmp_path / "g.fa", ["ACGTNACG"]), "G", Cut(10, 0, 1, 0, 1), tmp_path / "g.parquet")
    assert (counts["chunks"], counts["dropped_tail"], counts["dropped_N"]) == (0, 7, 1)
    assert pq.read_table(tmp_path / "g.parquet").schema.equals(SCHEMA)


OPTIONS = {
    "--accession": "G",
    "--length": "50",
    "--min-contig": "60",
    "--seed": "7",
    "--validation-fraction": "0.1",
    "--validation-block": "4",
    "--overlap": "7",
    "--max-soft-masked": "0.9",
    "--duplicates": "reverse_complement",
}


def arguments(fasta: Path, folder: Path) -> list[str]:
    options = OPTIONS | {"--fasta": fasta, "--chunks": folder / "g.parquet", "--counts": folder / "g.json"}
    return [str(part) for option in options.items() for part in option]


@pytest.mark.slow
def test_bytes_do_not_depend_on_hash_seed_and_locale(tmp_path):
    contigs = [random_sequence(40_000, 5).replace("GATC", "gatN"), random_sequence(30, 6)]
    fasta = write_fasta(tmp_path / "g.fa", contigs)
    seen = set()
    for name, environment in (("a", {"PYTHONHASHSEED": "1"}), ("b", {"PYTHONHASHSEED": "2", "LC_ALL": "C"})):
        command = [sys.executable, "-m", "workflow_scripts.genomes.chunk_genome", *arguments(fasta, tmp_path / name)]
        subprocess.run(command, cwd=REPOSITORY, env=os.environ | environment, check=True, capture_output=True)
        seen.add(((tmp_path / name / "g.parquet").read_bytes(), (tmp_path / name / "g.json").read_bytes()))
    assert len(seen) == 1
    assert json.loads((tmp_path / "a" / "g.json").read_text())["chunks"] > 100


def test_invalid_input_writes_no_file(tmp_path, capsys):
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(1000, 1), "MEEPQSDPSV"])
    out = tmp_path / "out"
    out.mkdir()
    assert main(arguments(fasta, out)) == 1
    assert "error: " in capsys.readouterr().err
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    "bad",
    [
        *[{"length": 0}, {"overlap": 10}, {"overlap": -1}, {"max_soft_masked": 1.1}, {"max_soft_masked": float("nan")}],
        *[{"validation_block": 0}, {"validation_fraction": 1.01}, {"validation_fraction": -0.1}],
    ],
)
def test_invalid_options_are_named(bad):
    with pytest.raises(UserError, match=f"--{next(iter(bad)).replace('_', '-')} "):
        Cut(**{"length": 10, "min_contig": 0, "seed": 1, "validation_fraction": 0.1, "validation_block": 1} | bad)


def test_only_one_large_contig_is_in_memory_at_a_time(tmp_path, monkeypatch):
    """Python's memory is one contig, an eighth more from growing it, and small objects."""
    monkeypatch.setattr(chunk_genome, "ROW_GROUP_BASES", 100_000)
    monkeypatch.setattr(fasta_blocks, "BUFFER", 50_000)
    tile = random_sequence(50_000, 1)
    path = write_fasta(tmp_path / "g.fa", [tile * 80] * 3)
    tracemalloc.start()
    cut_genome(path, "G", Cut(1000, 0, 1, 0.1, 5), tmp_path / "g.parquet")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * 4_000_000


# in a new process, because the peak of a child starts at that of its parent
PEAK = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "workflow_scripts.genomes.chunk_genome", *sys.argv[1:]], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


@pytest.mark.slow
def test_a_contig_of_300_mbp_needs_one_byte_per_base(tmp_path):
    """And 250 MB for libraries, two row groups and the writer."""
    tile = random_sequence(1_000_000, 1)
    lines = "\n".join(tile[first : first + 80] for first in range(0, len(tile), 80)) + "\n"
    member = gzip.compress(lines.encode(), 1)
    with (tmp_path / "g.fa.gz").open("wb") as out:
        out.write(gzip.compress(b">chr1\n"))
        for _ in range(300):
            out.write(member)
    command = [sys.executable, "-c", PEAK, *arguments(tmp_path / "g.fa.gz", tmp_path)]
    command += ["--length", "1000", "--overlap", "0", "--duplicates", "keep"]
    run = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    assert json.loads((tmp_path / "g.json").read_text())["kept_bases"] == 300_000_000
    assert int(run.stdout) < 300e6 + 250e6
