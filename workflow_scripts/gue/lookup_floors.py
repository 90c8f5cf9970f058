"""Classifiers that only look up a train row: what a data set rewards without any understanding of sequences.

``nearest_neighbour`` copies the label of the most similar train row (nearest_rows.py). ``partner_flip`` takes another
label than that of the train row with which a row forms a derived pair (derived_pairs.py): if negatives were made from
positives and then split at random, it knows the class of most rows.
"""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from workflow_scripts.gue.derived_pairs import KINDS, DerivedPairs
from workflow_scripts.gue.kmer_baseline import classification_scores
from workflow_scripts.gue.labelled_examples import Example, Splits
from workflow_scripts.gue.nearest_rows import Nearest, nearest_rows
from workflow_scripts.gue.relatedness import Related
from workflow_scripts.settings.names import SPLITS

COLUMNS = ["line", "relation", "nearest_line", "similarity", "nearest_label", "partner_line", "partner_label"]
UNRELATED = "none"


class LookedUp(NamedTuple):
    """What is looked up for each test row: the nearest train row, and the partner in train, int [rows], -1 for none."""

    nearest: Nearest
    partner: np.ndarray


def partners(pairs: DerivedPairs, train: int, start: int, rows: int) -> np.ndarray:
    """For each of the ``rows`` rows from ``start`` the partner among the first ``train`` rows, int [rows]; -1 for none.

    Of several partners it is a shuffle, else the one with most shared bases, else the first.
    """
    found = np.full(rows, -1, dtype=np.int64)
    earlier, later = pairs.rows.T
    wanted = (earlier < train) & (start <= later) & (later < start + rows)
    worst_first = np.lexsort([-earlier, pairs.shared, -pairs.kind])
    for pair in worst_first[wanted[worst_first]]:
        found[later[pair] - start] = earlier[pair]
    return found


def look_up(splits: Splits, pairs: DerivedPairs) -> LookedUp:
    """The nearest train row and the partner of each test row. ``pairs``: of the rows of all splits, in their order."""
    train, dev, test = (len(splits[name]) for name in SPLITS)
    return LookedUp(nearest_rows(splits["train"], splits["test"]), partners(pairs, train, train + dev, test))


def most_frequent(labels: list[int | str]) -> int | str:
    """The most frequent label, the smallest of several."""
    return min(Counter(labels).items(), key=lambda item: (-item[1], item[0]))[0]


def copied_labels(train: list[Example], nearest: np.ndarray) -> list[int | str]:
    """The label of the nearest train row; without one, the most frequent label of train."""
    usual = most_frequent([row.label for row in train])
    return [train[row].label if row >= 0 else usual for row in nearest]


def flipped_labels(train: list[Example], partner: np.ndarray) -> list[int | str]:
    """The most frequent label of train that is not the partner's; without a partner, the most frequent label."""
    labels = [row.label for row in train]
    usual = most_frequent(labels)
    others = {label: most_frequent([other for other in labels if other != label] or [label]) for label in set(labels)}
    return [others[labels[row]] if row >= 0 else usual for row in partner]


def look_up_scores(splits: Splits, looked_up: LookedUp) -> dict[str, dict[str, float]]:
    """Test scores of both classifiers, see classification_scores, and the test rows with a partner: ``rows``, and those
    whose partner has another label."""
    train, truth = splits["train"], [row.label for row in splits["test"]]
    copied = copied_labels(train, looked_up.nearest.row)
    flipped = flipped_labels(train, looked_up.partner)
    return {
        "nearest_neighbour": classification_scores(truth, copied),
        "partner_flip": {
            **classification_scores(truth, flipped),
            "rows": int((looked_up.partner >= 0).sum()),
            "other_label": sum(
                train[row].label != label
                for row, label in zip(looked_up.partner.tolist(), truth, strict=True)
                if row >= 0
            ),
        },
    }


def count_pairs(splits: Splits, pairs: DerivedPairs) -> dict[str, dict[str, int]]:
    """Derived pairs by kind, and those of them whose rows have different labels."""
    labels = np.array([str(row.label) for name in SPLITS for row in splits[name]])
    earlier, later = pairs.rows.T
    differ = labels[earlier] != labels[later]
    return {
        name: {"pairs": int((pairs.kind == kind).sum()), "other_label": int(differ[pairs.kind == kind].sum())}
        for kind, name in enumerate(KINDS)
    }


def table_of(splits: Splits, related: Related, looked_up: LookedUp) -> list[dict[str, Any]]:
    """A row for each test row with COLUMNS; lines count from 2, as the header is line 1."""
    train, test = splits["train"], splits["test"]
    closest = np.full(len(test), UNRELATED, dtype=object)
    for relation, found in related.closest.items():
        closest[found[-len(test) :, SPLITS.index("train")]] = relation
    nearest, partner = looked_up.nearest.row.tolist(), looked_up.partner.tolist()
    return [
        {
            "line": number + 2,
            "relation": closest[number],
            "nearest_line": nearest[number] + 2 if nearest[number] >= 0 else None,
            "similarity": round(float(looked_up.nearest.similarity[number]), 4),
            "nearest_label": train[nearest[number]].label if nearest[number] >= 0 else None,
            "partner_line": partner[number] + 2 if partner[number] >= 0 else None,
            "partner_label": train[partner[number]].label if partner[number] >= 0 else None,
        }
        for number in range(len(test))
    ]
