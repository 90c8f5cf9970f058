"""A simple model that every data set is measured by: logistic regression on the counts of words of one to five bases.

What it reaches takes no knowledge of where in the sequence a word stands; a pre-trained model should do better.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from threadpoolctl import threadpool_limits

from workflow_scripts.common.randomness import generator
from workflow_scripts.common.sequences import known_kmers
from workflow_scripts.gue.examples import Example

WORD_LENGTHS = range(1, 6)  # 4 + 16 + 64 + 256 + 1,024 features a sequence; words of six gain little and cost fourfold
MAX_TRAIN_ROWS = 20_000


def word_counts(sequences: Sequence[str], k: int) -> np.ndarray:
    """How often each word of k bases stands in each sequence, float32 [sequences, 4**k].

    Words overlap; those with a letter other than A, C, G and T, in either case, do not count.
    """
    counts = np.zeros((len(sequences), 4**k), dtype=np.float32)
    for row, sequence in enumerate(sequences):
        counts[row] = np.bincount(known_kmers(sequence, k), minlength=4**k)
    return counts


def features(rows: list[Example]) -> np.ndarray:
    """Word counts scaled to length 1 for each k, float32 [rows, 1,364 for each sequence of a row]."""
    blocks = []
    for sequences in zip(*(row.sequences for row in rows), strict=True):
        for k in WORD_LENGTHS:
            counts = word_counts(sequences, k)
            blocks.append(counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1))
    return np.hstack(blocks)


def kmer_baseline(splits: dict[str, list[Example]], seed: int) -> dict[str, float]:
    """Fit on train, score on test: "mcc" (-1..1), macro "f1" and "accuracy" (0..1), to four decimals.

    Of more than 20,000 training rows that many are drawn. ``dev`` is not looked at: there is nothing to choose. Where
    train has one class only, that class is the answer. One thread, so that the sums are the same on every machine.
    """
    train, test = splits["train"], splits["test"]
    if len(train) > MAX_TRAIN_ROWS:
        drawn = generator(seed, "gue", "kmer_baseline").choice(len(train), MAX_TRAIN_ROWS, replace=False)
        train = [train[index] for index in sorted(drawn)]
    labels, truth = ([row.label for row in rows] for rows in (train, test))
    if len(set(labels)) == 1:
        predicted = labels[:1] * len(truth)
    else:
        with threadpool_limits(1):
            model = LogisticRegression(max_iter=300).fit(features(train), labels)
            predicted = model.predict(features(test))
    scores = {
        "mcc": matthews_corrcoef(truth, predicted),
        "f1": f1_score(truth, predicted, average="macro", zero_division=0),
        "accuracy": accuracy_score(truth, predicted),
    }
    return {name: round(float(value), 4) for name, value in scores.items()}
