"""What a builder makes: labelled sequences, and an account of every candidate that did not become one."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from workflow_scripts.common.randomness import generator


class Place(NamedTuple):
    """Where a sequence was cut: 0-based half-open on its contig, read along ``strand``."""

    contig: str
    start: int
    end: int
    strand: str


class Example(NamedTuple):
    """One row: a sequence (or an enhancer and a promoter), its class, and the place of each sequence if it has one."""

    sequences: tuple[str, ...]
    label: int
    places: tuple[Place, ...] = ()


@dataclass(slots=True)
class Recipe:
    """What a builder is asked for. ``rows`` is the wanted total over all splits, ``classes`` the label names."""

    task: str
    dataset: str
    length: int
    rows: int
    seed: int
    classes: list[str]

    def random(self, *names: object) -> np.random.Generator:
        """The random numbers of one named step of this data set."""
        return generator(self.seed, "gue", self.task, self.dataset, *names)

    def quota(self, label: int) -> int:
        """Rows of one class when ``rows`` is shared equally; the first classes take the remainder."""
        share, rest = divmod(self.rows, len(self.classes))
        return share + (label < rest)


@dataclass(slots=True)
class Built:
    """A builder's result: ``candidates`` = rows + everything in ``dropped``.

    ``material`` says what the rows were cut from where that decides what the data set may be called.
    """

    examples: list[Example] = field(default_factory=list)
    candidates: int = 0
    dropped: Counter = field(default_factory=Counter)
    construction: str = ""
    balanced: bool = True
    material: str = ""


def pick(items: list, count: int, random: np.random.Generator, dropped: Counter) -> list:
    """``count`` items at random, in their order; the rest is dropped as beyond the size of the data set."""
    if len(items) <= count:
        return items
    dropped["beyond_size"] += len(items) - count
    return [items[index] for index in sorted(random.choice(len(items), count, replace=False))]


def unique(examples: list[Example], dropped: Counter) -> list[Example]:
    """One row a sequence: copies are dropped, and all copies of a sequence that carries two labels."""
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


def balance(examples: list[Example], recipe: Recipe, dropped: Counter) -> list[Example]:
    """The wanted rows shared equally by the classes; where a class has fewer, as many of each as it has."""
    by_label = [[e for e in examples if e.label == label] for label in range(len(recipe.classes))]
    counts = [recipe.quota(label) for label in range(len(by_label))]
    if any(len(members) < count for members, count in zip(by_label, counts, strict=True)):
        counts = [min(map(len, by_label))] * len(by_label)
    kept = []
    for label, (members, count) in enumerate(zip(by_label, counts, strict=True)):
        kept += pick(members, count, recipe.random("balance", label), dropped)
    return kept
