"""The contigs of a genome file, FASTA or .2bit, and what is said about a name that is none of them."""

from collections.abc import Collection
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import read_letters
from workflow_scripts.common.twobit import Reader, byte_order, read_records

PREFIX = "chr"
MITOCHONDRIAL = {"M": "MT", "MT": "M"}  # UCSC's chrM is Ensembl's MT


def contig_lengths(path: Path) -> dict[str, int]:
    """The length of each contig in the order of the file; the name is the first word of the header.

    Raises UserError for a file that is no genome.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    if order := byte_order(path):
        return {name: record.length for name, record in read_records(Reader(path, order, path))}
    lengths: dict[str, int] = {}
    name = ""
    for header, letters in read_letters(path):
        if header is not None:
            name = header.split()[0]
            if name in lengths:
                raise UserError(f"{path}: contig {name!r} appears twice; names must be unique")
        if name:
            lengths[name] = lengths.get(name, 0) + len(letters)
    return lengths


def other_name(contig: str, known: Collection[str]) -> str | None:
    """The known contig that is the same by another habit, such as 1 for chr1 and MT for chrM; None if there is none."""
    bare = contig.removeprefix(PREFIX)
    names = (bare, PREFIX + bare, MITOCHONDRIAL.get(bare, bare), PREFIX + MITOCHONDRIAL.get(bare, bare))
    return next((name for name in names if name in known), None)
