"""The data of config/studies.yaml: its plan, and annotation that fits the genome."""

import os
from pathlib import Path

import pytest

from tests.real.marks import NEEDS_REAL_DATA
from tests.real.mirror import prepare_studies
from tests.workflow.harness import REPOSITORY, job_counts, snakemake
from workflow_scripts.common.files import read_table
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.genomes.contigs import read_fasta
from workflow_scripts.studies.study_tokens import read_features
from workflow_scripts.studies.study_variants import read_regions

pytestmark = NEEDS_REAL_DATA


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory) -> Path:
    """A working directory with the data."""
    folder = tmp_path_factory.mktemp("studies")
    prepare_studies(Path(os.environ["REAL_DATA"]), folder / "studies")
    return folder


def test_every_study_is_planned(laid_out):
    options = [
        "--configfile",
        REPOSITORY / "config/studies.yaml",
        "--directory",
        laid_out,
        "--dry-run",
        "--",
        "studies",
    ]
    counts = job_counts(snakemake(*options).stdout)
    genomes = len(read_table(laid_out / "studies/species.tsv"))
    assert counts["download_genome"] == counts["chunk_genome"] == genomes == 23
    assert sum(rule.startswith("study_") for rule in counts) == 11
    assert counts["pretrain_model"] == 15 and counts["import_dataset"] == 4


def test_the_genes_and_features_are_those_of_the_genome(laid_out):
    fasta = next((laid_out / "studies/mirror").glob("**/s_cerevisiae*_genomic.fna.gz"))
    contigs = {contig.name: contig.sequence.decode().upper() for contig in read_fasta(fasta)}
    genes = read_regions(laid_out / "studies/yeast_genes.bed")
    spelled = [
        contigs[contig][start:end] if strand == "+" else reverse_complement(contigs[contig][start:end])
        for contig, regions in genes.items()
        for start, end, strand in regions
    ]
    assert len(spelled) > 4000
    assert all(gene[:3] == "ATG" and gene[-3:] in ("TAA", "TAG", "TGA") and len(gene) % 3 == 0 for gene in spelled)
    features = read_features(laid_out / "studies/yeast_features.bed")
    assert {"ORF", "ARS", "long_terminal_repeat", "tRNA_gene"} < features.keys()
    assert all(set(places) <= set(contigs) for places in features.values())
