"""Markov models of bases, each order smoothed by the one below."""

import numpy as np

from workflow_scripts.common.sequences import BASES, OTHER

MAX_ORDER = 8
# How many observations the next lower order counts for. A context seen often speaks for itself.
BACKOFF = 8.0


class Markov:
    """Bits of each base after each context of 0 to MAX_ORDER bases.

    bits: all orders one after another, flat; that of base b after the context c (a number in base 4) of order o is at
    ``offsets[o] + 4 c + b``.
    """

    def __init__(self, codes: np.ndarray) -> None:
        """Count on ``codes`` of bases (see common.sequences); no context reaches across an unknown letter."""
        counts = _counts(codes)
        probabilities = np.full((1, len(BASES)), 1 / len(BASES))
        tables = []
        for order in range(MAX_ORDER + 1):
            table = counts.reshape(-1, 4**order, len(BASES)).sum(axis=0)
            # a context of one base more has the same context of the order below for each of its first bases
            below = np.tile(probabilities, (len(table) // len(probabilities), 1))
            probabilities = (table + BACKOFF * below) / (table.sum(axis=1, keepdims=True) + BACKOFF)
            tables.append(-np.log2(probabilities).ravel())
        self.offsets = np.cumsum([0, *map(len, tables)])[:-1]
        self.bits = np.concatenate(tables)

    def cost(self, context: np.ndarray, known: np.ndarray, base: np.ndarray, order: int) -> np.ndarray:
        """Bits of bases after contexts of which at most ``order`` bases count.

        ``context``: the bases before as a number in base 4, the last one lowest; ``known``: how many of them are known.
        """
        used = np.minimum(known, order)
        return self.bits[self.offsets[used] + (context % 4**used) * len(BASES) + base]


def _counts(codes: np.ndarray) -> np.ndarray:
    """How often each word of MAX_ORDER + 1 bases occurs, flat."""
    size = MAX_ORDER + 1
    if len(codes) < size:
        return np.zeros(4**size)
    words = np.zeros(len(codes) - MAX_ORDER, dtype=np.int64)
    known = np.ones(len(words), dtype=bool)
    for place in range(size):
        letters = codes[place : place + len(words)]
        words = words * len(BASES) + letters
        known &= letters < OTHER
    return np.bincount(words[known], minlength=4**size).astype(np.float64)
