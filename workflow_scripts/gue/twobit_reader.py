"""A genome from UCSC's .2bit file.

The bases stay on disk and are memory-mapped, so only those in the requested windows are read. Blocks of lower case
are not used.
"""

from pathlib import Path

import numpy as np

from workflow_scripts.common.twobit import Reader, read_records
from workflow_scripts.gue.packed_genome import BASES_A_BYTE, Genome


def read_twobit(path: Path, order: str) -> Genome:
    """Map a .2bit file of this byte order; UserError if it has another version, is damaged or is cut short."""
    reader = Reader(path, order, path)
    contigs, unknown = {}, []
    for name, record in read_records(reader):
        first = record.begin * BASES_A_BYTE
        contigs[name] = first, record.length
        blocks = np.array(record.unknown, dtype=np.int64).reshape(-1, 2)
        unknown.append(np.column_stack((first + blocks[:, 0], first + blocks.sum(axis=1))))
    return Genome(np.frombuffer(reader.data, dtype=np.uint8), contigs, np.concatenate(unknown))
