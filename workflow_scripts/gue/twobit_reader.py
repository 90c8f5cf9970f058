"""Reading UCSC's .2bit files: two bits a base, with blocks of N.

The bases stay on disk and are memory-mapped, so only those in the requested windows are read. Blocks of lower case
are skipped. The format: https://genome.ucsc.edu/FAQ/FAQformat.html#format7
"""

from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.gue.packed_genome import BASES_A_BYTE, Genome

SIGNATURE = 0x1A412743
WORD = 4  # bytes of the format's integers


class Reader:
    """Reads consecutive integers of a .2bit file in its byte order, ``<`` or ``>``."""

    def __init__(self, path: Path, data: np.ndarray, order: str):
        self.path, self.data, self.order, self.position = path, data, order, 0

    def take(self, count: int) -> np.ndarray:
        """The next ``count`` bytes."""
        if self.position + count > len(self.data):
            raise UserError(f"{self.path}: the .2bit file ends within its contigs; it is cut short, download it again")
        self.position += count
        return self.data[self.position - count : self.position]

    def integers(self, count: int) -> np.ndarray:
        """The next ``count`` integers."""
        return self.take(count * WORD).view(f"{self.order}u4").astype(np.int64)

    def integer(self) -> int:
        """The next integer."""
        return int(self.integers(1)[0])


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
        raise UserError(f"{reader.path}: .2bit version {version}, reserved {reserved}; only version 0 is known, both 0")
    offsets = {}
    for _ in range(count):
        name = reader.take(int(reader.take(1)[0])).tobytes().decode(errors="backslashreplace")
        if name in offsets:
            raise UserError(f"{reader.path}: contig {name!r} appears twice; names must be unique")
        offsets[name] = reader.integer()
    if not offsets:
        raise UserError(f"{reader.path}: no sequence; expected the contigs of a genome")
    return dict(sorted(offsets.items(), key=lambda item: item[1]))


def read_record(reader: Reader, name: str) -> tuple[int, int, np.ndarray]:
    """Read the record at ``reader.position``: offset of the bases in bytes, number of bases, (n, 2) blocks of N."""
    length = reader.integer()
    starts, sizes = reader.integers((count := reader.integer()) * 2).reshape(2, count)
    reader.take(reader.integer() * 2 * WORD + WORD)  # blocks of lower case, and a reserved word
    unknown = np.column_stack((starts, starts + sizes))
    if (unknown > length).any() or (starts[1:] < unknown[:-1, 1]).any():
        raise UserError(f"{reader.path}: contig {name!r} has blocks of N out of order or out of its {length} bp")
    begin = reader.position
    reader.take(-(-length // BASES_A_BYTE))
    return begin, length, unknown


def read_twobit(path: Path, order: str) -> Genome:
    """Map a .2bit file of this byte order; UserError if it has another version, is damaged or is cut short."""
    data = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
    reader = Reader(path, data, order)
    contigs, unknown = {}, []
    end = 0
    for name, offset in read_index(reader).items():
        if offset < end:
            raise UserError(f"{path}: contig {name!r} begins within the one before it; download the file again")
        reader.position = offset
        begin, length, blocks = read_record(reader, name)
        end = reader.position
        contigs[name] = begin * BASES_A_BYTE, length
        unknown.append(begin * BASES_A_BYTE + blocks)
    return Genome(data, contigs, np.concatenate(unknown))
