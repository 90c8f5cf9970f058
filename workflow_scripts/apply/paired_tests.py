"""Do parts of sequences carry the predictions? Tests of sequences against their own dinucleotide shuffles.

What is compared is what a part (a token, the matches of a motif) adds to the prediction in a sequence and in its
shuffle, by Wilcoxon's signed-rank test of the differences. Sequence and shuffle have the same bases and dinucleotides,
so neither composition nor a model that reads only composition makes a difference. If a sequence is no more than a
random arrangement of its dinucleotides, it can be exchanged with its shuffle, and the test is exact for any model.

The p values are corrected by Benjamini and Hochberg (1995). None may be lower than the p of the question that comes
first: does the model give the sequences a higher value than their shuffles at all? Without that there is nothing to
carry, and an untrained model, which reads some words by chance, would seem to have found them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

LEAST_PAIRS = 10
"""Pairs with a difference below which a part is not tested: the test could not find anything."""


@dataclass
class Tally:
    """A part of sequences: what it adds to the explained number, of each pair where it occurs.

    ``real``, ``shuffled``: pair -> sum over its places in the sequence, or the shuffle.
    """

    real: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    shuffled: dict[int, float] = field(default_factory=lambda: defaultdict(float))

    def differences(self) -> np.ndarray:
        """Sequence minus shuffle of the pairs where the part occurs in any of the two."""
        pairs = sorted({*self.real, *self.shuffled})
        return np.array([self.real.get(pair, 0.0) - self.shuffled.get(pair, 0.0) for pair in pairs])


def signed_rank(differences: np.ndarray) -> float:
    """The p of Wilcoxon's one-sided signed-rank test: are the differences above zero?"""
    moved = differences[differences != 0]
    if not len(moved):
        return 1.0
    # the default enumerates all signs of few pairs with ties, which takes a second
    return float(stats.wilcoxon(moved, alternative="greater", method="asymptotic", correction=True).pvalue)


def tested(parts: dict[str, Tally], pairs: int, first: float) -> list[dict[str, Any]]:
    """A row for each part that occurs in LEAST_PAIRS pairs or more, the smallest p first.

    ``pairs``: all pairs, with or without the part. ``first``: the p of the question that comes first. Which parts are
    tested depends on nothing that tells a sequence from its shuffle, so the choice does not bias the tests.
    """
    rows: list[dict[str, Any]] = []
    for name, tally in parts.items():
        differences = tally.differences()
        if np.count_nonzero(differences) < LEAST_PAIRS:
            continue
        rows.append(
            {
                "name": name,
                "sequences": len(tally.real),
                "shuffles": len(tally.shuffled),
                "contribution": float(sum(tally.real.values()) / pairs),
                "contribution_shuffled": float(sum(tally.shuffled.values()) / pairs),
                "p": signed_rank(differences),
            }
        )
    for row, q in zip(rows, corrected([row["p"] for row in rows]), strict=True):
        row["q"] = max(q, first)
    return sorted(rows, key=lambda row: (row["p"], row["name"]))


def corrected(p: Iterable[float]) -> list[float]:
    """q values of Benjamini and Hochberg."""
    values = list(p)
    return stats.false_discovery_control(values).tolist() if values else []
