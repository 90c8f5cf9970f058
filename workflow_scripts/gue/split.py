"""Train, dev and test sets: the same share of every class, no sequence in two of them.

Two methods. ``random`` deals out row by row, to exact sizes. ``homology`` deals out clusters of related rows
(relations.py), so that no row of one split is a copy of a row of another on either strand, is like it, or overlaps it
on the genome; the sizes are as near to the wanted ones as clusters allow.
"""

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from workflow_scripts.gue.examples import Example, Recipe
from workflow_scripts.gue.relations import clusters, distances
from workflow_scripts.gue.similarity import DEFINITION
from workflow_scripts.settings.names import SPLITS

Splits = dict[str, list[Example]]
Sizes = tuple[int, int, int]  # rows of train, dev and test

LARGEST_SHARE = 0.25  # of a class in one cluster; a larger one is cut, or its class would be missing in dev and test
LOST_AT_MOST = 0.5  # of a cluster's rows by cutting it


def scaled_sizes(available: int, wanted: Sizes) -> Sizes:
    """``wanted`` where there is enough; else the available rows in the same proportion (largest remainders)."""
    total = sum(wanted)
    if available >= total:
        return wanted
    shares = [available * size / total for size in wanted]
    sizes = [int(share) for share in shares]
    by_remainder = sorted(range(3), key=lambda i: (sizes[i] - shares[i], i))
    for index in by_remainder[: available - sum(sizes)]:
        sizes[index] += 1
    return sizes[0], sizes[1], sizes[2]


def stratified_order(examples: list[Example], recipe: Recipe) -> list[Example]:
    """A seeded order in which every stretch has the classes in their overall proportion (to within a row each)."""
    by_label = defaultdict(list)
    for example in examples:
        by_label[example.label].append(example)
    placed = []
    for label, members in sorted(by_label.items()):
        for place, index in enumerate(recipe.random("split", label).permutation(len(members))):
            placed.append(((place + 0.5) / len(members), label, members[index]))
    return [example for _, _, example in sorted(placed, key=lambda item: item[:2])]


def shuffled(parts: Splits, recipe: Recipe) -> Splits:
    """The rows of each split in a seeded order."""
    orders = {name: recipe.random("rows", name).permutation(len(parts[name])) for name in SPLITS}
    return {name: [parts[name][index] for index in orders[name]] for name in SPLITS}


def random_split(examples: list[Example], wanted: Sizes, recipe: Recipe, dropped: Counter) -> Splits:
    """Deal unique examples out to test, dev and train; rows beyond the wanted sizes are dropped as such.

    The released sets are mostly split at random 8:1:1 (the paper's appendix); the wanted sizes carry that proportion.
    """
    ordered = stratified_order(examples, recipe)
    train, dev, test = scaled_sizes(len(ordered), wanted)
    parts = {"test": ordered[:test], "dev": ordered[test : test + dev], "train": ordered[test + dev :][:train]}
    dropped["beyond_size"] += len(ordered) - train - dev - test
    return shuffled(parts, recipe)


def cut_in_three(distance: np.ndarray, wanted: Sizes) -> np.ndarray:
    """The part of each row of a cluster, int [rows]: 0 to 2 in the proportions of ``wanted``, -1 for rows in between.

    ``distance`` is that of relations.distances: the smallest parts are taken from the rim, and after each of them the
    rows of one distance are left out, so that no row of a part is related to a row of another.
    """
    sizes = np.bincount(distance)
    part = np.zeros(len(sizes), dtype=np.int64)
    shares = np.array(wanted) / sum(wanted) * len(distance)
    here = 0
    for number in (2, 1):
        last, taken = here, 0
        while last < len(sizes) and taken + sizes[last] / 2 <= shares[number]:
            taken += sizes[last]
            last += 1
        part[here:last] = number
        part[last : last + 1] = -1
        here = last + 1
    return part[distance]


def separable(examples: list[Example], wanted: Sizes, dropped: Counter) -> tuple[list[Example], np.ndarray]:
    """The examples and the cluster of each, int [rows], after clusters that hold too much of a class were cut.

    Such are the windows of one small genome, say: a chain of overlaps joins them all. Their cluster is cut in three
    and the rows between the parts are dropped as ``between_splits``. One that does not fall into three parts, or would
    lose more than half of its rows, stays whole.
    """
    cluster = clusters(examples)
    labels = np.array([row.label for row in examples])
    in_class = np.bincount(labels)
    held = np.zeros((cluster.max() + 1, len(in_class)))
    np.add.at(held, (cluster, labels), 1)
    part = np.zeros(len(examples), dtype=np.int64)
    for number in np.flatnonzero((held > LARGEST_SHARE * in_class).any(axis=1)):
        members = np.flatnonzero(cluster == number)
        cut = cut_in_three(distances([examples[row] for row in members]), wanted)
        if {0, 1, 2} <= set(cut.tolist()) and np.mean(cut < 0) <= LOST_AT_MOST:
            part[members] = cut
    kept = np.flatnonzero(part >= 0)
    dropped["between_splits"] += len(examples) - len(kept)
    _, cluster = np.unique(cluster[kept] * 3 + part[kept], return_inverse=True)
    return [examples[row] for row in kept], cluster


def homology_split(examples: list[Example], wanted: Sizes, recipe: Recipe, dropped: Counter) -> Splits:
    """Deal unique examples out cluster by cluster, the largest first, each to the split that misses its rows most.

    What a split misses is the distance to the wanted number of rows of each class, squared, in proportion to its size.
    So the large clusters go to train and the small ones even things out. A cluster for which no split has room goes to
    where most is, cut down at random; the rest of its rows is dropped as ``cluster_too_large``, or as ``beyond_size``
    where all splits are full.
    """
    if not examples:
        return {name: [] for name in SPLITS}
    examples, cluster = separable(examples, wanted, dropped)
    room = np.array(scaled_sizes(len(examples), wanted))
    classes = np.eye(len(recipe.classes))[[row.label for row in examples]]
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
        kept = rows if room[chosen] >= len(rows) else random.choice(rows, room[chosen], replace=False)
        dropped["cluster_too_large" if room[chosen] else "beyond_size"] += len(rows) - len(kept)
        room[chosen] -= len(kept)
        missing[chosen] -= classes[kept].sum(axis=0)
        parts[SPLITS[chosen]] += [examples[row] for row in kept]
    return shuffled(parts, recipe)


METHODS = {"random": random_split, "homology": homology_split}


def describe_split(method: str) -> dict[str, Any]:
    """The method as the datasheet names it, with what made rows near-duplicates where that mattered."""
    return {"method": method, "near_is": DEFINITION} if method == "homology" else {"method": method}
