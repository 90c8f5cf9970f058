"""How well scores tell labelled variants apart, by kind, beside floors that use no model."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pysam

from workflow_scripts.apply.variant_scores import FLOORS, Score
from workflow_scripts.common.bootstrap import AREAS, RESAMPLES, ranked_areas, row_counts
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.intervals import percentile_interval

SEED = 42
COLUMNS = [
    "kind",
    "score",
    "worse",
    "alleles",
    "positive",
    *(f"{area}{end}" for area in AREAS for end in ("", "_low", "_high")),
]
DIRECTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"high": np.asarray, "low": np.negative, "both": np.abs}
"""What is ranked first, by the values that are expected of positive alleles; "both": far from zero."""


class Labels(NamedTuple):
    """Which alleles are labelled: an INFO key, the values that make one positive, and those that make one negative.

    Without ``positive`` the presence of the key does (a Flag) and its absence makes it negative; without ``negative``
    any other value.
    """

    key: str
    positive: frozenset[str] = frozenset()
    negative: frozenset[str] = frozenset()

    def of(self, record: pysam.VariantRecord, allele: int) -> bool | None:
        """The label of an allele, counted from 1; None without one. Raises UserError if the header lacks the key."""
        if self.key not in record.header.info:
            raise UserError(f"--labels {self.key}: no INFO field of the header has this name")
        value = record.info.get(self.key)
        if not self.positive:
            return value is not None and value is not False
        values = value if isinstance(value, tuple) else (value,)
        if record.header.info[self.key].number == "A":
            values = values[allele - 1 : allele]
        found = {str(one) for one in values if one is not None}
        if found & self.positive:
            return True
        return False if found & (self.negative or found) else None


def parse_labels(text: str) -> Labels:
    """For argparse: ``CLNSIG=Pathogenic``, ``CLNSIG=Pathogenic,Likely_pathogenic:Benign``, or a Flag's name."""
    key, _, values = text.partition("=")
    positive, _, negative = values.partition(":")
    return Labels(key, *(frozenset(filter(None, part.split(","))) for part in (positive, negative)))


def evaluate(
    values: np.ndarray, labels: np.ndarray, kinds: Sequence[str], scores: Sequence[Score]
) -> Iterator[dict[str, Any]]:
    """Rows of COLUMNS for all alleles and for each kind of variant.

    ``values`` [alleles, scores]; ``labels`` [alleles] bool. A score of a prediction counts in its direction and by its
    size, a floor in both directions and by its size.
    """
    floors = {score.name for score in FLOORS}
    for kind in ("all", *sorted(set(kinds))):
        here = np.array([kind in ("all", one) for one in kinds], dtype=bool)
        for number, score in enumerate(scores):
            directions = {score.worse}
            if score.name in floors:
                directions = set(DIRECTIONS)
            elif score.name.startswith(("delta_", "logit_")):
                directions |= {"both"}
            for worse in sorted(directions):
                ranked = DIRECTIONS[worse](values[here, number])
                yield {"kind": kind, "score": score.name, "worse": worse} | areas(ranked, labels[here], kind)


def areas(ranked: np.ndarray, labels: np.ndarray, key: str) -> dict[str, Any]:
    """AUROC and AUPRC with 95% intervals over alleles (bootstrap); None without both labels."""
    found: dict[str, Any] = dict.fromkeys(COLUMNS[5:]) | {"alleles": len(labels), "positive": int(labels.sum())}
    if not 0 < labels.sum() < len(labels):
        return found
    whole = ranked_areas(ranked, labels, np.ones((1, len(labels))))
    blocks = [
        ranked_areas(ranked, labels, weights) for weights in row_counts(len(labels), SEED, "variants", key, RESAMPLES)
    ]
    for area in AREAS:
        found[area] = float(whole[area][0])
        interval = percentile_interval(np.concatenate([block[area] for block in blocks]))
        found[f"{area}_low"], found[f"{area}_high"] = interval or (None, None)
    return found
