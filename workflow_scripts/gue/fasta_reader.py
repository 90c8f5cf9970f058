"""Reading FASTA files of the primary sources: plain, gzip or zstd, packed into a genome."""

import io
import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import BUFFER, WHITE, open_fasta, read_pieces
from workflow_scripts.gue.packed_genome import ALPHABET, BASES_A_BYTE, Genome

NUCLEOTIDE_CODES = b"ACGTUNRYSWKMBDHV-"
UPPER = bytes(range(256)).upper()
ZSTD = b"\x28\xb5\x2f\xfd"
UNKNOWN = 4
CODE = bytes(ALPHABET.index(letter) if letter in ALPHABET else UNKNOWN for letter in range(256))


def open_compressed_fasta(path: str | os.PathLike) -> BinaryIO:
    """Open a FASTA file: plain, gzip, or zstd, in which consensus genomes of SARS-CoV-2 are published."""
    path = Path(path)
    if path.is_file():
        with path.open("rb") as handle:
            if handle.read(len(ZSTD)) == ZSTD:
                return io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd"), BUFFER)
    return open_fasta(path)


def nucleotides(lines: bytes, where: str) -> bytes:
    """The letters of some lines of a FASTA record, in upper case.

    Raises UserError with ``where``, the file and the name of the record, for a letter that is not a nucleotide code.
    """
    letters = lines.translate(UPPER, WHITE)
    if other := letters.translate(None, NUCLEOTIDE_CODES):
        raise UserError(f"{where}: {chr(other[0])!r} is not a nucleotide code; give DNA in FASTA format")
    return letters


def read_contig_pieces(path: Path) -> Iterator[tuple[str, bytes]]:
    """(contig, upper-case letters); the letters of a contig come in consecutive pieces.

    The name of a contig is the first word of its header. Raises UserError for a missing or repeated header and for
    letters that are not nucleotide codes.
    """
    name = ""
    names: set[str] = set()
    for header, lines in read_pieces(path, open_compressed_fasta):
        if header is not None:
            name = contig_name(path, header, names)
            names.add(name)
        if name:
            yield name, nucleotides(lines, f"{path}: contig {name!r}")
        elif lines.strip(WHITE):
            raise UserError(f"{path}: text before the first header; a FASTA file starts with >name")
    if not name:
        raise UserError(f"{path}: no sequence; expected FASTA")


def contig_name(path: Path, header: bytes, names: set[str]) -> str:
    """The first word of a FASTA header. Raises UserError if there is none or it is among ``names``."""
    words = header.decode(errors="backslashreplace").split()
    if not words:
        raise UserError(f"{path}: header {len(names) + 1} has no name; write >name")
    if words[0] in names:
        raise UserError(f"{path}: contig {words[0]!r} appears twice; names must be unique")
    return words[0]


def pack(codes: np.ndarray) -> bytes:
    """Base codes, packed four to a byte."""
    quads = codes.reshape(-1, BASES_A_BYTE)
    return (quads[:, 0] << 6 | quads[:, 1] << 4 | quads[:, 2] << 2 | quads[:, 3]).tobytes()


def runs(flags: np.ndarray) -> np.ndarray:
    """(n, 2) starts and ends of the runs of true flags."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return edges.reshape(-1, 2)


def pack_contig(blocks: Iterable[bytes], packed: bytearray, unknown: list[np.ndarray]) -> tuple[int, int]:
    """Append a contig's letters to ``packed``, padded to whole bytes, and its runs of unknown bases to ``unknown``.

    Returns the address of its first base and its length.
    """
    first = len(packed) * BASES_A_BYTE
    length, rest = 0, b""
    for block in blocks:
        codes = np.frombuffer(rest + block.translate(CODE), dtype=np.uint8)
        start = first + length - len(rest)
        length += len(block)
        if len(other := runs(codes == UNKNOWN)):
            unknown.append(start + other)
            codes = codes % UNKNOWN
        whole = len(codes) // BASES_A_BYTE * BASES_A_BYTE
        packed += pack(codes[:whole])
        rest = codes[whole:].tobytes()
    if rest:
        packed += pack(np.frombuffer(rest.ljust(BASES_A_BYTE, b"\0"), dtype=np.uint8))
    return first, length


def read_fasta(path: Path) -> Genome:
    """Read the contigs of a FASTA file, packing them piece by piece."""
    packed, unknown = bytearray(), [np.empty((0, 2), dtype=np.int64)]
    contigs = {
        name: pack_contig((letters for _, letters in members), packed, unknown)
        for name, members in groupby(read_contig_pieces(path), key=itemgetter(0))
    }
    return Genome(np.frombuffer(packed, dtype=np.uint8), contigs, np.concatenate(unknown))
