"""UCSC's .2bit files: two bits a base, with blocks of N and of lower case, which marks repeats.

The format: https://genome.ucsc.edu/FAQ/FAQformat.html#format7. Needs no numpy, because downloads have none.
"""

import mmap
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

from workflow_scripts.common.errors import UserError

SIGNATURE = 0x1A412743
WORD = 4  # bytes of the format's integers
BASES_A_BYTE = 4
ALPHABET = "TCAG"  # the code of a base is its place
LETTERS = ["".join(bases).encode() for bases in product(ALPHABET, repeat=BASES_A_BYTE)]  # of each byte
LINE = 80  # bases of a line of FASTA


class Record(NamedTuple):
    """A contig: offset of its bases in bytes, number of bases, and (start, size) of the blocks."""

    begin: int
    length: int
    unknown: list[tuple[int, int]]
    lower: list[tuple[int, int]]


class Reader:
    """Reads consecutive integers of a .2bit file in its byte order, ``<`` or ``>``; errors name ``shown``."""

    def __init__(self, path: Path, order: str, shown: str | os.PathLike):
        self.shown, self.order, self.position = shown, order, 0
        with path.open("rb") as handle:
            self.data = mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        self.skip(count)
        return self.data[self.position - count : self.position]

    def skip(self, count: int) -> None:
        """Go on by ``count`` bytes."""
        if self.position + count > len(self.data):
            raise UserError(f"{self.shown}: the .2bit file ends within its contigs; it is cut short, download it again")
        self.position += count

    def integers(self, count: int) -> tuple[int, ...]:
        """The next ``count`` integers."""
        return struct.unpack(f"{self.order}{count}I", self.take(count * WORD))

    def blocks(self) -> list[tuple[int, int]]:
        """The next list of blocks: (start, size) of each."""
        (count,) = self.integers(1)
        return list(zip(self.integers(count), self.integers(count), strict=True))

    def no_blocks(self) -> list[tuple[int, int]]:
        """Skip the next list of blocks."""
        (count,) = self.integers(1)
        self.skip(2 * count * WORD)
        return []


def byte_order(path: Path) -> str | None:
    """The byte order of a .2bit file, ``<`` or ``>``, from its signature; ``None`` for any other file."""
    with path.open("rb") as handle:
        signature = handle.read(WORD)
    orders = {SIGNATURE.to_bytes(WORD, "little"): "<", SIGNATURE.to_bytes(WORD, "big"): ">"}
    return orders.get(signature)


def read_index(reader: Reader) -> dict[str, int]:
    """Contig -> offset of its record in bytes, in ascending order of offsets."""
    _, version, count, reserved = reader.integers(4)
    if version or reserved:
        raise UserError(
            f"{reader.shown}: .2bit version {version}, reserved {reserved}; only version 0 is known, both 0"
        )
    offsets = {}
    for _ in range(count):
        name = reader.take(reader.take(1)[0]).decode(errors="backslashreplace")
        if name in offsets:
            raise UserError(f"{reader.shown}: contig {name!r} appears twice; names must be unique")
        (offsets[name],) = reader.integers(1)
    if not offsets:
        raise UserError(f"{reader.shown}: no sequence; expected the contigs of a genome")
    return dict(sorted(offsets.items(), key=lambda item: item[1]))


def read_record(reader: Reader, name: str, masks: bool = True) -> Record:
    """Read the record at ``reader.position``. Raises UserError for blocks out of order or out of the contig.

    ``masks``: whether to read the blocks of lower case, which may be millions; without, the record has none.
    """
    (length,) = reader.integers(1)
    unknown = reader.blocks()
    lower = reader.blocks() if masks else reader.no_blocks()
    reader.skip(WORD)  # reserved
    for kind, blocks in (("N", unknown), ("lower case", lower)):
        reach = 0
        for start, size in blocks:
            if start < reach or start + size > length:
                raise UserError(
                    f"{reader.shown}: contig {name!r} has blocks of {kind} out of order or out of its {length} bp"
                )
            reach = start + size
    begin = reader.position
    reader.skip(-(-length // BASES_A_BYTE))
    return Record(begin, length, unknown, lower)


def read_records(reader: Reader, masks: bool = True) -> Iterator[tuple[str, Record]]:
    """(name, record) of each contig in the order of the file, see :func:`read_record`.

    Raises UserError if the file is damaged or cut short.
    """
    end = 0
    for name, offset in read_index(reader).items():
        if offset < end:
            raise UserError(f"{reader.shown}: contig {name!r} begins within the one before it; download the file again")
        reader.position = offset
        record = read_record(reader, name, masks)
        end = reader.position
        yield name, record


def bases(reader: Reader, record: Record, start: int, end: int) -> bytearray:
    """The letters ``start`` to ``end`` of a contig in upper case, N where they are unknown."""
    first, last = start // BASES_A_BYTE, -(-end // BASES_A_BYTE)
    packed = reader.data[record.begin + first : record.begin + last]
    letters = bytearray(b"".join(map(LETTERS.__getitem__, packed)))
    del letters[end - first * BASES_A_BYTE :], letters[: start - first * BASES_A_BYTE]
    # blocks are in order, so the last one that begins before the start is the first that may reach into the piece
    for block in record.unknown[max(bisect_right(record.unknown, (start, 0)) - 1, 0) :]:
        if block[0] >= end:
            break
        low, high = (min(max(place, start), end) - start for place in (block[0], sum(block)))
        letters[low:high] = b"N" * (high - low)
    return letters


def fasta_text(path: Path, order: str, shown: str | os.PathLike) -> Iterator[bytes]:
    """The genome as FASTA with soft masking, one record at a time."""
    reader = Reader(path, order, shown)
    for name, record in read_records(reader):
        letters = bases(reader, record, 0, record.length)
        for start, size in record.lower:
            letters[start : start + size] = letters[start : start + size].lower()
        yield f">{name}\n".encode()
        for first in range(0, len(letters), LINE):
            yield bytes(letters[first : first + LINE]) + b"\n"
