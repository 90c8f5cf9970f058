"""A genome in any format and compression becomes a gzipped FASTA."""

import bz2
import gzip
import lzma
from pathlib import Path

import pyarrow
import pytest

from tests.gue.conftest import twobit_bytes
from workflow_scripts.genomes.contigs import read_fasta
from workflow_scripts.genomes.download_genome import main

ACCESSION = "GCF_000006945.2"
PLAIN = b">one\nACGTacgtNN\n>two\nGGGRY\n"


def genome_of(folder: Path) -> Path:
    return folder / "out" / "g.fna.gz"


def run(folder: Path, *options: str) -> int:
    out = ["--fasta", str(genome_of(folder)), "--out", str(folder / "out" / "g.json")]
    return main(["--accession", ACCESSION, *options, *out])


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("genome.ffn.bz2", bz2.compress),
        ("genome.fsa.xz", lzma.compress),
        ("genome.mfa.zst", lambda data: pyarrow.compress(data, codec="zstd", asbytes=True)),
        ("genome.fa.gz", bytes),
        ("genome.fa", gzip.compress),
    ],
)
def test_the_content_decides_how_a_genome_is_compressed(tmp_path, name, packed):
    (tmp_path / name).write_bytes(packed(PLAIN))
    assert run(tmp_path, "--url", str(tmp_path / name)) == 0
    assert gzip.decompress(genome_of(tmp_path).read_bytes()) == PLAIN


@pytest.mark.parametrize("order", ["little", "big"])
def test_a_twobit_genome_becomes_a_soft_masked_fasta(tmp_path, order):
    contigs = {"chr1": "ACGTTnnnGCA", "chrM": "N", "late": "TTTTCCCCNNAAAAGGGGa" * 9}
    (tmp_path / "genome.2bit").write_bytes(twobit_bytes(contigs, order))
    assert run(tmp_path, "--url", str(tmp_path / "genome.2bit")) == 0
    found = {contig.name: contig.sequence.decode() for contig in read_fasta(genome_of(tmp_path))}
    assert found == contigs


@pytest.mark.parametrize("given", ["", "ncbi_dataset", f"ncbi_dataset/data/{ACCESSION}"])
def test_an_unpacked_dataset_of_ncbi_is_a_folder_of_its_accession(tmp_path, given):
    folder = tmp_path / "unpacked" / "ncbi_dataset" / "data" / ACCESSION
    folder.mkdir(parents=True)
    (folder / f"{ACCESSION}_ASM694v2_genomic.fna").write_bytes(PLAIN)
    (folder / "cds_from_genomic.fna").write_bytes(b">cds\nACGT\n")
    assert run(tmp_path, "--url", str(tmp_path / "unpacked" / given)) == 0
    assert gzip.decompress(genome_of(tmp_path).read_bytes()) == PLAIN
