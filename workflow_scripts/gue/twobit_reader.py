"""A genome from UCSC's .2bit file.

The bases stay on disk and are memory-mapped, so only those in the requested windows are read. Blocks of lower case
are used if asked for.
"""

from pathlib import Path

import numpy as np

from workflow_scripts.common.twobit import Reader, read_records
from workflow_scripts.gue.packed_genome import BASES_A_BYTE, NONE, Genome


def read_twobit(path: Path, order: str, masked: bool = False) -> Genome:
    """Map a .2bit file of this byte order; UserError if it has another version, is damaged or is cut short."""
    reader = Reader(path, order, path)
    contigs, unknown, lower = {}, [NONE], [NONE]
    for name, record in read_records(reader):
        first = record.begin * BASES_A_BYTE
        contigs[name] = first, record.length
        unknown.append(addresses(first, record.unknown))
        if masked:
            lower.append(addresses(first, record.lower))
    packed = np.frombuffer(reader.data, dtype=np.uint8)
    return Genome(packed, contigs, np.concatenate(unknown), np.concatenate(lower))


def addresses(first: int, blocks: list[tuple[int, int]]) -> np.ndarray:
    """(n, 2) addresses of the blocks, (start, size) each, of a contig that begins at the address ``first``."""
    found = np.array(blocks, dtype=np.int64).reshape(-1, 2)
    return np.column_stack((first + found[:, 0], first + found.sum(axis=1)))
