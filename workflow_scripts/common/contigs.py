"""The contigs of a genome file, FASTA or .2bit, and what is said about a name that is none of them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import read_letters
from workflow_scripts.common.twobit import Reader, byte_order, read_records

# human chromosomes in RefSeq: https://www.ncbi.nlm.nih.gov/datasets/genome/GCF_000001405.40; only the version of an
# accession, after the dot, differs between assemblies
HUMAN = {f"nc_{number:06}": str(number) for number in range(1, 23)}
HUMAN |= {"nc_000023": "x", "nc_000024": "y", "nc_012920": "mt"}
PREFIX = re.compile("^(chromosome|chrom|chr)_?")


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


def plain_name(contig: str) -> str:
    """The name without the habit of its source: equal for chr1 of UCSC, 1 of Ensembl and NC_000001.11 of RefSeq."""
    lower = contig.casefold()
    plain = HUMAN.get(lower.partition(".")[0]) or PREFIX.sub("", lower)
    return "mt" if plain in ("m", "mito") else plain


def other_name(contig: str, known: Iterable[str], chromosomes: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """The known contig that is the same by another habit, such as 1 for chr1 and MT for chrM; None if there is none.

    ``chromosomes``: the chromosome that some of the known contigs are, where their names do not say it.
    """
    wanted = plain_name(contig)
    names = (name for name in known if wanted in (plain_name(name), plain_name(chromosomes.get(name, name))))
    return next(names, None)
