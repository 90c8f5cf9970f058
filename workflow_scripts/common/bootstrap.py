"""The bootstrap over test rows: how scores vary with the choice of test rows, from the predictions of fits.

A resample draws as many rows as the test split has, with replacement and regardless of class (Efron 1979), because the
number of rows of a class is itself random. All fits on a data set are scored on the same resamples, so their
differences are paired. Scores are fractions and equal those of scikit-learn.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from workflow_scripts.common.randomness import generator

AREAS = ("auroc", "auprc")
METRICS = ("mcc", "f1", "accuracy", *AREAS)
RESAMPLES = 1000
BLOCK = 100  # resamples at a time: 100 x 10,000 rows are 8 MB


@dataclasses.dataclass(frozen=True)
class Predictions:
    """A fit's test rows: ``labels`` [rows], ``predicted`` classes [rows] and ``probabilities`` [rows, classes]."""

    labels: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray


def resampled_scores(
    fits: Sequence[Predictions],
    seed: int,
    task: str,
    dataset: str,
    resamples: int = RESAMPLES,
    of_class: tuple[str, int] | None = None,
) -> list[dict[str, np.ndarray]]:
    """Each fit's scores [resamples] by metric, all fits on the same resamples of a data set's test rows.

    The drawn rows depend only on the seed, the data set and the number of rows. ``of_class``: see weighted_scores.
    """
    scores: list[dict[str, list[np.ndarray]]] = [defaultdict(list) for _fit in fits]
    for weights in row_counts(len(fits[0].labels), seed, task, dataset, resamples):
        for fit, mine in zip(fits, scores, strict=True):
            for metric, values in weighted_scores(fit, weights, of_class).items():
                mine[metric].append(values)
    return [{metric: np.concatenate(blocks) for metric, blocks in mine.items()} for mine in scores]


def row_counts(rows: int, seed: int, task: str, dataset: str, resamples: int) -> Iterator[np.ndarray]:
    """How often each row is drawn, [resamples, rows], in blocks of resamples."""
    for start in range(0, resamples, BLOCK):
        random, size = generator(seed, "bootstrap", task, dataset, start), min(BLOCK, resamples - start)
        drawn = random.integers(rows, size=(size, rows)) + rows * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows).astype(np.float64)


def weighted_scores(
    fit: Predictions, weights: np.ndarray, of_class: tuple[str, int] | None = None
) -> dict[str, np.ndarray]:
    """The metrics of a fit, arrays [samples], with each row counted ``weights`` [samples, rows] times.

    Areas are of the second of two classes, else means over the classes. ``of_class``, such as ("auroc:enhancer", 1),
    adds that of one class.
    """
    classes = fit.probabilities.shape[1]
    cells = np.eye(classes**2)[fit.labels * classes + fit.predicted]
    counts = (weights @ cells).reshape(-1, classes, classes)
    scores = confusion_scores(counts) | mean_areas(fit, weights, [1] if classes == 2 else range(classes))
    if of_class:
        metric, number = of_class
        scores[metric] = mean_areas(fit, weights, [number])[metric.partition(":")[0]]
    return scores


def confusion_counts(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """How many rows of each class are taken for each class, int [label, prediction]."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def confusion_scores(counts: np.ndarray) -> dict[str, np.ndarray]:
    """MCC (for K classes, Gorodkin 2004), macro F1 and accuracy from counts [samples, label, prediction].

    MCC is 0 if all labels or all predictions are of one class. F1 is over the classes that occur as label or
    prediction, as in scikit-learn.
    """
    right, total = np.trace(counts, axis1=1, axis2=2), counts.sum(axis=(1, 2))
    actual, predicted = counts.sum(axis=2), counts.sum(axis=1)
    covariance = right * total - (actual * predicted).sum(axis=1)
    spread = (total**2 - (actual**2).sum(axis=1)) * (total**2 - (predicted**2).sum(axis=1))
    both = actual + predicted
    diagonal = np.diagonal(counts, axis1=1, axis2=2)
    f1 = np.divide(2 * diagonal, both, out=np.zeros_like(both), where=both > 0)
    return {
        "mcc": np.divide(covariance, np.sqrt(spread), out=np.zeros_like(covariance), where=spread > 0),
        "f1": f1.sum(axis=1) / (both > 0).sum(axis=1),
        "accuracy": right / total,
    }


def mean_areas(fit: Predictions, weights: np.ndarray, classes: Sequence[int]) -> dict[str, np.ndarray]:
    """``auroc`` and ``auprc`` [samples], means over each of these classes against the rest; NaN if one has no row."""
    areas = [ranked_areas(fit.probabilities[:, number], fit.labels == number, weights) for number in classes]
    return {name: np.mean([found[name] for found in areas], axis=0) for name in AREAS}


def ranked_areas(values: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Areas under the ROC and the precision-recall curve [samples] of values that rank the positive rows first.

    ``auroc`` is the share of pairs of a positive and a negative row in which the positive has the higher value; ties
    count half. NaN without a pair. ``auprc`` is the average precision: over the positive rows the mean share of
    positives among the rows with at least their value. NaN without a positive row. A constant has an AUROC of 0.5 and
    an AUPRC of the share of positive rows.
    """
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=-np.inf))  # of runs of rows with the same value
    right = np.add.reduceat(weights[:, order] * positive[order], starts, axis=1)
    wrong = np.add.reduceat(weights[:, order] * ~positive[order], starts, axis=1)
    below = wrong.cumsum(axis=1)
    positives, negatives = right.sum(axis=1), below[:, -1]
    pairs = positives * negatives
    won = (right * (below - wrong / 2)).sum(axis=1)
    found = positives[:, None] - right.cumsum(axis=1) + right
    taken = found + negatives[:, None] - below + wrong
    precision = np.divide(found, taken, out=np.zeros_like(taken), where=taken > 0)
    return {
        "auroc": np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0),
        "auprc": np.divide(
            (right * precision).sum(axis=1), positives, out=np.full(len(pairs), np.nan), where=positives > 0
        ),
    }
