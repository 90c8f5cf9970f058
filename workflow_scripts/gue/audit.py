"""Exact checks of a finished data set: copies, leaks between the splits, unknown bases, contradicting labels."""

from collections import defaultdict

from workflow_scripts.gue.examples import Example
from workflow_scripts.gue.genome import is_acgt
from workflow_scripts.gue.registry import SPLITS

Splits = dict[str, list[Example]]


def audit(splits: Splits) -> dict:
    """Counts of rows, but for ``conflicting_labels``, which counts the distinct sequences with more than one label.

    A row of two sequences is a copy when both are. Sequences are compared exactly, on one strand.
    """
    distinct = {name: {row.sequences for row in splits[name]} for name in SPLITS}
    labels = defaultdict(set)
    for rows in splits.values():
        for row in rows:
            labels[row.sequences].add(row.label)
    return {
        "duplicate_rows_within": {name: len(splits[name]) - len(distinct[name]) for name in SPLITS},
        "test_rows_in_train": sum(row.sequences in distinct["train"] for row in splits["test"]),
        "dev_rows_in_train": sum(row.sequences in distinct["train"] for row in splits["dev"]),
        "test_rows_in_dev": sum(row.sequences in distinct["dev"] for row in splits["test"]),
        "non_acgt_rows": sum(not all(map(is_acgt, row.sequences)) for rows in splits.values() for row in rows),
        "conflicting_labels": sum(len(found) > 1 for found in labels.values()),
    }
