"""A sample of validation chunks with an equal number from each group of genomes."""

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
    """Validation chunks: sequence, genome, group, soft-masked share, and ``windows``, the first bases, of each."""

    sequences: list[str]
    genomes: np.ndarray
    groups: np.ndarray
    soft_masked: np.ndarray
    windows: list[str]

    @property
    def genome_soft_masked(self) -> np.ndarray:
        """Mean soft-masked share of the sampled chunks of each chunk's genome."""
        _, number = np.unique(self.genomes, return_inverse=True)
        return (np.bincount(number, self.soft_masked) / np.bincount(number))[number]

    def describe(self) -> dict[str, Any]:
        """Facts about the sample."""
        return {
            "chunks": len(self.sequences),
            "bases": sum(map(len, self.sequences)),
            "genomes": len(set(self.genomes.tolist())),
            "soft_masked": float(self.soft_masked.mean()),
            "chunks_by_group": dict(sorted(Counter(self.groups.tolist()).items())),
        }


def read_validation(path: Path) -> pa.Table:
    """Sequence and soft-masked share of the validation chunks of one file. Raises UserError for a damaged file."""
    with chunk_file_errors(path):
        return pq.read_table(path, columns=["sequence", "soft_masked"], filters=[("split", "==", "validation")])


def draw_sample(paths: list[Path], groups: dict[str, str] | None, per_group: int, window: int, seed: int) -> Sample:
    """Draw at most ``per_group`` random validation chunks of each group, independent of the order of the files.

    ``groups``: group of each accession; with None all genomes are one group. A chunk's window is its first ``window``
    bases, or as many as the longest chunk has. Shorter chunks are left out.
    """
    by_group: dict[str, list[tuple[str, str, float]]] = {}
    for path in sorted(paths, key=accession_of):
        accession = accession_of(path)
        group = group_of(path, groups)
        table = read_validation(path)
        shares = zip(table["sequence"].to_pylist(), table["soft_masked"].to_pylist(), strict=True)
        by_group.setdefault(group, []).extend((sequence, accession, share) for sequence, share in shares)
    longest = max((len(row[0]) for rows in by_group.values() for row in rows), default=0)
    window = min(window, longest)
    drawn: list[tuple[str, str, float, str]] = []
    for group, rows in sorted(by_group.items()):
        rows = [row for row in rows if len(row[0]) >= window]
        random = generator(seed, "study", "sample", group)
        numbers = np.sort(random.permutation(len(rows))[:per_group])
        drawn += [(*rows[number], group) for number in numbers]
    return Sample(
        sequences=[sequence for sequence, _, _, _ in drawn],
        genomes=np.array([genome for _, genome, _, _ in drawn]),
        groups=np.array([group for _, _, _, group in drawn]),
        soft_masked=np.array([share for _, _, share, _ in drawn], dtype=np.float64),
        windows=[sequence[:window] for sequence, _, _, _ in drawn],
    )
