"""Stream a nucleotide FASTA, one contig at a time; memory is bounded by the largest contig.

In:  plain text, gzip, or gzip of many members (bgzip, ``cat a.gz b.gz``), told by the first two bytes.
Out: (contig name, sequence) pairs; case is kept, because NCBI marks repeats in lower case (soft masking).
"""

import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from isal import igzip, isal_zlib

from workflow_scripts.common.errors import UserError

IUPAC = b"ACGTUNRYSWKMBDHVacgtunryswkmbdhv"
BUFFER = 1 << 20
DAMAGE = (EOFError, OSError, zlib.error, isal_zlib.error)


def open_fasta(path: str | os.PathLike) -> BinaryIO:
    """Open a plain or gzipped file for buffered reading of bytes."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    with path.open("rb") as handle:
        gzipped = handle.read(2) == b"\x1f\x8b"
    return io.BufferedReader(igzip.open(path, "rb") if gzipped else path.open("rb", buffering=0), BUFFER)


def read_lines(path: str | os.PathLike) -> Iterator[bytes]:
    """Lines of a plain or gzipped file.

    Raises UserError when the gzip stream is damaged or cut short.
    """
    with open_fasta(path) as handle:
        try:
            yield from handle
        except DAMAGE as error:
            raise UserError(f"{path}: damaged or truncated file ({error}); fetch it again") from None


def read_fasta(path: str | os.PathLike) -> Iterator[tuple[str, bytes]]:
    """Yield (name, sequence) of each record: the header's first word, and the letters in the file's own case.

    Line ends may be LF or CRLF, blank lines and a missing last line end do not matter.

    Raises UserError for a file without records, text before the first header, a header without name, a name
    met twice, a record without sequence, and letters that are no nucleotide code (a protein FASTA).
    """
    seen: set[str] = set()
    name, sequence = None, io.BytesIO()
    for number, line in enumerate(read_lines(path), start=1):
        if line.startswith(b">"):
            if name is not None:
                yield name, checked(path, name, sequence.getvalue())
            name, sequence = contig_name(path, number, line), io.BytesIO()
            if name in seen:
                raise UserError(f"{path}:{number}: contig {name} occurs twice; names must be unique in a genome")
            seen.add(name)
        elif name is not None:
            sequence.write(line.rstrip())
        elif line.strip():
            raise UserError(f"{path}:{number}: text before the first header; a FASTA file begins with '>'")
    if name is None:
        raise UserError(f"{path}: no FASTA record; the file is empty")
    yield name, checked(path, name, sequence.getvalue())


def contig_name(path: str | os.PathLike, number: int, line: bytes) -> str:
    """The first word behind ``>``; bytes that are not UTF-8 become escapes, so that names stay distinct."""
    header = line[1:].decode("utf-8", errors="backslashreplace")
    if not header[:1].strip():
        raise UserError(f"{path}:{number}: header without a name; write '>name' with no space between")
    return header.split()[0]


def checked(path: str | os.PathLike, name: str, sequence: bytes) -> bytes:
    """The sequence itself, when it has letters and all of them are IUPAC nucleotide codes."""
    if not sequence:
        raise UserError(f"{path}: contig {name} has no sequence; the file may be cut short")
    foreign = sequence.translate(None, IUPAC)
    if foreign:
        letters = "".join(chr(code) for code in sorted(set(foreign)))
        raise UserError(f"{path}: contig {name} holds {letters!r}, no nucleotide codes; give genomic DNA, not protein")
    return sequence
