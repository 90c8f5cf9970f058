"""Sequences as the k-mers they hold, and the simplest model of them: a logistic regression on their counts."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from workflow_scripts.common.sequences import BASE_CODES, BASES, kmer_numbers


def known_kmers(sequence: str, k: int) -> np.ndarray:
    """The numbers of the k-mers of a sequence, in their order, without those that hold an unknown letter.

    Letters of either case are bases.
    """
    numbers = kmer_numbers(BASE_CODES[np.frombuffer(sequence.upper().encode("ascii", "replace"), np.uint8)], k)
    return numbers[numbers >= 0]


def kmer_features(sequences: Sequence[str], k: int) -> sparse.csr_array:
    """Square roots of the counts of each k-mer, float32 [sequences, 4^k]; the roots keep repeats from ruling."""
    kmers = [known_kmers(sequence, k) for sequence in sequences]
    rows = np.repeat(np.arange(len(kmers)), [len(found) for found in kmers])
    columns = np.concatenate([*kmers, np.empty(0, np.int32)])
    shape = (len(kmers), len(BASES) ** k)
    counts = sparse.coo_array((np.ones(len(columns), np.float32), (rows, columns)), shape).tocsr()
    return counts.sqrt()


def fit_regression(features: sparse.csr_array, labels: np.ndarray, strength: float = 0.1) -> LogisticRegression:
    """A logistic regression with an L2 penalty, whose inverse is ``strength`` (scikit-learn's C); at least two classes.

    One thread, so that sums are the same on every machine.
    """
    with threadpool_limits(1):
        return LogisticRegression(C=strength, max_iter=300).fit(features, labels)
