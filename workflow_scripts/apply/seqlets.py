"""Seqlets: stretches of a sequence that the prediction rests on, by the map of its mutagenesis."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from workflow_scripts.apply.explanations import Map

WIDTH = 8
"""Bases whose importance is averaged; most binding sites have 6 to 12."""
FLANK = 4
"""Bases on each side that a motif may reach over."""
HIGH = 0.95
"""The share of all stretches, of sequences and shuffles together, that is below a seqlet."""


class Seqlet(NamedTuple):
    """Bases ``start`` to ``end`` of a sequence, flanks included; ``importance``: the sum over the stretch itself."""

    start: int
    end: int
    letters: str
    importance: float


def stretch_means(values: np.ndarray) -> np.ndarray:
    """Mean importance of each stretch of WIDTH bases, [stretches]; NaN where a base has none."""
    if len(values) < WIDTH:
        return np.empty(0)
    return np.lib.stride_tricks.sliding_window_view(values, WIDTH).mean(axis=1)


def high(maps: Sequence[Map]) -> float:
    """The mean importance that seqlets have at least; not below 0, as such a stretch speaks against the prediction."""
    means = np.concatenate([stretch_means(one.importance) for one in maps])
    return max(float(np.nanquantile(means, HIGH)), 0.0) if np.isfinite(means).any() else np.inf


def seqlets(found: Map, threshold: float) -> list[Seqlet]:
    """The stretches of a sequence at or above a threshold, without overlaps, in order; higher ones go first."""
    means = np.nan_to_num(stretch_means(found.importance), nan=-np.inf)
    taken: list[Seqlet] = []
    while len(means) and means.max() >= threshold:
        place = int(means.argmax())
        start, end = max(place - FLANK, 0), min(place + WIDTH + FLANK, len(found.letters))
        taken.append(Seqlet(start, end, found.letters[start:end], float(means[place] * WIDTH)))
        means[max(place - WIDTH + 1, 0) : place + WIDTH] = -np.inf
    return sorted(taken)
