"""How rows of a data set are related: copies, near-duplicates, derived pairs, overlaps on the genome.

Rows of two sequences are copies if both sequences are; they overlap, are near-duplicates, or a derived pair, if any
sequence of the first and any sequence of the second are.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Hashable, Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.derived_pairs import DerivedPairs, derived_pairs
from workflow_scripts.gue.labelled_examples import Example, Place
from workflow_scripts.gue.similarity import distance_layers, earlier_similar, similar_clusters

RELATIONS = ("exact", "reverse_complement", "near", "derived", "overlap")


def strand_independent(sequences: tuple[str, ...]) -> tuple[str, ...]:
    """A key that stays the same if any of the sequences is replaced by its reverse complement."""
    return tuple(min(sequence, reverse_complement(sequence)) for sequence in sequences)


def earlier_equal(keys: Iterable[Hashable], group: np.ndarray, groups: int) -> np.ndarray:
    """Whether an earlier row of each group has the same key, bool [rows, groups]."""
    found = np.zeros((len(group), groups), dtype=bool)
    seen: list[set[Hashable]] = [set() for _ in range(groups)]
    for row, key in enumerate(keys):
        found[row] = [key in members for members in seen]
        seen[group[row]].add(key)
    return found


class CoveredPlaces:
    """A growing set of places that tests whether another one shares a base with any of them, on either strand."""

    def __init__(self) -> None:
        self.intervals: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self.longest = 0

    def overlaps(self, place: Place) -> bool:
        """Whether a place shares a base with one that was added."""
        intervals = self.intervals[place.contig]
        index = bisect_left(intervals, (place.start - self.longest + 1, 0))
        while index < len(intervals) and intervals[index][0] < place.end:
            if intervals[index][1] > place.start:
                return True
            index += 1
        return False

    def add(self, place: Place) -> None:
        """Add a place."""
        insort(self.intervals[place.contig], (place.start, place.end))
        self.longest = max(self.longest, place.end - place.start)


def earlier_overlapping(rows: list[Example], group: np.ndarray, groups: int) -> np.ndarray:
    """Whether an earlier row of each group overlaps on the genome, bool [rows, groups]."""
    found = np.zeros((len(rows), groups), dtype=bool)
    covered = [CoveredPlaces() for _ in range(groups)]
    for number, row in enumerate(rows):
        found[number] = [any(map(members.overlaps, row.places)) for members in covered]
        for place in row.places:
            covered[group[number]].add(place)
    return found


def earlier_paired(pairs: DerivedPairs, group: np.ndarray, groups: int) -> np.ndarray:
    """Whether an earlier row of each group is in a derived pair with a row, bool [rows, groups]."""
    found = np.zeros((len(group), groups), dtype=bool)
    earlier, later = pairs.rows.T
    found[later, group[earlier]] = True
    return found


class Related(NamedTuple):
    """How rows are related to earlier rows of each group.

    ``closest``: relation -> whether it is a row's closest to an earlier row of each group, bool [rows, groups], in the
    order of RELATIONS. ``pairs``: all derived pairs.
    """

    closest: dict[str, np.ndarray]
    pairs: DerivedPairs


def earlier_related(rows: list[Example], group: np.ndarray, groups: int) -> Related:
    """The relations of rows. ``group`` is the number of each row's group, int [rows], in ascending order."""
    pairs = derived_pairs([row.sequences for row in rows])
    by_relation = {
        "exact": earlier_equal((row.sequences for row in rows), group, groups),
        "reverse_complement": earlier_equal((strand_independent(row.sequences) for row in rows), group, groups),
        "near": earlier_similar([row.sequences for row in rows], group, groups),
        "derived": earlier_paired(pairs, group, groups),
        "overlap": earlier_overlapping(rows, group, groups),
    }
    closer = np.zeros((len(rows), groups), dtype=bool)
    for relation in RELATIONS:
        by_relation[relation] &= ~closer
        closer |= by_relation[relation]
    return Related(by_relation, pairs)


def sorted_places(rows: list[Example]) -> list[tuple[str, int, int, int]]:
    """(contig, start, end, row) of all places, in genome order."""
    return sorted((*place[:3], number) for number, row in enumerate(rows) for place in row.places)


def overlapping_pairs(rows: list[Example]) -> list[tuple[int, int]]:
    """All pairs of rows that overlap on the genome."""
    pairs: list[tuple[int, int]] = []
    active: list[tuple[str, int, int]] = []  # contig, end and row
    for contig, start, end, number in sorted_places(rows):
        active = [other for other in active if other[0] == contig and other[1] > start]
        pairs += [(other[2], number) for other in active]
        active.append((contig, end, number))
    return pairs


def overlap_links(rows: list[Example]) -> np.ndarray:
    """Pairs of rows, int [pairs, 2], whose chains connect all rows that overlap on the genome."""
    links = []
    reach = ("", 0, 0)  # contig, end and row of the place that reaches farthest so far
    for contig, start, end, number in sorted_places(rows):
        if reach[0] == contig and start < reach[1]:
            links.append((reach[2], number))
        if reach[0] != contig or end > reach[1]:
            reach = (contig, end, number)
    return np.array(links, dtype=np.int64).reshape(-1, 2)


def first_with_key(keys: Iterable[Hashable]) -> np.ndarray:
    """For each row the first row with the same key, int [rows]."""
    first: dict[Hashable, int] = {}
    return np.array([first.setdefault(key, row) for row, key in enumerate(keys)], dtype=np.int64)


def related_clusters(rows: list[Example]) -> np.ndarray:
    """The cluster of each row, int [rows], numbered from 0; chains of related rows connect the rows of a cluster."""
    every = np.arange(len(rows))
    links = [
        np.column_stack([every, first_with_key(strand_independent(row.sequences) for row in rows)]),
        np.column_stack([every, similar_clusters([row.sequences for row in rows])]),
        derived_pairs([row.sequences for row in rows]).rows,
        overlap_links(rows),
    ]
    left, right = np.vstack(links).T
    graph = coo_array((np.ones(len(left), dtype=bool), (left, right)), shape=(len(rows), len(rows)))
    return connected_components(graph, directed=False)[1]


def cluster_distances(rows: list[Example]) -> np.ndarray:
    """The distance of each row of one cluster from a peripheral row, int [rows].

    The distances of related rows differ by at most one.
    """
    copies = defaultdict(list)
    for number, row in enumerate(rows):
        copies[strand_independent(row.sequences)].append(number)
    sequences = [row.sequences for row in rows]
    pairs = overlapping_pairs(rows) + [pair for members in copies.values() for pair in combinations(members, 2)]
    links = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return distance_layers(sequences, np.vstack([links, derived_pairs(sequences).rows]))
