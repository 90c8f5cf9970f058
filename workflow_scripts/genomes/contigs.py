"""Reads a nucleotide FASTA file one contig at a time; memory is limited by the largest contig.

The file may be plain text, gzip, or gzip with several members (bgzip, ``cat a.gz b.gz``); its first two bytes decide.
Contigs have a name, a description and a sequence in the file's own case, because NCBI marks repeats in lower case (soft
masking).
"""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import WHITE, read_pieces

IUPAC = b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv"
ORGANELLE = re.compile(
    r"\b(mitochondri(on|al?)|chloroplast|plastid|apicoplast|kinetoplast|cyanelle|chromatophore)"
    r"\s*($|[,;:(]"
    r"|((linear|circular|unlocalized|unplaced|genomic) )*"
    r"(genome|chromosome|scaffold|contig|DNA|sequence|maxicircle|minicircle)\b)",
    re.IGNORECASE,
)
PLASMID = re.compile(r"\b(mega)?plasmid\b(?!-)", re.IGNORECASE)


class Contig(NamedTuple):
    """A record: first word of the header, rest of the header, and letters in the file's own case."""

    name: str
    description: str
    sequence: bytearray


def read_fasta(path: str | os.PathLike) -> Iterator[Contig]:
    """Yield the records in the file's order; repeated names are yielded repeatedly.

    Line ends may be LF or CRLF; white space in the sequence and a missing last line end do not matter. A record
    without sequence, as in some assemblies, is a contig of no bases.

    Raises UserError for a file without records or without any base, text before the first header, a header without
    name, and letters that are not nucleotide codes (a protein FASTA).
    """
    contig: Contig | None = None
    bases = 0
    for header, lines in read_pieces(path):
        if header is not None:
            if contig is not None:
                yield contig
            contig = Contig(*read_header(path, header, contig), bytearray())
        if contig is not None:
            bases += add_letters(path, contig, lines)
        elif lines.strip():
            raise UserError(f"{path}: text before the first header; a FASTA file begins with '>'")
    if contig is None:
        raise UserError(f"{path}: no FASTA record; the file is empty")
    if not bases:
        raise UserError(f"{path}: no record has a sequence; the file may be truncated, download it again")
    yield contig


def read_header(path: str | os.PathLike, header: bytes, previous: Contig | None) -> tuple[str, str]:
    """Name and description; bytes that are not UTF-8 are escaped, so that names stay distinct."""
    text = header.decode("utf-8", errors="backslashreplace")
    if not text[:1].strip():
        place = f"the header after contig {previous.name}" if previous else "the first header"
        raise UserError(f"{path}: {place} has no name; write '>name' with no space between")
    name, *description = text.split(maxsplit=1)
    return name, description[0].rstrip() if description else ""


def add_letters(path: str | os.PathLike, contig: Contig, lines: bytes) -> int:
    """Append lines of IUPAC nucleotide codes to a contig; returns the number of letters."""
    letters = lines.translate(None, WHITE)
    if foreign := letters.translate(None, IUPAC):
        shown = "".join(chr(code) for code in sorted(set(foreign)))
        raise UserError(
            f"{path}: contig {contig.name} has {shown!r}, which are not nucleotide codes; give genomic DNA, not protein"
        )
    contig.sequence.extend(letters)
    return len(letters)


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
