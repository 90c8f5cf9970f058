"""Derived pairs: rows that were made from one another, such as a positive and the negative that is its shuffle.

They share too few 14-mers to be near-duplicates (similarity.py), yet whoever knows the one knows the label of the
other. Two kinds are found, whatever the labels:

  shuffled     the same dinucleotide counts, on either strand. Shuffles that keep the counts of longer words keep these
               too. A search for equal counts finds all of them.
  substituted  equal stretches at the same places of both, counted from the first base, as if the bases between them had
               been replaced. Words of 14 bases that occur more than ten times in the data (repeats, primers, windows
               that overlap) do not count. The search finds every pair with a stretch of 15 bases of other words.

Chance must not explain a pair: by the rules below, at most one sequence in a hundred has a partner by chance, if each
base depends on the one before only. So short and repetitive sequences have no partners.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from math import ceil, lgamma, log
from typing import NamedTuple

import numpy as np

from workflow_scripts.common.numba_cache import compiled
from workflow_scripts.common.sequences import BASES, OTHER, base_codes, reverse_complement
from workflow_scripts.gue.similarity import Sequences

WORD = 12  # bases of a stretch that counts
STRETCH = 15  # bases of the longest stretch, at least
STEP = STRETCH - WORD + 1  # every stretch of 15 contains a word of 12 that starts at a multiple of this
COMMON_WORD, COMMON = 14, 10  # bases of a word, and occurrences at any place; more frequent ones say nothing
BY_CHANCE = 0.01  # sequences with a partner by chance, as a share
KINDS = ("shuffled", "substituted")
SHUFFLED, SUBSTITUTED = range(len(KINDS))


class DerivedPairs(NamedTuple):
    """Pairs of rows: ``rows``, int [pairs, 2], the earlier row first; ``kind``, an index of KINDS; ``shared``, bases.

    ``shared`` is the number of bases in equal stretches; of a shuffle, that of the sequence.
    """

    rows: np.ndarray
    kind: np.ndarray
    shared: np.ndarray


def dinucleotide_counts(codes: np.ndarray) -> np.ndarray:
    """How often each base (row) is followed by each (column), int [4, 4]; an unknown letter is none."""
    width = OTHER + 1
    pairs = np.bincount(codes[:-1] * width + codes[1:], minlength=width**2)
    return pairs.reshape(width, width)[:OTHER, :OTHER]


def following(counts: np.ndarray) -> np.ndarray:
    """The probability that each base (row) is followed by each (column), from dinucleotide counts, each plus one."""
    return (counts + 1) / (counts + 1).sum(axis=1, keepdims=True)


def shuffled(codes: list[np.ndarray]) -> Iterator[tuple[int, int, int]]:
    """(earlier, later, bases) of each pair of sequences with the same dinucleotide counts on either strand."""
    counts = [dinucleotide_counts(sequence) for sequence in codes]
    groups: dict[bytes, list[int]] = defaultdict(list)
    for number, own in enumerate(counts):
        other_strand = own[::-1, ::-1].T  # the codes of a base and its complement add up to 3
        groups[min(own.tobytes(), other_strand.tobytes())].append(number)
    log_following = np.log(following(sum(counts, np.zeros((len(BASES), len(BASES)), dtype=np.int64))))
    for members in groups.values():
        if len(members) > 1 and log_chance(counts[members[0]], log_following) < log(BY_CHANCE / len(codes)):
            for position, later in enumerate(members):
                yield from ((earlier, later, len(codes[later])) for earlier in members[:position])


def log_chance(counts: np.ndarray, log_following: np.ndarray) -> float:
    """An upper bound of the log probability that a random sequence has these dinucleotide counts, int [4, 4].

    Bases follow one another with the log probabilities ``log_following``, [4, 4]. The bound counts all orders of the
    bases that follow each base, some of which are no sequence (Altschul and Erickson 1985).
    """
    orders = sum(lgamma(sum(row) + 1) - sum(lgamma(count + 1) for count in row) for row in counts.tolist())
    return orders + float((counts * log_following).sum())


class Codes(NamedTuple):
    """The codes of all sequences in one array: those of sequence ``i`` are ``codes[starts[i] : starts[i + 1]]``."""

    codes: np.ndarray
    starts: np.ndarray

    def words_at(self, place: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """The sequences that have a word of ``size`` known bases at a place, ascending, and the words as numbers."""
        long = np.flatnonzero(np.diff(self.starts) >= place + size)
        letters = self.codes[self.starts[long, None] + place + np.arange(size)]
        known = (letters < OTHER).all(axis=1)
        words = letters[known] @ (len(BASES) ** np.arange(size, dtype=np.int64))
        return long[known], words.astype(np.uint32)

    @property
    def longest(self) -> int:
        """Letters of the longest sequence."""
        return int(np.diff(self.starts).max(initial=0))

    def without_common_words(self) -> "Codes":
        """The same with unknown letters for the words of 14 bases that occur more than ten times."""
        places = range(self.longest - COMMON_WORD + 1)
        words = np.concatenate([np.empty(0, np.uint32), *(self.words_at(place, COMMON_WORD)[1] for place in places)])
        words.sort()
        common = np.unique(words[COMMON:][words[COMMON:] == words[: len(words) - COMMON]])
        codes = self.codes.copy()
        for place in places:
            members, words = self.words_at(place, COMMON_WORD)
            members = members[np.isin(words, common)]
            codes[self.starts[members, None] + place + np.arange(COMMON_WORD)] = OTHER
        return Codes(codes, self.starts)


def needed_bases(sequences: Codes) -> int:
    """The bases in equal stretches that a pair needs: the more and longer the sequences, the more occur by chance.

    The chance that two sequences that agree do so for one more base is the largest eigenvalue of the matrix of the
    squared probabilities with which bases follow one another (Karlin and Ost 1988).
    """
    equal = float(np.abs(np.linalg.eigvals(following(dinucleotide_counts(sequences.codes)) ** 2)).max())
    return max(STRETCH, ceil(log(max(len(sequences.codes), 1) / BY_CHANCE) / -log(equal)))


@compiled
def equal_stretches(first: np.ndarray, second: np.ndarray) -> tuple[int, int]:
    """The bases in stretches of 12 and more that are equal at the same places, and those of the longest stretch."""
    total, longest, run = 0, 0, 0
    size = min(len(first), len(second))
    for place in range(size + 1):
        if place < size and first[place] == second[place] and first[place] != OTHER:
            run += 1
            continue
        if run >= WORD:
            total += run
            longest = max(longest, run)
        run = 0
    return total, longest


@compiled
def equal_and_known(first: np.ndarray, second: np.ndarray, start: int, end: int) -> bool:
    """Whether two sequences have the same bases from ``start`` to ``end``."""
    same = (first[start:end] == second[start:end]) & (first[start:end] != OTHER)
    return bool(same.all())


@compiled
def compare_groups(sequences: Codes, place: int, order: np.ndarray, edges: np.ndarray, needed: int) -> np.ndarray:
    """Pairs in the groups ``order[edges[i] : edges[i + 1]]`` that share enough: earlier, later, bases; int [pairs, 3].

    The sequences of a group have the same word at ``place``. Two that have the same word one step before it too were
    compared there.
    """
    sizes = np.diff(edges)
    found = np.empty(((sizes * (sizes - 1) // 2).sum(), 3), dtype=np.int64)
    count = 0
    for group in range(len(sizes)):
        for position in range(edges[group], edges[group + 1]):
            later = order[position]
            second = sequences.codes[sequences.starts[later] : sequences.starts[later + 1]]
            for earlier in order[edges[group] : position]:
                first = sequences.codes[sequences.starts[earlier] : sequences.starts[earlier + 1]]
                if place and equal_and_known(first, second, place - STEP, place):
                    continue
                total, longest = equal_stretches(first, second)
                if total >= needed and longest >= STRETCH:
                    found[count] = earlier, later, total
                    count += 1
    return found[:count]


def substituted(sequences: Codes) -> np.ndarray:
    """Pairs of sequences with long equal stretches: earlier, later, bases in equal stretches; int [pairs, 3]."""
    needed, sequences = needed_bases(sequences), sequences.without_common_words()
    found = [np.empty((0, 3), dtype=np.int64)]
    for place in range(0, sequences.longest - WORD + 1, STEP):
        members, words = sequences.words_at(place, WORD)
        order = np.argsort(words, kind="stable")
        edges = np.concatenate([[0], np.flatnonzero(np.diff(words[order])) + 1, [len(order)]])
        found.append(compare_groups(sequences, place, members[order], edges, needed))
    return np.unique(np.concatenate(found), axis=0)


def derived_pairs(rows: list[Sequences]) -> DerivedPairs:
    """All derived pairs, of whichever of their sequences. Copies, on either strand too, are no pairs."""
    owners: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        for sequence in dict.fromkeys(row):
            owners[sequence].append(number)
    distinct = list(owners)
    codes = [base_codes(sequence) for sequence in distinct]
    flat = Codes(np.concatenate([*codes, np.empty(0, np.uint8)]), np.cumsum([0, *map(len, codes)], dtype=np.int64))
    found: dict[tuple[int, int], tuple[int, int]] = {}
    pairs = [(SUBSTITUTED, substituted(flat).tolist()), (SHUFFLED, shuffled(codes))]
    for kind, members in pairs:
        for first, second, shared in members:
            if reverse_complement(distinct[first]) != distinct[second]:
                for ends in product(owners[distinct[first]], owners[distinct[second]]):
                    found[min(ends), max(ends)] = kind, shared
    found = {pair: found[pair] for pair in sorted(found) if pair[0] != pair[1]}
    return DerivedPairs(
        np.array(list(found), dtype=np.int64).reshape(-1, 2),
        np.array([kind for kind, _ in found.values()], dtype=np.int64),
        np.array([shared for _, shared in found.values()], dtype=np.int64),
    )
