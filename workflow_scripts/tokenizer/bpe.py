"""Byte-pair encoding of DNA, trained exactly: the merges of Hugging Face `tokenizers`, in its order.

The rule (Sennrich et al. 2016; tokenizers 0.23, BpeTrainer): merge the most frequent pair of neighbouring tokens
everywhere, from left to right; of equally frequent pairs, the one with the smaller ids; until the vocabulary is full or
no pair is frequent enough. Counts have 64 bits, where `tokenizers` has 32 and overflows.

`tokenizers` also gives a merge that spells an existing token that token's id. It never comes to that: as long as no
merge reaches across its ends, a stretch of letters is tokenized alike wherever it stands. So when the token was made
it was made of every such stretch, and no other pair is left that spells it.

How it is fast. The corpus is one array of 16-bit ids with separators between the chunks. A pass over it lists the
places of the most frequent pairs, a quarter of all places at most. Merging such a pair visits its places only: its
first token takes the new id, its second becomes a hole, and the neighbours are counted, which is all that the table of
counts needs. Places that an earlier merge has changed are passed over. Lists stay complete, for a new token only makes
new pairs; when one of these has become the most frequent, it is searched for. When the lists are used up, the next
pass closes the holes and lists anew: a dozen passes make 4,096 tokens. Threads work on parts of the array; counts add
up, so their number changes nothing.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, repeat
from typing import NamedTuple

import numpy as np

from workflow_scripts.common.numba_cache import compiled
from workflow_scripts.common.sequences import BASES
from workflow_scripts.common.special_tokens import FIRST_BASE

SEPARATOR, HOLE = 0, 1  # ids of special tokens, which no letter has
FIRST_MERGED = FIRST_BASE + len(BASES)
MAX_PART = 2**32  # cells; places are numbers of 32 bits
MAX_LISTED = 2**16 - 1  # pairs; slots are numbers of 16 bits
LISTED_SHARE = 0.25  # of all places
BLOCK = 2**14  # places that are looked at at once, so that what is found stays in the cache

CODES = np.full(256, SEPARATOR, dtype=np.uint16)
CODES[np.frombuffer(BASES.encode(), np.uint8)] = range(FIRST_BASE, FIRST_MERGED)
"""The id of each letter by its byte; any letter but A, C, G, T ends a stretch, as it is unknown to the tokenizer."""


class Merge(NamedTuple):
    """A pair of ids, and how often it was counted."""

    left: int
    right: int
    count: int


def to_cells(sequences: Iterable[str]) -> np.ndarray:
    """The array that :func:`merges` takes: uint16 ids, each sequence between separators."""
    return CODES[np.frombuffer("\n".join(["", *sequences, ""]).encode(), np.uint8)]


def merges(cells: np.ndarray, vocab_size: int, min_frequency: int, threads: int = 1) -> Iterator[Merge]:
    """Yield the merges one by one; the n-th makes the token FIRST_MERGED + n. They end when no pair is frequent enough.

    ``cells``: uint16, as :func:`to_cells` lays them out; they are overwritten. ``vocab_size`` counts special tokens
    and bases. Memory beside the cells: 4 bytes for each listed place, 10 vocab_size^2 for tables.
    """
    parts = split(cells, max(threads, -(-len(cells) // MAX_PART)))
    with ThreadPoolExecutor(threads) as pool:
        each = pool.map if len(parts) > 1 else map
        pairs = PairCounts(vocab_size, sum(each(count_letters, parts)))
        slots = np.zeros((vocab_size, vocab_size), dtype=np.uint16)
        listed, least, lists = np.nonzero(slots), np.inf, []
        for new in range(FIRST_MERGED, vocab_size):
            left, right, count = pairs.top()
            if count < min_frequency:
                return
            if not slots[left, right] and count < least:
                slots[listed] = 0
                lists = places = []  # free their memory for the new ones
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
    """Cut into ``count`` views that begin and end with a separator, which neighbours share."""
    cuts = [0]
    for number in range(1, count):
        cut = max(len(cells) * number // count, cuts[-1])
        while cells[cut] != SEPARATOR:
            cut += 1
        cuts.append(cut)
    return [cells[first : last + 1] for first, last in pairwise([*cuts, len(cells) - 1])]


class PairCounts:
    """How often each pair of tokens stands side by side, overlapping ones (AAA) included; int64."""

    def __init__(self, vocab_size: int, letters: np.ndarray):
        self.counts = np.zeros((vocab_size, vocab_size), dtype=np.int64)
        self.counts[FIRST_BASE:FIRST_MERGED, FIRST_BASE:FIRST_MERGED] = letters[FIRST_BASE:, FIRST_BASE:]
        # No count of a row is above its bound. A new token takes its places from another pair of the row, so no bound
        # need rise; it is lowered when it matters.
        self.bounds = self.counts.max(axis=1)

    def top(self) -> tuple[int, int, int]:
        """The most frequent pair, the one with the smallest ids of several, and its count."""
        return top_pair(self.counts, self.bounds)

    def most_frequent(self, places: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows and columns of the most frequent pairs that have ``places`` places together at most, and of the first.

        Those of less than a quarter of the largest count are left out: their turn comes after the next pass.
        """
        least = max(self.top()[2] // 4, 1)
        rows = np.flatnonzero(self.bounds >= least)
        columns = [np.flatnonzero(self.counts[row] >= least) for row in rows]
        rows, columns = np.repeat(rows, [len(found) for found in columns]), np.concatenate(columns)
        counts = self.counts[rows, columns]
        order = np.argsort(-counts, kind="stable")[:MAX_LISTED]
        within = np.searchsorted(np.cumsum(counts[order]), places, side="right")
        chosen = order[: max(within, 1)]
        return rows[chosen], columns[chosen]

    def update(self, left: int, right: int, new: int, neighbours: np.ndarray) -> None:
        """Book a merge: ``neighbours`` are the counts of the tokens before and behind the merged places."""
        book_merge(self.counts, self.bounds, left, right, new, neighbours)


@compiled
def count_letters(cells):
    """The counts of pairs of letters, (9, 9) int64."""
    counts = np.zeros((FIRST_MERGED, FIRST_MERGED), dtype=np.int64)
    for place in range(1, len(cells)):
        counts[cells[place - 1], cells[place]] += 1
    return counts


@compiled
def close_holes(cells):
    """Move the tokens together; returns the view that holds them."""
    end = 0
    for place in range(len(cells)):
        cells[end] = cells[place]
        end += cells[place] != HOLE
    return cells[:end]


@compiled
def find_listed(cells, first, last, slots, places, found):
    """Write place and slot of the listed pairs that begin in first ... last - 1; returns their number."""
    count = 0
    for place in range(first, last):
        slot = slots[cells[place], cells[place + 1]]
        # written always, kept if listed: a branch here would be guessed wrong once in four places
        places[count] = place
        found[count] = slot
        count += slot != 0
    return count


@compiled
def list_places(cells, slots, size):
    """The places of the listed pairs, in order of slot and place (uint32), and where each of ``size`` slots ends."""
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
def find_pair(cells, left, right, count):
    """The places of one pair that stands ``count`` times in all parts together, (uint32)."""
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
def merge_at(cells, places, left, right, new, vocab_size):
    """Merge the pair where it still stands at its listed places.

    Returns the counts of the tokens before and behind, (2, vocab_size) int64.
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
        behind = second + 1
        while cells[behind] == HOLE:
            behind += 1
        neighbours[0, cells[before]] += 1
        neighbours[1, cells[behind]] += 1
    return neighbours


@compiled
def book_merge(counts, bounds, left, right, new, neighbours):
    """Move the counts of the neighbours from the old pairs to those with the new token; see PairCounts.update."""
    for token in range(FIRST_BASE, new + 1):
        before, behind = neighbours[0, token], neighbours[1, token]
        if before:
            counts[token, left] -= before
            counts[token, new] += before
        if behind:
            counts[right, token] -= behind
            counts[new, token] += behind
    counts[left, right] = 0
    bounds[new] = counts[new].max()


@compiled
def top_pair(counts, bounds):
    """The first pair in order of ids with the largest count: (left, right, count)."""
    while True:
        row = np.argmax(bounds)
        column = np.argmax(counts[row])
        if counts[row, column] == bounds[row]:
            return row, column, counts[row, column]
        bounds[row] = counts[row, column]
