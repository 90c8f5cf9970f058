"""Real genomes: the counts of chunking are the bases and the N that an independent manifest gives."""

import csv
import gzip
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.genomes.chunk import DROPPED, Cut, chunk_genome
from workflow_scripts.genomes.fasta import read_fasta

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not os.environ.get("REAL_DATA"), reason="REAL_DATA does not name the folder of real data"),
]
CUT = Cut(length=1000, min_contig=0, seed=42, validation_fraction=0.05, validation_block=20)
REPEATED_NAMES = "chicken_galGal3_axt_blocks"  # blocks of an alignment, no assembly: one stands there twice


@pytest.fixture(scope="module")
def manifest():
    folder = Path(os.environ["REAL_DATA"]) / "genomes"
    with (folder / "manifest.tsv").open() as handle:
        return [row | {"path": folder / row["file"]} for row in csv.DictReader(handle, delimiter="\t")]


def number_contigs(source: Path, copy: Path) -> Path:
    """A copy whose contigs have numbers before their names."""
    with gzip.open(source, "rt") as lines, copy.open("w") as out:
        out.writelines(f">{n}_{line[1:]}" if line.startswith(">") else line for n, line in enumerate(lines))
    return copy


@pytest.fixture(scope="module")
def genomes(manifest, tmp_path_factory):
    """The manifest, with the one file that the reader rightly refuses mended."""
    copy = tmp_path_factory.mktemp("mended") / "genome.fa"
    return [
        row | {"path": number_contigs(row["path"], copy)} if row["id"] == REPEATED_NAMES else row for row in manifest
    ]


def test_repeated_contig_names_are_refused(manifest):
    (path,) = [row["path"] for row in manifest if row["id"] == REPEATED_NAMES]
    with pytest.raises(UserError, match="occurs twice"):
        list(read_fasta(path))


def test_bases_and_n_of_every_genome(genomes, tmp_path):
    assert len(genomes) > 1
    for row in genomes:
        counts = chunk_genome(row["path"], row["id"], CUT, tmp_path / "g.parquet")
        found = (counts["contigs"], counts["bases"], counts["dropped_N"])
        assert found == (int(row["n_records"]), int(row["bp"]), int(row["n_N"])), row["id"]
        assert counts["bases"] == counts["kept_bases"] + sum(counts[reason] for reason in DROPPED)
        assert pq.ParquetFile(tmp_path / "g.parquet").metadata.num_rows == counts["chunks"]


def test_soft_masked_share_of_every_genome(genomes):
    for row in genomes:
        lower = bases = 0
        for _, sequence in read_fasta(row["path"]):
            letters = np.frombuffer(sequence, np.uint8)
            lower += int(np.count_nonzero(letters >= ord("a")))
            bases += len(letters)
        assert lower / bases == pytest.approx(float(row["lowercase_frac"]), abs=6e-5), row["id"]


@pytest.mark.parametrize("name", ["GCF_000742135.1", "gerp_Diceros_bicornis", "c_elegans_III_1Mb"])
def test_chunks_are_the_bases_at_their_place(manifest, tmp_path, name):
    (path,) = [row["path"] for row in manifest if row["id"] == name]
    chunk_genome(path, name, CUT, tmp_path / "g.parquet")
    contigs = dict(read_fasta(path))
    for row in pq.read_table(tmp_path / "g.parquet").to_pylist():
        there = contigs[row["contig"]][row["start"] : row["end"]].decode()
        assert row["sequence"] == there.upper()
        assert row["soft_masked"] == pytest.approx(sum(map(str.islower, there)) / 1000)
