"""Genomes and VCF files of the tests of variants."""

from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.apply.genome import Genome
from workflow_scripts.common.files import write_text

HEADER = """##fileformat=VCFv4.3
##FILTER=<ID=PASS,Description="All filters passed">
##source=a test
##INFO=<ID=CLNSIG,Number=.,Type=String,Description="What is known">
##INFO=<ID=BAD,Number=0,Type=Flag,Description="Whether it breaks something">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##contig=<ID=1,length={length}>
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	sample
"""


def genome_of(contigs: dict[str, str]) -> Genome:
    """A genome in memory."""
    lengths = {name: len(sequence) for name, sequence in contigs.items()}
    return Genome(Path("genome.fa"), lengths, {}, lambda contig, start, end: contigs[contig][start:end])


def write_vcf(path: Path, rows: Iterable[tuple], length: int = 1000) -> Path:
    """A VCF of (position, reference, alternative[, INFO]) on contig 1, with a sample."""
    lines = []
    for number, (position, reference, alternative, *info) in enumerate(rows):
        fields = ["1", position, f"v{number}", reference, alternative, ".", "PASS", *(info or ["."]), "GT", "0/1"]
        lines.append("\t".join(map(str, fields)) + "\n")
    write_text(path, HEADER.format(length=length) + "".join(lines))
    return path
