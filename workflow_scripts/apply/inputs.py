"""Sequences however people have them: FASTA, .2bit, CSV, TSV, parquet, or BED with a genome.

The content of a file decides; its name only for BED, whose mistakes could look like a table.
"""

import re
from pathlib import Path

from workflow_scripts.apply.bed_input import bed_input, is_bed
from workflow_scripts.apply.fasta_input import fasta_input, twobit_input
from workflow_scripts.apply.genome import Genome
from workflow_scripts.apply.parquet_input import MAGIC, parquet_input
from workflow_scripts.apply.records import Input
from workflow_scripts.apply.table_input import table_input
from workflow_scripts.common.compression import DAMAGE, open_bytes
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.twobit import byte_order

FASTA = re.compile(rb"(\xef\xbb\xbf)?\s*(;[^\r\n]*\s+)*>")  # comments, which begin with ;, may come first
GFF = re.compile(rb"##gff-version|(#[^\n]*\n)*[^\t\n]+\t([^\t\n\d][^\t\n]*\t){2}\d+\t\d+\t[^\t\n]*\t[-+.]\t")
REFUSED = (
    (re.compile(rb"##fileformat=VCF|BCF\x02"), "holds variants, not sequences; use variants"),
    (re.compile(rb"@[^\r\n]*\r?\n[A-Za-z.]+\r?\n\+"), "is FASTQ; convert it to FASTA"),
    (re.compile(rb"BAM\x01|CRAM"), "holds reads; convert them to FASTA"),
    (GFF, "is GFF; convert it to BED"),
)


def open_input(path: Path, genome: Genome | None) -> Input:
    """The records of a file; ``genome``: where the intervals of a BED lie, None for none.

    Raises UserError if the file is missing, empty or of none of the formats, and for BED without a genome.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; check the path")
    order, head = byte_order(path), read_head(path)
    if not head.strip():
        raise UserError(f"{path}: the file is empty")
    for pattern, problem in REFUSED:
        if pattern.match(head):
            raise UserError(f"{path}: {problem}")
    if order:
        return twobit_input(path, order)
    if FASTA.match(head):
        return fasta_input(path)
    if head.startswith(MAGIC):
        return parquet_input(path)
    if is_bed(path, head.decode(errors="replace")):
        return bed_input(path, genome)
    return table_input(path)


def read_head(path: Path) -> bytes:
    """The first bytes of a plain or compressed file. Raises UserError if it is damaged."""
    try:
        with open_bytes(path) as handle:
            return handle.read(1 << 16)
    except DAMAGE as error:
        raise UserError(f"{path}: damaged or truncated file ({error}); copy it again") from None
