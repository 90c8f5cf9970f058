"""A sample of validation chunks, even over the groups of genomes."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.common.chunk_reader import accession_of, chunk_file_errors, group_of
from workflow_scripts.common.randomness import generator


@dataclasses.dataclass(frozen=True)
class Sample:
    """Chunks of validation: sequence, genome, group and soft-masked share of each; ``windows`` are their beginnings."""

    sequences: list[str]
    genomes: np.ndarray
    groups: np.ndarray
    soft_masked: np.ndarray
    windows: list[str]

    @property
    def genome_soft_masked(self) -> np.ndarray:
        """For each chunk, the mean soft-masked share of the sampled chunks of its genome."""
        _, number = np.unique(self.genomes, return_inverse=True)
        return (np.bincount(number, self.soft_masked) / np.bincount(number))[number]

    def describe(self) -> dict[str, Any]:
        """What was sampled."""
        return {
            "chunks": len(self.sequences),
            "bases": sum(map(len, self.sequences)),
            "genomes": len(set(self.genomes.tolist())),
            "soft_masked": float(self.soft_masked.mean()),
            "chunks_by_group": dict(sorted(Counter(self.groups.tolist()).items())),
        }


def read_validation(path: Path) -> pa.Table:
    """Sequence and soft-masked share of the validation chunks of one file. UserError where it cannot be read."""
    with chunk_file_errors(path):
        return pq.read_table(path, columns=["sequence", "soft_masked"], filters=[("split", "==", "validation")])


def draw(paths: list[Path], groups: dict[str, str] | None, per_group: int, window: int, seed: int) -> Sample:
    """At most ``per_group`` validation chunks of each group, drawn evenly, whatever the order of the files.

    ``groups`` gives the group of each accession; ``None`` puts all into one. A chunk's window is its first ``window``
    bases; where no chunk is that long, the window is the longest chunk. Shorter chunks are left out.
    """
    by_group: dict[str, list[tuple[str, str, float]]] = {}
    for path in sorted(paths, key=accession_of):
        accession = accession_of(path)
        group = group_of(path, groups)
        table = read_validation(path)
        rows = zip(table["sequence"].to_pylist(), table["soft_masked"].to_pylist(), strict=True)
        mine = by_group.setdefault(group, [])
        mine += [(sequence, accession, share) for sequence, share in rows]
    longest = max((len(row[0]) for rows in by_group.values() for row in rows), default=0)
    window = min(window, longest)
    kept = []
    for group, rows in sorted(by_group.items()):
        rows = [row for row in rows if len(row[0]) >= window]
        random = generator(seed, "study", "sample", group)
        numbers = np.sort(random.permutation(len(rows))[:per_group])
        kept += [(*rows[number], group) for number in numbers]
    sequences, genomes, shares, names = zip(*kept, strict=True) if kept else ((), (), (), ())
    return Sample(
        sequences=list(sequences),
        genomes=np.array(genomes),
        groups=np.array(names),
        soft_masked=np.array(shares, dtype=np.float64),
        windows=[sequence[:window] for sequence in sequences],
    )
