"""Train, dev and test sets with the same class proportions and no sequence in two of them.

There are three methods. ``random`` assigns single rows and reaches the exact sizes. ``paired`` does the same, but a row
and those that were made from it, which have its place, stay together; a split may lack a row of its size. ``homology``
assigns clusters of related rows (relatedness.py), so that rows of different splits are never copies on either strand,
near-duplicates, derived pairs or overlapping on the genome; the sizes are as close to the wanted ones as the clusters
allow.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable
from typing import Any

import numpy as np

from workflow_scripts.gue.labelled_examples import Example, Splits
from workflow_scripts.gue.recipe import Recipe
from workflow_scripts.gue.relatedness import cluster_distances, related_clusters
from workflow_scripts.gue.similarity import DEFINITION
from workflow_scripts.settings.names import SPLITS

Sizes = tuple[int, int, int]
"""Rows of train, dev and test."""

LARGEST_SHARE = 0.25  # of a class in one cluster; a larger cluster is cut, or dev and test would lack the class
LARGEST_LOSS = 0.5  # share of a cluster's rows that cutting it may drop


def scaled_sizes(available: int, wanted: Sizes) -> Sizes:
    """``wanted`` if there are enough rows; else all rows in the same proportion (largest remainders)."""
    total = sum(wanted)
    if available >= total:
        return wanted
    shares = [available * size / total for size in wanted]
    sizes = [int(share) for share in shares]
    by_remainder = sorted(range(3), key=lambda i: (sizes[i] - shares[i], i))
    for index in by_remainder[: available - sum(sizes)]:
        sizes[index] += 1
    return sizes[0], sizes[1], sizes[2]


def stratified_order(units: list[list[Example]], recipe: Recipe) -> list[list[Example]]:
    """A seeded order of units of rows; every stretch has the overall proportions, to within a unit of each kind.

    Units are of one kind if their rows have the same labels.
    """
    by_labels = defaultdict(list)
    for unit in units:
        by_labels[tuple(sorted(row.label for row in unit))].append(unit)
    keyed = []
    for labels, members in sorted(by_labels.items()):
        for rank, index in enumerate(recipe.random("split", *labels).permutation(len(members))):
            keyed.append(((rank + 0.5) / len(members), labels, members[index]))
    return [unit for _, _, unit in sorted(keyed, key=lambda item: item[:2])]


def shuffled(parts: Splits, recipe: Recipe) -> Splits:
    """The rows of each split in a seeded order."""
    orders = {name: recipe.random("rows", name).permutation(len(parts[name])) for name in SPLITS}
    return {name: [parts[name][index] for index in orders[name]] for name in SPLITS}


def deal_units(units: list[list[Example]], wanted: Sizes, recipe: Recipe, dropped: Counter[str]) -> Splits:
    """Fill test, dev and train with whole units at random; rows that fit in none are dropped as ``beyond_size``.

    If there are fewer rows than wanted, none is dropped: the last unit of test and of dev may go beyond their share.
    """
    available = sum(map(len, units))
    sizes = dict(zip(SPLITS, scaled_sizes(available, wanted), strict=True))
    scarce = available < sum(wanted)
    if scarce:
        sizes["train"] = available
    parts: Splits = {name: [] for name in SPLITS}
    for unit in stratified_order(units, recipe):
        needed = 1 if scarce else len(unit)
        fitting = (name for name in ("test", "dev", "train") if len(parts[name]) + needed <= sizes[name])
        if name := next(fitting, None):
            parts[name] += unit
        else:
            dropped["beyond_size"] += len(unit)
    return shuffled(parts, recipe)


def random_split(examples: list[Example], wanted: Sizes, recipe: Recipe, dropped: Counter[str]) -> Splits:
    """Assign distinct examples one by one; see :func:`deal_units`.

    Most released sets are split at random 8:1:1 (the paper's appendix); the wanted sizes are in that proportion.
    """
    return deal_units([[row] for row in examples], wanted, recipe, dropped)


def paired_split(examples: list[Example], wanted: Sizes, recipe: Recipe, dropped: Counter[str]) -> Splits:
    """Assign distinct examples, those with the same places together; see :func:`deal_units`.

    A negative that was made from a positive has its place. Split at random, as the released sets are, most negatives of
    test have their positive in train, which gives their class away.
    """
    return deal_units(with_partners(examples), wanted, recipe, dropped)


def with_partners(examples: list[Example]) -> list[list[Example]]:
    """The examples in units of the same places, in the order of their first rows."""
    units: dict[Hashable, list[Example]] = defaultdict(list)
    for number, row in enumerate(examples):
        units[row.places or number].append(row)
    return list(units.values())


def cut_in_three(distance: np.ndarray, wanted: Sizes) -> np.ndarray:
    """The part of each row of a cluster, int [rows]: 0 to 2 in the proportions of ``wanted``, -1 for rows in between.

    ``distance`` is that of relatedness.cluster_distances. The two small parts are taken from one end. After each of
    them all rows of one distance are left out, so that no row of a part is related to a row of another part.
    """
    sizes = np.bincount(distance)
    part = np.zeros(len(sizes), dtype=np.int64)
    shares = np.array(wanted) / sum(wanted) * len(distance)
    first = 0
    for number in (2, 1):
        last, taken = first, 0
        while last < len(sizes) and taken + sizes[last] / 2 <= shares[number]:
            taken += sizes[last]
            last += 1
        part[first:last] = number
        part[last : last + 1] = -1
        first = last + 1
    return part[distance]


def cut_large_clusters(
    examples: list[Example], wanted: Sizes, dropped: Counter[str]
) -> tuple[list[Example], np.ndarray]:
    """The examples and the cluster of each, int [rows], with clusters that hold too much of a class cut in three.

    The windows of one small genome are such a cluster, as a chain of overlaps connects them all. The rows between the
    three parts are dropped as ``between_splits``. A cluster stays whole if it does not yield three parts or would lose
    more than half of its rows.
    """
    cluster = related_clusters(examples)
    labels = np.array([row.label for row in examples])
    in_class = np.bincount(labels)
    held = np.zeros((cluster.max() + 1, len(in_class)))
    np.add.at(held, (cluster, labels), 1)
    part = np.zeros(len(examples), dtype=np.int64)
    for number in np.flatnonzero((held > LARGEST_SHARE * in_class).any(axis=1)):
        members = np.flatnonzero(cluster == number)
        cut = cut_in_three(cluster_distances([examples[row] for row in members]), wanted)
        if {0, 1, 2} <= set(cut.tolist()) and np.mean(cut < 0) <= LARGEST_LOSS:
            part[members] = cut
    kept = np.flatnonzero(part >= 0)
    dropped["between_splits"] += len(examples) - len(kept)
    _, cluster = np.unique(cluster[kept] * 3 + part[kept], return_inverse=True)
    return [examples[row] for row in kept], cluster


def homology_split(
    examples: list[Example], wanted: Sizes, recipe: Recipe, dropped: Counter[str], whole: bool = False
) -> Splits:
    """Assign distinct examples cluster by cluster, largest first, each to the split that lacks its rows most.

    What a split lacks is the squared distance to the wanted number of rows of each class, relative to its size. So
    large clusters go to train, and small ones even out the sizes. If no split has room for a cluster, a random subset
    of it goes to the split with most room; the rest is dropped as ``cluster_too_large``, or as ``beyond_size`` if all
    splits are full. If ``whole``, all of it goes there instead, and the split exceeds its size.
    """
    if not examples:
        return {name: [] for name in SPLITS}
    examples, cluster = cut_large_clusters(examples, wanted, dropped)
    room = np.array(scaled_sizes(len(examples), wanted))
    classes = np.eye(len(recipe.classes))[np.array([row.label for row in examples])]
    missing = np.outer(room, classes.mean(axis=0))
    weight = 1 / np.maximum(room, 1)
    members = np.split(np.argsort(cluster, kind="stable"), np.cumsum(np.bincount(cluster))[:-1])
    random = recipe.random("clusters")
    order = [members[number] for number in random.permutation(len(members))]
    parts: Splits = {name: [] for name in SPLITS}
    for rows in sorted(order, key=len, reverse=True):
        added = classes[rows].sum(axis=0)
        gain = weight * (missing**2 - (missing - added) ** 2).sum(axis=1)
        gain[room < len(rows)] = -np.inf
        chosen = int(gain.argmax() if np.isfinite(gain).any() else room.argmax())
        kept = rows if whole or room[chosen] >= len(rows) else random.choice(rows, room[chosen], replace=False)
        dropped["cluster_too_large" if room[chosen] else "beyond_size"] += len(rows) - len(kept)
        room[chosen] -= len(kept)
        missing[chosen] -= classes[kept].sum(axis=0)
        parts[SPLITS[chosen]] += [examples[row] for row in kept]
    return shuffled(parts, recipe)


def split_again(splits: Splits, recipe: Recipe, dropped: Counter[str]) -> Splits:
    """The rows of all splits, split by homology in their proportions.

    No row is dropped but those between the parts of a cluster that is cut. Ids say where rows were, such as
    ``train:17`` for line 17 of train.csv.
    """
    rows = [row._replace(id=f"{split}:{line}") for split in SPLITS for line, row in enumerate(splits[split], start=2)]
    sizes = (len(splits["train"]), len(splits["dev"]), len(splits["test"]))
    return homology_split(rows, sizes, recipe, dropped, whole=True)


METHODS = {"paired": paired_split, "random": random_split, "homology": homology_split}


def describe_split(method: str) -> dict[str, Any]:
    """The method for the datasheet; for ``homology`` with the definition of near-duplicates."""
    return {"method": method, "near_is": DEFINITION} if method == "homology" else {"method": method}
