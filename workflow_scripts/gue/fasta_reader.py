"""Reading FASTA files of the primary sources: plain or compressed, packed into a genome."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import read_letters
from workflow_scripts.gue.packed_genome import ALPHABET, BASES_A_BYTE, NONE, Genome

UNKNOWN = 4
LOWER = ord("a")
# find is -1 for any other letter, which becomes UNKNOWN
CODE = bytes(ALPHABET.find(bytes([letter]).upper()) % (UNKNOWN + 1) for letter in range(256))


def read_contig_pieces(path: Path) -> Iterator[tuple[str, bytes]]:
    """(contig, letters in the file's case); the letters of a contig come in consecutive pieces.

    The name of a contig is the first word of its header. Raises UserError for a repeated name, and the errors of
    :func:`workflow_scripts.common.fasta_blocks.read_letters`.
    """
    name = ""
    names: set[str] = set()
    for header, letters in read_letters(path):
        if header is not None:
            name = header.split()[0]
            if name in names:
                raise UserError(f"{path}: contig {name!r} appears twice; names must be unique")
            names.add(name)
        if name:
            yield name, letters


def pack(codes: np.ndarray) -> bytes:
    """Base codes, packed four to a byte."""
    quads = codes.reshape(-1, BASES_A_BYTE)
    return (quads[:, 0] << 6 | quads[:, 1] << 4 | quads[:, 2] << 2 | quads[:, 3]).tobytes()


def runs(flags: np.ndarray) -> np.ndarray:
    """(n, 2) starts and ends of the runs of true flags."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False))
    return edges.reshape(-1, 2)


def pack_contig(
    blocks: Iterable[bytes], packed: bytearray, unknown: list[np.ndarray], masked: list[np.ndarray] | None
) -> tuple[int, int]:
    """Append a contig's letters to ``packed``, padded to whole bytes, and its runs of unknown bases to ``unknown``.

    ``masked``, if given, gets its runs of lower case. Returns the address of its first base and its length.
    """
    first = len(packed) * BASES_A_BYTE
    length, rest = 0, b""
    for block in blocks:
        codes = np.frombuffer(rest + block.translate(CODE), dtype=np.uint8)
        start = first + length - len(rest)
        if masked is not None:
            masked.append(first + length + runs(np.frombuffer(block, dtype=np.uint8) >= LOWER))
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


def read_fasta(path: Path, masked: bool = False) -> Genome:
    """Read the contigs of a FASTA file, packing them piece by piece; ``masked``: with the runs of lower case."""
    packed, unknown, lower = bytearray(), [NONE], [NONE]
    contigs = {
        name: pack_contig((letters for _, letters in members), packed, unknown, lower if masked else None)
        for name, members in groupby(read_contig_pieces(path), key=itemgetter(0))
    }
    return Genome(np.frombuffer(packed, dtype=np.uint8), contigs, np.concatenate(unknown), np.concatenate(lower))
