"""Selection of rows: random subsets, no duplicates, balanced classes. All dropped rows are counted by reason."""

from collections import Counter, defaultdict
from typing import TypeVar

import numpy as np

from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.gue.recipe import Recipe

Item = TypeVar("Item")


def subsample(items: list[Item], count: int, random: np.random.Generator, dropped: Counter[str]) -> list[Item]:
    """Up to ``count`` random items, in their original order; the others are dropped as ``beyond_size``."""
    if len(items) <= count:
        return items
    dropped["beyond_size"] += len(items) - count
    return [items[index] for index in sorted(random.choice(len(items), count, replace=False))]


def drop_duplicates(examples: list[Example], dropped: Counter[str]) -> list[Example]:
    """One row for each sequence. Sequences with more than one label are dropped altogether."""
    labels = defaultdict(set)
    for example in examples:
        labels[example.sequences].add(example.label)
    kept, seen = [], set()
    for example in examples:
        if len(labels[example.sequences]) > 1:
            dropped["conflicting_labels"] += 1
        elif example.sequences in seen:
            dropped["duplicate"] += 1
        else:
            seen.add(example.sequences)
            kept.append(example)
    return kept


def balance_classes(examples: list[Example], recipe: Recipe, dropped: Counter[str]) -> list[Example]:
    """The recipe's number of rows in equal parts of every class; the smallest class limits all of them."""
    by_label = [[e for e in examples if e.label == label] for label in range(len(recipe.classes))]
    counts = [recipe.quota(label) for label in range(len(by_label))]
    if any(len(members) < count for members, count in zip(by_label, counts, strict=True)):
        counts = [min(map(len, by_label))] * len(by_label)
    kept = []
    for label, (members, count) in enumerate(zip(by_label, counts, strict=True)):
        kept += subsample(members, count, recipe.random("balance", label), dropped)
    return kept
