"""A simple baseline for every data set: logistic regression on the counts of k-mers of one to five bases.

It does not use the positions of the k-mers; a pre-trained model should score higher.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from threadpoolctl import threadpool_limits

from workflow_scripts.common.randomness import generator
from workflow_scripts.common.sequences import known_kmers
from workflow_scripts.gue.labelled_examples import Example, Splits

KMER_LENGTHS = range(1, 6)  # 4 + 16 + 64 + 256 + 1,024 features a sequence; 6-mers add little at four times the cost
MAX_TRAIN_ROWS = 20_000


def kmer_counts(sequences: Sequence[str], k: int) -> np.ndarray:
    """Counts of the k-mers of each sequence, float32 [sequences, 4**k].

    K-mers overlap; those with a letter other than A, C, G and T, in either case, do not count.
    """
    counts = np.zeros((len(sequences), 4**k), dtype=np.float32)
    for row, sequence in enumerate(sequences):
        counts[row] = np.bincount(known_kmers(sequence, k), minlength=4**k)
    return counts


def features(rows: list[Example]) -> np.ndarray:
    """K-mer counts normalized to length 1 for each k, float32 [rows, 1,364 for each sequence of a row]."""
    blocks = []
    for sequences in zip(*(row.sequences for row in rows), strict=True):
        for k in KMER_LENGTHS:
            counts = kmer_counts(sequences, k)
            blocks.append(counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1))
    return np.hstack(blocks)


def baseline_scores(splits: Splits, seed: int) -> dict[str, float]:
    """Fit on train, score on test: "mcc" (-1..1), macro "f1" and "accuracy" (0..1), to four decimals.

    A larger train split is reduced to 20,000 random rows. ``dev`` is not used, as there are no settings to choose. If
    train has one class only, the prediction is that class. Runs on one thread, so that floating-point sums are the
    same on every machine.
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
    return classification_scores(truth, predicted)


def classification_scores(truth: Sequence[object], predicted: Sequence[object]) -> dict[str, float]:
    """ "mcc" (-1..1), macro "f1" and "accuracy" (0..1), to four decimals."""
    scores = {
        "mcc": matthews_corrcoef(truth, predicted),
        "f1": f1_score(truth, predicted, average="macro", zero_division=0),
        "accuracy": accuracy_score(truth, predicted),
    }
    return {name: round(float(value), 4) for name, value in scores.items()}
