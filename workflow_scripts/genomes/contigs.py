"""Reads a nucleotide FASTA file one contig at a time; memory is limited by the largest contig.

Contigs have a name, a description and a sequence in the file's own case, because NCBI marks repeats in lower case (soft
masking), with T for U.
"""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from workflow_scripts.common.fasta_blocks import read_letters

ORGANELLE = re.compile(
    r"\b(mitochondri(on|al?)|chloroplast|plastid|apicoplast|kinetoplast|cyanelle|chromatophore)"
    r"\s*($|[,;:(]"
    r"|((linear|circular|unlocalized|unplaced|genomic) )*"
    r"(genome|chromosome|scaffold|contig|DNA|sequence|maxicircle|minicircle)\b)",
    re.IGNORECASE,
)
PLASMID = re.compile(r"\b(mega)?plasmid\b(?!-)", re.IGNORECASE)


class Contig(NamedTuple):
    """A record: first word of the header, rest of the header, and letters in the file's own case, with T for U."""

    name: str
    description: str
    sequence: bytearray


def read_fasta(path: str | os.PathLike) -> Iterator[Contig]:
    """Yield the records in the file's order; repeated names are yielded repeatedly.

    A record without sequence, as in some assemblies, is a contig of no bases. Raises the errors of
    :func:`workflow_scripts.common.fasta_blocks.read_letters`.
    """
    contig: Contig | None = None
    for header, letters in read_letters(path):
        if header is not None:
            if contig is not None:
                yield contig
            contig = Contig(*read_header(header), bytearray())
        if contig is not None:
            contig.sequence.extend(letters)
    if contig is not None:
        yield contig


def read_header(header: str) -> tuple[str, str]:
    """Name and description."""
    name, *description = header.split(maxsplit=1)
    return name, description[0].rstrip() if description else ""


def replicon(description: str) -> str | None:
    """``organelle`` or ``plasmid`` according to NCBI's header, None for anything else.

    An organelle's name must end the description or a part of it (``mitochondrion, complete genome``,
    ``organelle: plastid:chloroplast``), or precede the kind of sequence (``mitochondrial scaffold 3``); a nuclear
    chromosome with a ``mitochondrial-like`` stretch does not match. ``plasmid`` and ``megaplasmid`` match as words.
    Headers without these words, such as ``>chrM``, do not match.
    """
    if ORGANELLE.search(description):
        return "organelle"
    return "plasmid" if PLASMID.search(description) else None
