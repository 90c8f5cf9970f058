"""Chunks are the genome's own bases at the place they name, and every base is accounted for."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.common.errors import UserError
from workflow_scripts.genomes import chunk
from workflow_scripts.genomes.chunk import DROPPED, SCHEMA, Cut, chunk_genome, main

REPOSITORY = Path(__file__).resolve().parents[2]
RUNS = st.tuples(st.sampled_from(["A", "c", "gT", "ACGT", "acg", "N", "n", "R", "nnNN", "yK"]), st.integers(1, 12))
SEQUENCES = st.lists(RUNS, min_size=1, max_size=12).map(lambda runs: "".join(text * times for text, times in runs))


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


def by_hand(sequence: str, length: int) -> list[tuple[int, str]]:
    """The chunks of a contig, found one base at a time."""
    chunks, begin = [], 0
    for position in range(len(sequence)):
        if sequence[position].upper() not in "ACGT":
            begin = position + 1
        elif position + 1 - begin == length:
            chunks.append((begin, sequence[begin : position + 1]))
            begin = position + 1
    return chunks


@settings(max_examples=60, deadline=None)
@given(
    contigs=st.lists(SEQUENCES, min_size=1, max_size=4),
    length=st.integers(1, 9),
    min_contig=st.integers(0, 30),
    width=st.integers(1, 20),
)
def test_chunks_lie_where_they_say_and_counts_add_up(contigs, length, min_contig, width):
    with tempfile.TemporaryDirectory() as scratch:
        fasta = write_fasta(Path(scratch) / "g.fa", contigs, width)
        counts = chunk_genome(fasta, "G", Cut(length, min_contig, 1, 0.3, 2), Path(scratch) / "g.parquet")
        rows = read(Path(scratch) / "g.parquet")
    long_enough = {f"contig{n}": text for n, text in enumerate(contigs) if len(text) >= min_contig}
    expected = [(name, start, text) for name, s in long_enough.items() for start, text in by_hand(s, length)]
    assert [(row["contig"], row["start"], row["sequence"]) for row in rows] == [
        (name, start, text.upper()) for name, start, text in expected
    ]
    assert all(row["end"] - row["start"] == length for row in rows)
    lower = [sum(letter.islower() for letter in text) for _, _, text in expected]
    assert [row["soft_masked"] for row in rows] == pytest.approx([count / length for count in lower])

    together = "".join(long_enough.values()).upper()
    ambiguous = len(together) - sum(together.count(letter) for letter in "ACGTN")
    assert counts == {
        "accession": "G",
        "contigs": len(contigs),
        "bases": sum(map(len, contigs)),
        "kept_bases": len(expected) * length,
        "dropped_N": together.count("N"),
        "dropped_other": ambiguous,
        "dropped_short_contig": sum(len(text) for text in contigs if len(text) < min_contig),
        "dropped_tail": len(together) - together.count("N") - ambiguous - len(expected) * length,
        "chunks": len(rows),
        "train_chunks": sum(row["split"] == "train" for row in rows),
        "validation_chunks": sum(row["split"] == "validation" for row in rows),
        "soft_masked": sum(lower),
    }
    assert counts["bases"] == counts["kept_bases"] + sum(counts[reason] for reason in DROPPED)


def test_table_has_the_promised_columns(tmp_path):
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(100, 0)])
    chunk_genome(fasta, "G", Cut(10, 0, 1, 0.1, 2), tmp_path / "g.parquet")
    assert pq.read_schema(tmp_path / "g.parquet").equals(SCHEMA)


def test_validation_blocks_are_whole_and_about_the_fraction_asked(tmp_path):
    cut = Cut(length=10, min_contig=0, seed=3, validation_fraction=0.2, validation_block=5)
    contigs = [random_sequence(20_000, 1), "N" * 37 + random_sequence(20_000, 2)]
    chunk_genome(write_fasta(tmp_path / "g.fa", contigs), "G", cut, tmp_path / "g.parquet")
    sides: dict[tuple, set] = {}
    for row in read(tmp_path / "g.parquet"):
        sides.setdefault((row["contig"], row["start"] // 50), set()).add(row["split"])
    assert all(len(side) == 1 for side in sides.values())
    held_out = [block for block, side in sides.items() if side == {"validation"}]
    assert {contig for contig, _ in held_out} == {"contig0", "contig1"}
    assert 0.15 < len(held_out) / len(sides) < 0.25


@pytest.mark.parametrize("change", [{"seed": 4}, {"accession": "H"}])
def test_split_depends_on_seed_and_genome(tmp_path, change):
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(5_000, 1)])
    splits = []
    for choice in ({"seed": 3, "accession": "G"}, {"seed": 3, "accession": "G"} | change):
        chunk_genome(fasta, choice["accession"], Cut(10, 0, choice["seed"], 0.5, 5), tmp_path / "g.parquet")
        splits.append([row["split"] for row in read(tmp_path / "g.parquet")])
    assert splits[0] != splits[1]


def test_no_validation_when_the_fraction_is_zero(tmp_path):
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(5_000, 1)])
    assert chunk_genome(fasta, "G", Cut(10, 0, 1, 0.0, 1), tmp_path / "g.parquet")["validation_chunks"] == 0


def test_split_of_a_contig_does_not_depend_on_the_others(tmp_path):
    contigs = [random_sequence(3_000, key) for key in range(3)]
    cut = Cut(10, 0, 1, 0.4, 5)
    chunk_genome(write_fasta(tmp_path / "all.fa", contigs), "G", cut, tmp_path / "all.parquet")
    chunk_genome(write_fasta(tmp_path / "one.fa", contigs[:1]), "G", cut, tmp_path / "one.parquet")
    alone = read(tmp_path / "one.parquet")
    assert read(tmp_path / "all.parquet")[: len(alone)] == alone


def test_row_groups_stay_small_and_change_nothing(tmp_path, monkeypatch):
    contigs = [random_sequence(length, length) for length in (3000, 25, 25, 25, 700)]
    fasta, cut = write_fasta(tmp_path / "g.fa", contigs), Cut(10, 0, 1, 0.4, 5)
    counts = chunk_genome(fasta, "G", cut, tmp_path / "one.parquet")
    monkeypatch.setattr(chunk, "ROW_GROUP_BASES", 500)
    assert chunk_genome(fasta, "G", cut, tmp_path / "many.parquet") == counts
    assert read(tmp_path / "many.parquet") == read(tmp_path / "one.parquet")
    groups = pq.ParquetFile(tmp_path / "many.parquet").metadata
    sizes = [groups.row_group(n).num_rows for n in range(groups.num_row_groups)]
    assert sizes[:6] == [50] * 6  # the first contig's parts fill one each
    assert max(sizes) < 100


def test_genome_without_chunks_gives_an_empty_table(tmp_path):
    counts = chunk_genome(
        write_fasta(tmp_path / "g.fa", ["ACGTNACG"]), "G", Cut(10, 0, 1, 0, 1), tmp_path / "g.parquet"
    )
    assert (counts["chunks"], counts["dropped_tail"], counts["dropped_N"]) == (0, 7, 1)
    assert pq.read_table(tmp_path / "g.parquet").schema.equals(SCHEMA)


OPTIONS = {
    "--accession": "G",
    "--length": "50",
    "--min-contig": "60",
    "--seed": "7",
    "--validation-fraction": "0.1",
    "--validation-block": "4",
}


def arguments(fasta: Path, folder: Path) -> list[str]:
    options = OPTIONS | {"--fasta": fasta, "--chunks": folder / "g.parquet", "--counts": folder / "g.json"}
    return [str(part) for option in options.items() for part in option]


def test_same_bytes_whatever_the_hash_seed_and_locale(tmp_path):
    contigs = [random_sequence(40_000, 5).replace("GATC", "gatN"), random_sequence(30, 6)]
    fasta = write_fasta(tmp_path / "g.fa", contigs)
    seen = set()
    for name, environment in (("a", {"PYTHONHASHSEED": "1"}), ("b", {"PYTHONHASHSEED": "2", "LC_ALL": "C"})):
        command = [sys.executable, "-m", "workflow_scripts.genomes.chunk", *arguments(fasta, tmp_path / name)]
        subprocess.run(command, cwd=REPOSITORY, env=os.environ | environment, check=True, capture_output=True)
        seen.add(((tmp_path / name / "g.parquet").read_bytes(), (tmp_path / name / "g.json").read_bytes()))
    assert len(seen) == 1
    assert json.loads((tmp_path / "a" / "g.json").read_text())["chunks"] > 100


def test_damaged_input_leaves_nothing(tmp_path, capsys):
    fasta = write_fasta(tmp_path / "g.fa", [random_sequence(1000, 1), "MEEPQSDPSV"])
    out = tmp_path / "out"
    out.mkdir()
    assert main(arguments(fasta, out)) == 1
    assert "error: " in capsys.readouterr().err
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("bad", [{"length": 0}, {"validation_block": 0}, {"validation_fraction": 1.0}])
def test_senseless_options(bad):
    with pytest.raises(UserError, match=f"--{next(iter(bad)).replace('_', '-')} "):
        Cut(**{"length": 10, "min_contig": 0, "seed": 1, "validation_fraction": 0.1, "validation_block": 1} | bad)
