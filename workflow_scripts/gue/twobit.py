"""Genomes from files: FASTA, or UCSC's .2bit, which has two bits a base and blocks of N.

The bases of a .2bit file stay on the disk and are mapped into memory: what is read of them is what the windows need.
Blocks of lower case are passed over. The format: https://genome.ucsc.edu/FAQ/FAQformat.html#format7
"""

from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.gue.fasta import read_fasta_genome
from workflow_scripts.gue.genome import BASES_A_BYTE, Genome

SIGNATURE = 0x1A412743
WORD = 4  # bytes of the format's integers


class Reader:
    """Integers of a .2bit file, one behind the other, in its byte order."""

    def __init__(self, path: Path, data: np.ndarray, order: str):
        self.path, self.data, self.order, self.at = path, data, order, 0

    def take(self, count: int) -> np.ndarray:
        """The next ``count`` bytes."""
        if self.at + count > len(self.data):
            raise UserError(f"{self.path}: the .2bit file ends within its contigs; it is cut short, download it again")
        self.at += count
        return self.data[self.at - count : self.at]

    def integers(self, count: int) -> np.ndarray:
        """The next ``count`` integers."""
        return self.take(count * WORD).view(f"{self.order}u4").astype(np.int64)

    def integer(self) -> int:
        """The next integer."""
        return int(self.integers(1)[0])


def byte_order(path: Path) -> str | None:
    """The byte order of a .2bit file, ``<`` or ``>``, told by its signature; ``None`` for any other file."""
    with path.open("rb") as handle:
        signature = handle.read(WORD)
    orders = {SIGNATURE.to_bytes(WORD, "little"): "<", SIGNATURE.to_bytes(WORD, "big"): ">"}
    return orders.get(signature)


def read_index(reader: Reader) -> dict[str, int]:
    """Contig -> byte where its record begins, in that order."""
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
    """(byte where the bases begin, number of bases, (n, 2) blocks of N) of the record that begins at ``reader.at``."""
    length = reader.integer()
    starts, sizes = reader.integers((count := reader.integer()) * 2).reshape(2, count)
    reader.take(reader.integer() * 2 * WORD + WORD)  # blocks of lower case, and a word that is reserved
    unknown = np.column_stack((starts, starts + sizes))
    if (unknown > length).any() or (starts[1:] < unknown[:-1, 1]).any():
        raise UserError(f"{reader.path}: contig {name!r} has blocks of N out of order or out of its {length} bp")
    begin = reader.at
    reader.take(-(-length // BASES_A_BYTE))
    return begin, length, unknown


def read_twobit(path: Path, order: str) -> Genome:
    """Map the bases of a .2bit file; UserError for another version and for a file that is damaged or cut short."""
    data = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
    reader = Reader(path, data, order)
    contigs, unknown = {}, []
    end = 0
    for name, offset in read_index(reader).items():
        if offset < end:
            raise UserError(f"{path}: contig {name!r} begins within the one before it; download the file again")
        reader.at = offset
        begin, length, blocks = read_record(reader, name)
        end = reader.at
        contigs[name] = begin * BASES_A_BYTE, length
        unknown.append(begin * BASES_A_BYTE + blocks)
    return Genome(data, contigs, np.concatenate(unknown))


def read_genome(path: str | Path) -> Genome:
    """Read a genome from a .2bit file or, whatever its name, from FASTA (plain, gzip or zstd)."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    order = byte_order(path)
    return read_twobit(path, order) if order else read_fasta_genome(path)
