"""Near-duplicates: sequences that share words of 14 bases, on either strand.

Two sequences are alike when at least 30 % of the distinct words that stand in one or both stand in both (the Jaccard
index). A word and its reverse complement count as one; words with a letter other than A, C, G and T do not count, and
a sequence without words is like none. So windows of a genome are alike that share 60 % of their bases (0.34 of the
words at 70 bp, more at other lengths), as are copies of 101 bp that differ by three substitutions (0.35 or more). Two
rows are alike when any sequence of the one is like any sequence of the other.

Of long sequences (median of 600 words and more) only a share of all words counts, the same words in every sequence,
chosen by a hash, so that about 300 to 600 stand for each. What is alike is then told by these.

The search is exact: sets of words are compared in full. Which pairs are compared follows from prefix filtering
(Chaudhuri et al. 2006, Bayardo et al. 2007): with the words of each set in the order of their rarity in the data, two
sets that share enough must share a word among their first ones. Repeats and poly-A are the last in that order.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from workflow_scripts.common.numba_cache import compiled
from workflow_scripts.common.sequences import OTHER, base_codes

WORD = 14
SHARED_PERCENT = 30
WORDS_A_SEQUENCE = 300
DEFINITION = {"word_bases": WORD, "shared_percent": SHARED_PERCENT}

Sequences = tuple[str, ...]  # of one row


class Index(NamedTuple):
    """The words of all sequences as ranks, 0 the rarest word of the data, and where the first ones of each set stand.

    ``ranks[starts[i] : starts[i + 1]]`` is the set of sequence ``i``, ascending. ``members[bounds[r] : bounds[r + 1]]``
    are the sequences with the word of rank ``r`` among their first ones, ascending. ``owner`` is the row of each.
    """

    ranks: np.ndarray
    starts: np.ndarray
    members: np.ndarray
    bounds: np.ndarray
    owner: np.ndarray


@compiled
def counted(word: int, one_in: int) -> bool:
    """Whether a word is of the chosen share: by the mixing function of MurmurHash3, 32 bits."""
    mixed = np.uint64(word)
    mixed = ((mixed ^ (mixed >> np.uint64(16))) * np.uint64(0x85EBCA6B)) & np.uint64(0xFFFFFFFF)
    mixed = ((mixed ^ (mixed >> np.uint64(13))) * np.uint64(0xC2B2AE35)) & np.uint64(0xFFFFFFFF)
    return (mixed ^ (mixed >> np.uint64(16))) % np.uint64(one_in) == 0


@compiled
def canonical_words(digits: np.ndarray, k: int, one_in: int) -> np.ndarray:
    """The distinct words of a sequence, the smaller of each and its reverse complement, uint32, ascending."""
    found = np.empty(max(len(digits) - k + 1, 0), dtype=np.uint32)
    count, known, forward, backward, mask = 0, 0, 0, 0, (1 << 2 * k) - 1
    for digit in digits:
        if digit == OTHER:
            known = 0
            continue
        forward = (forward << 2 | digit) & mask
        backward = backward >> 2 | (3 - digit) << 2 * (k - 1)
        known += 1
        word = min(forward, backward)
        if known >= k and (one_in == 1 or counted(word, one_in)):
            found[count] = word
            count += 1
    return np.unique(found[:count])


@compiled
def first_words(size: int) -> int:
    """How many of a set's rarest words hold one in common with every set that it is like."""
    return size - (size * SHARED_PERCENT + 99) // 100 + 1 if size else 0


@compiled
def postings(ranks: np.ndarray, starts: np.ndarray, words: int) -> tuple[np.ndarray, np.ndarray]:
    """``members`` and ``bounds`` of the index."""
    bounds = np.zeros(words + 1, dtype=np.int64)
    for number in range(len(starts) - 1):
        first = starts[number]
        for place in range(first, first + first_words(starts[number + 1] - first)):
            bounds[ranks[place] + 1] += 1
    bounds = np.cumsum(bounds)
    filled = bounds[:-1].copy()
    members = np.empty(bounds[-1], dtype=np.int32)
    for number in range(len(starts) - 1):
        first = starts[number]
        for place in range(first, first + first_words(starts[number + 1] - first)):
            members[filled[ranks[place]]] = number
            filled[ranks[place]] += 1
    return members, bounds


def build_index(rows: list[Sequences]) -> Index:
    """The index of the sequences of all rows, in their order."""
    owner = np.array([number for number, row in enumerate(rows) for _ in row], dtype=np.int64)
    sequences = [sequence for row in rows for sequence in row]
    usual = int(np.median([len(sequence) for sequence in sequences])) - WORD + 1 if sequences else 0
    one_in = max(1, usual // WORDS_A_SEQUENCE)
    sets = [canonical_words(base_codes(sequence), WORD, one_in) for sequence in sequences]
    starts = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    words = np.concatenate([*sets, np.empty(0, dtype=np.uint32)])
    _, number, counts = np.unique(words, return_inverse=True, return_counts=True)
    rank = np.empty(len(counts), dtype=np.uint32)
    rank[np.argsort(counts, kind="stable")] = np.arange(len(counts), dtype=np.uint32)
    ranks = rank[number]
    for first, last in pairwise(starts):
        ranks[first:last].sort()
    return Index(ranks, starts, *postings(ranks, starts, len(counts)), owner)


@compiled
def alike(index: Index, one: int, other: int) -> bool:
    """Whether two sets share enough words; gives up as soon as they cannot."""
    a, a_end = index.starts[one], index.starts[one + 1]
    b, b_end = index.starts[other], index.starts[other + 1]
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
    """Set ``found[row, group]`` where an earlier row of that group is like the row."""
    compared = np.full(len(index.owner), -1, dtype=np.int64)
    for this in range(len(index.owner)):
        row = index.owner[this]
        first = index.starts[this]
        for place in range(first, first + first_words(index.starts[this + 1] - first)):
            word = index.ranks[place]
            if found[row].all():
                break
            for at in range(index.bounds[word], index.bounds[word + 1]):
                other = index.members[at]
                if index.owner[other] >= row:
                    break
                if compared[other] == this or found[row, group[index.owner[other]]]:
                    continue
                compared[other] = this
                if alike(index, this, other):
                    found[row, group[index.owner[other]]] = True


def earlier_alike(rows: list[Sequences], group: np.ndarray, groups: int) -> np.ndarray:
    """Whether an earlier row of each group is like a row, bool [rows, groups].

    ``group`` is the number of each row's group, int [rows]. The groups must follow each other in ascending order.
    """
    later = np.arange(groups) > group[:, None]  # no earlier row is of such a group: as if found, so none is looked for
    found = later.copy()
    mark_earlier(build_index(rows), group, found)
    return found & ~later


@compiled
def root_of(parent: np.ndarray, row: int) -> int:
    """The row that stands for a row's cluster; shortens the way there."""
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row


@compiled
def join_alike(index: Index, parent: np.ndarray) -> None:
    """Join the clusters of every two rows that are alike.

    ``agreed[word]`` is a row when it and all earlier ones with this word are in one cluster: a row of that cluster has
    nothing to learn from them. Without it a genome that is covered a thousandfold would take hours.
    """
    compared = np.full(len(index.owner), -1, dtype=np.int64)
    agreed = np.full(len(index.bounds) - 1, -1, dtype=np.int64)
    for this in range(len(index.owner)):
        row = index.owner[this]
        first = index.starts[this]
        for place in range(first, first + first_words(index.starts[this + 1] - first)):
            word = index.ranks[place]
            if agreed[word] >= 0 and root_of(parent, agreed[word]) == root_of(parent, row):
                continue
            together = True
            for at in range(index.bounds[word], index.bounds[word + 1]):
                other = index.members[at]
                theirs = root_of(parent, index.owner[other])
                if index.owner[other] >= row:
                    break
                if theirs != root_of(parent, row) and compared[other] != this:
                    compared[other] = this
                    if alike(index, this, other):
                        parent[theirs] = root_of(parent, row)
                together = together and root_of(parent, theirs) == root_of(parent, row)
            agreed[word] = row if together else -1


def alike_clusters(rows: list[Sequences]) -> np.ndarray:
    """The row that stands for each row's cluster, int [rows]: rows are in one if a chain of alike rows joins them."""
    parent = np.arange(len(rows))
    join_alike(build_index(rows), parent)
    return np.array([root_of(parent, row) for row in range(len(rows))], dtype=np.int64)


@compiled
def walk(index: Index, sequences: np.ndarray, linked: np.ndarray, links: np.ndarray, layer: np.ndarray) -> int:
    """Fill in the distance of every row from the rows of layer 0, breadth first; gives a row that is farthest away.

    ``sequences[row] : sequences[row + 1]`` are the sequences of a row, ``linked[links[row] : links[row + 1]]`` rows
    that are related for another reason. Members of the index that were reached are taken off its lists.
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
        for this in range(sequences[row], sequences[row + 1]):
            first = index.starts[this]
            for place in range(first, first + first_words(index.starts[this + 1] - first)):
                word = index.ranks[place]
                at = index.bounds[word]
                while at < ends[word]:
                    member = index.members[at]
                    other = index.owner[member]
                    if layer[other] < 0 and compared[member] != this:
                        compared[member] = this
                        if alike(index, this, member):
                            layer[other] = layer[row] + 1
                            queue[reached] = other
                            reached += 1
                    if layer[other] >= 0:
                        ends[word] -= 1
                        index.members[at] = index.members[ends[word]]
                    else:
                        at += 1
    return queue[reached - 1]


def layers(rows: list[Sequences], pairs: np.ndarray) -> np.ndarray:
    """The distance of each row of one cluster from a row at its rim, in steps from related row to related row.

    ``pairs``, int [pairs, 2], are rows that are related, be they alike or not. Rows of layers that are two or more
    apart are unrelated. int [rows].
    """
    both = np.vstack([pairs, pairs[:, ::-1]])
    linked = both[np.argsort(both[:, 0], kind="stable"), 1]
    links = np.searchsorted(np.sort(both[:, 0]), np.arange(len(rows) + 1))
    sequences = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    index, rim = build_index(rows), 0
    for _ in range(2):  # the row farthest from any is at the rim
        layer = np.full(len(rows), -1, dtype=np.int64)
        layer[rim] = 0
        rim = walk(index._replace(members=index.members.copy()), sequences, linked, links, layer)
    return layer
