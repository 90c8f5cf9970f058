"""Byte-pair encoding of DNA, trained exactly: the same merges in the same order as Hugging Face `tokenizers`.

The algorithm (Sennrich et al. 2016; tokenizers 0.23, BpeTrainer): merge the most frequent pair of adjacent tokens
everywhere, from left to right; among equally frequent pairs the one with the smaller ids; until the vocabulary is full
or no pair is frequent enough. Counts have 64 bits; those of `tokenizers` have 32 bits and overflow.

If a merge spells an existing token, `tokenizers` gives it that token's id. This never happens here: as long as no merge
crosses its ends, a run of letters has the same tokens wherever it occurs. So when the token was created, every such
run became that token, and no other pair that spells it is left.

Speed: the corpus is one array of 16-bit ids with separators between the chunks. A pass over it lists the positions of
the most frequent pairs, at most a quarter of all positions. Merging a listed pair visits only its positions: its first
token gets the new id, its second becomes a hole, and the neighbours are counted, from which the pair counts are
updated. Positions that an earlier merge has changed are skipped. The lists stay complete, because a new token creates
only new pairs; when one of these becomes the most frequent, the array is searched for it. When the lists are used up,
the next pass removes the holes and lists again: 4,096 tokens need a dozen passes. Threads work on parts of the array;
counts are sums over the parts, so the result does not depend on their number.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import numpy as np

from workflow_scripts.common.numba_cache import compiled
from workflow_scripts.common.sequences import BASE_CODES, BASES, OTHER
from workflow_scripts.common.special_tokens import FIRST_BASE

SEPARATOR, HOLE = 0, 1  # ids of special tokens, so no letter has them
FIRST_MERGED = FIRST_BASE + len(BASES)
MAX_PART = 2**32  # cells; positions are 32-bit numbers
MAX_LISTED = 2**16 - 1  # pairs; slots are 16-bit numbers
LISTED_SHARE = 0.25  # of all positions
BLOCK = 2**14  # positions per block, so that the results for a block fit into the CPU cache

CODES = np.where(BASE_CODES == OTHER, SEPARATOR, FIRST_BASE + BASE_CODES).astype(np.uint16)
"""The id of each letter by its byte; letters that are no base are separators, because they are unknown."""


class Merge(NamedTuple):
    """A pair of ids, and how often it occurred."""

    left: int
    right: int
    frequency: int


def to_cells(sequences: Iterable[str]) -> np.ndarray:
    """The input array of :func:`merges`: uint16 ids, each sequence between separators."""
    return CODES[np.frombuffer("\n".join(["", *sequences, ""]).encode(), np.uint8)]


def merges(cells: np.ndarray, vocab_size: int, min_frequency: int, threads: int = 1) -> Iterator[Merge]:
    """Yield the merges in order, until no pair is frequent enough; the n-th creates the token FIRST_MERGED + n.

    ``cells``: uint16 from :func:`to_cells`; they are overwritten. ``vocab_size`` includes special tokens and bases.
    Memory in addition to the cells: 4 bytes per listed position, and 10 vocab_size^2 bytes of tables.
    """
    parts = split(cells, max(threads, -(-len(cells) // MAX_PART)))
    with ThreadPoolExecutor(threads) as pool:
        each: Callable[..., Iterator[Any]] = pool.map if len(parts) > 1 else map
        pairs = PairCounts(vocab_size, sum(each(count_letters, parts)))
        slots = np.zeros((vocab_size, vocab_size), dtype=np.uint16)
        listed, least = np.nonzero(slots), np.inf
        lists: list[tuple[np.ndarray, np.ndarray]] = []
        places: Iterable[np.ndarray] = []
        for new in range(FIRST_MERGED, vocab_size):
            left, right, count = pairs.top()
            if count < min_frequency:
                return
            if not slots[left, right] and count < least:
                slots[listed] = 0
                lists, places = [], []  # frees their memory for the new ones
                parts = list(each(close_holes, parts))
                listed = pairs.most_frequent(int(LISTED_SHARE * sum(map(len, parts))))
                least = pairs.counts[listed].min()
                slots[listed] = np.arange(1, len(listed[0]) + 1)
                lists = list(each(list_places, parts, repeat(slots), repeat(len(listed[0]) + 1)))
            if slot := slots[left, right]:
                places = [found[ends[slot - 1] : ends[slot]] for found, ends in lists]
            else:
                places = each(find_pair, parts, repeat(left), repeat(right), repeat(count))
            neighbours = sum(
                each(merge_at, parts, places, repeat(left), repeat(right), repeat(new), repeat(vocab_size))
            )
            pairs.update(left, right, new, neighbours)
            yield Merge(left, right, count)


def split(cells: np.ndarray, count: int) -> list[np.ndarray]:
    """Divide into ``count`` views that begin and end with a separator; adjacent views share it."""
    cuts = [0]
    for number in range(1, count):
        cut = max(len(cells) * number // count, cuts[-1])
        while cells[cut] != SEPARATOR:
            cut += 1
        cuts.append(cut)
    return [cells[first : last + 1] for first, last in pairwise([*cuts, len(cells) - 1])]


class PairCounts:
    """How often each pair of tokens occurs, including overlapping ones (AAA); int64."""

    def __init__(self, vocab_size: int, letters: np.ndarray):
        self.counts = np.zeros((vocab_size, vocab_size), dtype=np.int64)
        self.counts[FIRST_BASE:FIRST_MERGED, FIRST_BASE:FIRST_MERGED] = letters[FIRST_BASE:, FIRST_BASE:]
        # Upper bounds of the counts of each row. A new token takes its occurrences from another pair of the row, so
        # bounds never have to rise; they are lowered when needed.
        self.bounds = self.counts.max(axis=1)

    def top(self) -> tuple[int, int, int]:
        """The most frequent pair and its count; among several pairs the one with the smallest ids."""
        return top_pair(self.counts, self.bounds)

    def most_frequent(self, places: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the most frequent pairs with at most ``places`` positions in total, at least of one pair.

        Pairs with less than a quarter of the largest count are left for the next pass.
        """
        least = max(self.top()[2] // 4, 1)
        candidates = np.flatnonzero(self.bounds >= least)
        columns_of = [np.flatnonzero(self.counts[row] >= least) for row in candidates]
        rows, columns = np.repeat(candidates, [len(found) for found in columns_of]), np.concatenate(columns_of)
        counts = self.counts[rows, columns]
        order = np.argsort(-counts, kind="stable")[:MAX_LISTED]
        within = np.searchsorted(np.cumsum(counts[order]), places, side="right")
        chosen = order[: max(within, 1)]
        return rows[chosen], columns[chosen]

    def update(self, left: int, right: int, new: int, neighbours: np.ndarray) -> None:
        """Update the counts after a merge; ``neighbours``: counts of the tokens before and after the merged pairs."""
        update_counts(self.counts, self.bounds, left, right, new, neighbours)


@compiled
def count_letters(cells: np.ndarray) -> np.ndarray:
    """Counts of pairs of letters, (9, 9) int64."""
    counts = np.zeros((FIRST_MERGED, FIRST_MERGED), dtype=np.int64)
    for place in range(1, len(cells)):
        counts[cells[place - 1], cells[place]] += 1
    return counts


@compiled
def close_holes(cells: np.ndarray) -> np.ndarray:
    """Remove the holes in place; returns the view of the remaining tokens."""
    end = 0
    for place in range(len(cells)):
        cells[end] = cells[place]
        end += cells[place] != HOLE
    return cells[:end]


@compiled
def find_listed(
    cells: np.ndarray, first: int, last: int, slots: np.ndarray, places: np.ndarray, found: np.ndarray
) -> int:
    """Write position and slot of the listed pairs that start in first ... last - 1; returns their number."""
    count = 0
    for place in range(first, last):
        slot = slots[cells[place], cells[place + 1]]
        # always written, counted only if listed: a branch would be mispredicted for every fourth position
        places[count] = place
        found[count] = slot
        count += slot != 0
    return count


@compiled
def list_places(cells: np.ndarray, slots: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the listed pairs (uint32), in order of slot and position, and the end of each of ``size`` slots."""
    places = np.empty(BLOCK, dtype=np.uint32)
    found = np.empty(BLOCK, dtype=np.uint16)
    ends = np.zeros(size, dtype=np.int64)
    for first in range(0, len(cells) - 1, BLOCK):
        for number in range(find_listed(cells, first, min(first + BLOCK, len(cells) - 1), slots, places, found)):
            ends[found[number]] += 1
    ends = np.cumsum(ends)
    at = np.concatenate((np.zeros(1, dtype=np.int64), ends[:-1]))
    ordered = np.empty(ends[-1], dtype=np.uint32)
    for first in range(0, len(cells) - 1, BLOCK):
        for number in range(find_listed(cells, first, min(first + BLOCK, len(cells) - 1), slots, places, found)):
            ordered[at[found[number]]] = places[number]
            at[found[number]] += 1
    return ordered, ends


@compiled
def find_pair(cells: np.ndarray, left: int, right: int, count: int) -> np.ndarray:
    """Positions of one pair (uint32), which occurs ``count`` times in all parts together."""
    places = np.empty(count, dtype=np.uint32)
    found = 0
    for place in range(len(cells) - 1):
        if cells[place] == left:
            second = place + 1
            while cells[second] == HOLE:
                second += 1
            if cells[second] == right:
                places[found] = place
                found += 1
    return places[:found]


@compiled
def merge_at(cells: np.ndarray, places: np.ndarray, left: int, right: int, new: int, vocab_size: int) -> np.ndarray:
    """Merge the pair at its listed positions, where it still exists.

    Returns the counts of the tokens before and after it, (2, vocab_size) int64.
    """
    neighbours = np.zeros((2, vocab_size), dtype=np.int64)
    for place in places:
        if cells[place] != left:
            continue
        second = place + 1
        while cells[second] == HOLE:
            second += 1
        if cells[second] != right:
            continue
        cells[place] = new
        cells[second] = HOLE
        before = place - 1
        while cells[before] == HOLE:
            before -= 1
        after = second + 1
        while cells[after] == HOLE:
            after += 1
        neighbours[0, cells[before]] += 1
        neighbours[1, cells[after]] += 1
    return neighbours


@compiled
def update_counts(
    counts: np.ndarray, bounds: np.ndarray, left: int, right: int, new: int, neighbours: np.ndarray
) -> None:
    """Move the counts of the neighbours from the old pairs to those with the new token; see PairCounts.update."""
    for token in range(FIRST_BASE, new + 1):
        before, after = neighbours[0, token], neighbours[1, token]
        if before:
            counts[token, left] -= before
            counts[token, new] += before
        if after:
            counts[right, token] -= after
            counts[new, token] += after
    counts[left, right] = 0
    bounds[new] = counts[new].max()


@compiled
def top_pair(counts: np.ndarray, bounds: np.ndarray) -> tuple[int, int, int]:
    """The first pair in the order of ids with the largest count: (left, right, count)."""
    while True:
        row = np.argmax(bounds)
        column = np.argmax(counts[row])
        if counts[row, column] == bounds[row]:
            return int(row), int(column), int(counts[row, column])
        bounds[row] = counts[row, column]
