"""The nearest train row of each test row, by the 8-mers that they share.

Similarity is the cosine of two sets of 8-mers, on either strand, in which a rare 8-mer weighs more (inverse document
frequency in train). It needs no alignment, and is 1 for copies and 0 if nothing is shared.
"""

from typing import NamedTuple

import numpy as np

from workflow_scripts.common.numba_cache import compiled
from workflow_scripts.common.sequences import base_codes
from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.gue.similarity import canonical_kmers

K = 8


class Nearest(NamedTuple):
    """For each row the most similar other row, int [rows], -1 if there is none, and the similarity, 0 to 1."""

    row: np.ndarray
    similarity: np.ndarray


def kmer_sets(rows: list[Example]) -> tuple[np.ndarray, np.ndarray]:
    """The 8-mers of all sequences of each row: ``kmers[starts[i] : starts[i + 1]]`` are those of row ``i``."""
    sets = [
        np.unique(np.concatenate([canonical_kmers(base_codes(sequence), K, 1) for sequence in row.sequences]))
        for row in rows
    ]
    return np.concatenate([*sets, np.empty(0, dtype=np.uint32)]), np.cumsum([0, *map(len, sets)], dtype=np.int64)


@compiled
def most_similar(
    kmers: np.ndarray, starts: np.ndarray, members: np.ndarray, bounds: np.ndarray, weight: np.ndarray, norm: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The most similar of the rows in an inverted index, the first of several, and the similarity.

    ``kmers``, ``starts``: the rows to look up. ``members[bounds[k] : bounds[k + 1]]`` are the indexed rows with k-mer
    ``k``; ``weight`` is the square of its weight, and ``norm`` the length of each indexed row's vector.
    """
    rows = len(starts) - 1
    best, similarity = np.full(rows, -1, dtype=np.int64), np.zeros(rows)
    for row in range(rows):
        shared, own = np.zeros(len(norm)), 0.0
        for kmer in kmers[starts[row] : starts[row + 1]]:
            own += weight[kmer]
            for member in members[bounds[kmer] : bounds[kmer + 1]]:
                shared[member] += weight[kmer]
        for member in range(len(norm)):
            if shared[member] > 0 and shared[member] / norm[member] > similarity[row]:
                best[row], similarity[row] = member, shared[member] / norm[member]
        similarity[row] /= max(np.sqrt(own), 1e-12)
    return best, similarity


def nearest_rows(train: list[Example], test: list[Example]) -> Nearest:
    """The train row nearest to each test row."""
    (kmers, starts), (wanted, places) = kmer_sets(train), kmer_sets(test)
    counts = np.bincount(kmers, minlength=4**K)
    weight = np.log((len(train) + 1) / np.maximum(counts, 1)) ** 2
    owner = np.repeat(np.arange(len(train)), np.diff(starts))
    norm = np.sqrt(np.bincount(owner, weights=weight[kmers], minlength=len(train)))
    members = owner[np.argsort(kmers, kind="stable")]
    bounds = np.concatenate([[0], np.cumsum(counts)])
    return Nearest(*most_similar(wanted, places, members, bounds, weight, np.maximum(norm, 1e-12)))
