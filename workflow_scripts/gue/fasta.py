"""FASTA files of the primary sources: contig by contig, or packed as a genome."""

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
from workflow_scripts.gue.genome import ALPHABET, BASES_A_BYTE, Genome

NUCLEOTIDE_CODES = b"ACGTUNRYSWKMBDHV-"
UPPER = bytes(range(256)).upper()
ZSTD = b"\x28\xb5\x2f\xfd"
UNKNOWN = 4
CODE = bytes(ALPHABET.index(letter) if letter in ALPHABET else UNKNOWN for letter in range(256))


def open_sequences(path: str | os.PathLike) -> BinaryIO:
    """Open a FASTA file, plain, gzip or, as the consensus genomes of SARS-CoV-2 are published, zstd."""
    path = Path(path)
    if path.is_file():
        with path.open("rb") as handle:
            if handle.read(len(ZSTD)) == ZSTD:
                return io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd"), BUFFER)
    return open_fasta(path)


def pieces(path: Path) -> Iterator[tuple[str, bytes]]:
    """(contig, upper-case letters); a contig's letters come in pieces, one behind the other.

    A contig's name is the first word of its header. Raises UserError for a missing or repeated header and for letters
    that are no nucleotide code.
    """
    name, names = "", set()
    for header, lines in read_pieces(path, open_sequences):
        if header is not None:
            name = contig_name(path, header, names)
            names.add(name)
        letters = lines.translate(UPPER, WHITE)
        if letters and not name:
            raise UserError(f"{path}: text before the first header; a FASTA file starts with >name")
        if strange := letters.translate(None, NUCLEOTIDE_CODES):
            raise UserError(f"{path}: contig {name!r} holds {chr(strange[0])!r}, no nucleotide code; give DNA in FASTA")
        if name:
            yield name, letters
    if not name:
        raise UserError(f"{path}: no sequence; expected FASTA")


def contig_name(path: Path, header: bytes, names: set[str]) -> str:
    """The first word of a FASTA header, which must be new."""
    words = header.decode(errors="backslashreplace").split()
    if not words:
        raise UserError(f"{path}: header {len(names) + 1} has no name; write >name")
    if words[0] in names:
        raise UserError(f"{path}: contig {words[0]!r} appears twice; names must be unique")
    return words[0]


def read_contigs(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """(name, upper-case bases) of every contig, in the file's order."""
    for name, members in groupby(pieces(Path(path)), key=itemgetter(0)):
        yield name, b"".join(letters for _, letters in members)


def pack(codes: np.ndarray) -> bytes:
    """Codes of bases, four to a byte."""
    quads = codes.reshape(-1, BASES_A_BYTE)
    return (quads[:, 0] << 6 | quads[:, 1] << 4 | quads[:, 2] << 2 | quads[:, 3]).tobytes()


def runs(flags: np.ndarray) -> np.ndarray:
    """(n, 2) starts and ends of the runs of true flags."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return edges.reshape(-1, 2)


def pack_contig(blocks: Iterable[bytes], packed: bytearray, unknown: list[np.ndarray]) -> tuple[int, int]:
    """Append a contig's letters to ``packed``, which grows by whole bytes, and its unknown runs to ``unknown``.

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


def read_fasta_genome(path: Path) -> Genome:
    """Pack the contigs of a FASTA file, plain, gzip or zstd, as they are read."""
    packed, unknown = bytearray(), [np.empty((0, 2), dtype=np.int64)]
    contigs = {
        name: pack_contig((letters for _, letters in members), packed, unknown)
        for name, members in groupby(pieces(path), key=itemgetter(0))
    }
    return Genome(np.frombuffer(packed, dtype=np.uint8), contigs, np.concatenate(unknown))
