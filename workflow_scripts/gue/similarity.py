"""Near-duplicates: sequences that share 14-mers, on either strand.

Two sequences are similar if the Jaccard index of their sets of 14-mers is at least 30 %. A k-mer and its reverse
complement count as one; k-mers with a letter other than A, C, G and T do not count, and a sequence without k-mers is
similar to none. So two windows of a genome are similar if they share 60 % of their bases (index 0.34 at 70 bp, higher
at other lengths), as are copies of 101 bp that differ by three substitutions (0.35 or more). Two rows are similar if
any sequence of the first is similar to any sequence of the second.

For long sequences (a median of 600 k-mers or more) only a sample of all k-mers counts. A hash chooses the same k-mers
in every sequence, about 300 to 600 of each, and similarity is computed from those.

The search is exact: it compares whole sets of k-mers. Prefix filtering chooses the pairs to compare (Chaudhuri et al.
2006, Bayardo et al. 2007): if the k-mers of each set are ordered from rare to frequent in the data, two sets that
share enough must share one of their first k-mers. Repeats and poly-A come last in that order.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from workflow_scripts.common.numba_cache import compiled
from workflow_scripts.common.sequences import OTHER, base_codes

K = 14
SHARED_PERCENT = 30
SAMPLED_KMERS = 300  # of a sequence, at least
DEFINITION = {"word_bases": K, "shared_percent": SHARED_PERCENT}

Sequences = tuple[str, ...]
"""The sequences of one row."""


class Index(NamedTuple):
    """The k-mer sets of all sequences, as ranks (0 is the rarest k-mer in the data), and an index of their prefixes.

    ``ranks[starts[i] : starts[i + 1]]`` is the set of sequence ``i``, ascending. ``members[bounds[r] : bounds[r + 1]]``
    are the sequences that have rank ``r`` in their prefix, ascending. ``owner`` is the row of each sequence.
    """

    ranks: np.ndarray
    starts: np.ndarray
    members: np.ndarray
    bounds: np.ndarray
    owner: np.ndarray


@compiled
def is_sampled(kmer: int, one_in: int) -> bool:
    """Whether a k-mer is in the sample of one in ``one_in``, by the 32-bit mixing function of MurmurHash3."""
    mixed = np.uint64(kmer)
    mixed = ((mixed ^ (mixed >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & np.uint64(0xFFFFFFFF)
    mixed = ((mixed ^ (mixed >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & np.uint64(0xFFFFFFFF)
    return (mixed ^ (mixed >> np.uint64(16))) % np.uint64(one_in) == 0


@compiled
def canonical_kmers(codes: np.ndarray, k: int, one_in: int) -> np.ndarray:
    """The distinct k-mers of a sequence, the smaller of each and its reverse complement, uint32, ascending."""
    found = np.empty(max(len(codes) - k + 1, 0), dtype=np.uint32)
    count, known, forward, backward, mask = 0, 0, 0, 0, (1 << 2 * k) - 1
    for code in codes:
        if code == OTHER:
            known = 0
            continue
        forward = (forward << 2 | code) & mask
        backward = backward >> 2 | (3 - code) << 2 * (k - 1)
        known += 1
        kmer = min(forward, backward)
        if known >= k and (one_in == 1 or is_sampled(kmer, one_in)):
            found[count] = kmer
            count += 1
    return np.unique(found[:count])


@compiled
def prefix_length(size: int) -> int:
    """The number of rarest k-mers of a set of which every similar set has at least one."""
    return size - (size * SHARED_PERCENT + 99) // 100 + 1 if size else 0


@compiled
def prefix_index(ranks: np.ndarray, starts: np.ndarray, kmers: int) -> tuple[np.ndarray, np.ndarray]:
    """``members`` and ``bounds`` of the index; ``kmers`` is the number of distinct k-mers."""
    bounds = np.zeros(kmers + 1, dtype=np.int64)
    for sequence in range(len(starts) - 1):
        first = starts[sequence]
        for position in range(first, first + prefix_length(starts[sequence + 1] - first)):
            bounds[ranks[position] + 1] += 1
    bounds = np.cumsum(bounds)
    filled = bounds[:-1].copy()
    members = np.empty(bounds[-1], dtype=np.int32)
    for sequence in range(len(starts) - 1):
        first = starts[sequence]
        for position in range(first, first + prefix_length(starts[sequence + 1] - first)):
            members[filled[ranks[position]]] = sequence
            filled[ranks[position]] += 1
    return members, bounds


def build_index(rows: list[Sequences]) -> Index:
    """The index of the sequences of all rows, in their order."""
    owner = np.array([number for number, row in enumerate(rows) for _ in row], dtype=np.int64)
    sequences = [sequence for row in rows for sequence in row]
    typical = int(np.median([len(sequence) for sequence in sequences])) - K + 1 if sequences else 0
    one_in = max(1, typical // SAMPLED_KMERS)
    sets = [canonical_kmers(base_codes(sequence), K, one_in) for sequence in sequences]
    starts = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    kmers = np.concatenate([*sets, np.empty(0, dtype=np.uint32)])
    _, number, counts = np.unique(kmers, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), dtype=np.uint32)
    rank[np.argsort(counts, kind="stable")] = np.arange(len(counts), dtype=np.uint32)
    ranks = rank[number]
    for first, last in pairwise(starts):
        ranks[first:last].sort()
    return Index(ranks, starts, *prefix_index(ranks, starts, len(counts)), owner)


@compiled
def are_similar(index: Index, first: int, second: int) -> bool:
    """Whether two sequences share enough k-mers; stops as soon as they cannot."""
    a, a_end = index.starts[first], index.starts[first + 1]
    b, b_end = index.starts[second], index.starts[second + 1]
    needed = ((a_end - a + b_end - b) * SHARED_PERCENT + 99 + SHARED_PERCENT) // (100 + SHARED_PERCENT)
    while needed > 0:
        if min(a_end - a, b_end - b) < needed:
            return False
        if index.ranks[a] == index.ranks[b]:
            needed -= 1
            a += 1
            b += 1
        elif index.ranks[a] < index.ranks[b]:
            a += 1
        else:
            b += 1
    return True


@compiled
def mark_earlier(index: Index, group: np.ndarray, found: np.ndarray) -> None:
    """Set ``found[row, group]`` if an earlier row of that group is similar to the row."""
    compared = np.full(len(index.owner), -1, dtype=np.int64)
    for sequence in range(len(index.owner)):
        row = index.owner[sequence]
        first = index.starts[sequence]
        for position in range(first, first + prefix_length(index.starts[sequence + 1] - first)):
            rank = index.ranks[position]
            if found[row].all():
                break
            for entry in range(index.bounds[rank], index.bounds[rank + 1]):
                other = index.members[entry]
                if index.owner[other] >= row:
                    break
                if compared[other] == sequence or found[row, group[index.owner[other]]]:
                    continue
                compared[other] = sequence
                if are_similar(index, sequence, other):
                    found[row, group[index.owner[other]]] = True


def earlier_similar(rows: list[Sequences], group: np.ndarray, groups: int) -> np.ndarray:
    """Whether an earlier row of each group is similar to a row, bool [rows, groups].

    ``group`` is the number of each row's group, int [rows], in ascending order.
    """
    later = np.arange(groups) > group[:, None]  # such a group has no earlier row; marked as found to skip the search
    found = later.copy()
    mark_earlier(build_index(rows), group, found)
    return found & ~later


@compiled
def find_root(parent: np.ndarray, row: int) -> int:
    """The representative of a row's cluster (union-find with path halving)."""
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row


@compiled
def merge_similar(index: Index, parent: np.ndarray) -> None:
    """Merge the clusters of all pairs of similar rows.

    ``agreed[rank]`` is a row if it and all earlier rows with this k-mer are in one cluster: a row of that cluster need
    not be compared with them. Without it, a genome with thousandfold coverage would take hours.
    """
    compared = np.full(len(index.owner), -1, dtype=np.int64)
    agreed = np.full(len(index.bounds) - 1, -1, dtype=np.int64)
    for sequence in range(len(index.owner)):
        row = index.owner[sequence]
        first = index.starts[sequence]
        for position in range(first, first + prefix_length(index.starts[sequence + 1] - first)):
            rank = index.ranks[position]
            if agreed[rank] >= 0 and find_root(parent, agreed[rank]) == find_root(parent, row):
                continue
            together = True
            for entry in range(index.bounds[rank], index.bounds[rank + 1]):
                other = index.members[entry]
                root = find_root(parent, index.owner[other])
                if index.owner[other] >= row:
                    break
                if root != find_root(parent, row) and compared[other] != sequence:
                    compared[other] = sequence
                    if are_similar(index, sequence, other):
                        parent[root] = find_root(parent, row)
                together = together and find_root(parent, root) == find_root(parent, row)
            agreed[rank] = row if together else -1


def similar_clusters(rows: list[Sequences]) -> np.ndarray:
    """The representative of each row's cluster, int [rows]; a chain of similar rows connects the rows of a cluster."""
    parent = np.arange(len(rows))
    merge_similar(build_index(rows), parent)
    return np.array([find_root(parent, row) for row in range(len(rows))], dtype=np.int64)


@compiled
def breadth_first(index: Index, sequences: np.ndarray, linked: np.ndarray, links: np.ndarray, layer: np.ndarray) -> int:
    """Fill in each row's distance from the rows of layer 0, breadth first; returns one of the farthest rows.

    ``sequences[row] : sequences[row + 1]`` are the sequences of a row, ``linked[links[row] : links[row + 1]]`` the rows
    that are related to it for another reason. Removes members that were reached from the lists of the index.
    """
    compared = np.full(len(index.owner), -1, dtype=np.int64)
    ends = index.bounds[1:].copy()
    queue = np.empty(len(layer), dtype=np.int64)
    reached = 0
    for row in range(len(layer)):
        if layer[row] == 0:
            queue[reached] = row
            reached += 1
    done = 0
    while done < reached:
        row = queue[done]
        done += 1
        for other in linked[links[row] : links[row + 1]]:
            if layer[other] < 0:
                layer[other] = layer[row] + 1
                queue[reached] = other
                reached += 1
        for sequence in range(sequences[row], sequences[row + 1]):
            first = index.starts[sequence]
            for position in range(first, first + prefix_length(index.starts[sequence + 1] - first)):
                rank = index.ranks[position]
                entry = index.bounds[rank]
                while entry < ends[rank]:
                    member = index.members[entry]
                    other = index.owner[member]
                    if layer[other] < 0 and compared[member] != sequence:
                        compared[member] = sequence
                        if are_similar(index, sequence, member):
                            layer[other] = layer[row] + 1
                            queue[reached] = other
                            reached += 1
                    if layer[other] >= 0:
                        ends[rank] -= 1
                        index.members[entry] = index.members[ends[rank]]
                    else:
                        entry += 1
    return queue[reached - 1]


def distance_layers(rows: list[Sequences], pairs: np.ndarray) -> np.ndarray:
    """The distance of each row of one cluster from a peripheral row, int [rows], in steps between related rows.

    ``pairs``, int [pairs, 2], are rows that are related for other reasons than similarity. Rows whose distances differ
    by two or more are unrelated.
    """
    both = np.vstack([pairs, pairs[:, ::-1]])
    linked = both[np.argsort(both[:, 0], kind="stable"), 1]
    links = np.searchsorted(np.sort(both[:, 0]), np.arange(len(rows) + 1))
    sequences = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    index, start = build_index(rows), 0
    for _ in range(2):  # the row farthest from any row is peripheral
        layer = np.full(len(rows), -1, dtype=np.int64)
        layer[start] = 0
        start = breadth_first(index._replace(members=index.members.copy()), sequences, linked, links, layer)
    return layer
