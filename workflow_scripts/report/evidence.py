"""What is behind a score: scores of each class, confusions, ROC and precision-recall curves, and the worst errors.

Everything is a mean over the fits of a run on a data set, so that no single seed stands for the run.
"""

from collections.abc import Sequence

import numpy as np

from workflow_scripts.common.bootstrap import AREAS, Predictions, confusion_counts, mean_areas

GRID = np.linspace(0, 1, 51)  # places on the x axis of a curve
WORST = 20  # errors of a run on a data set


def confusions(fits: Sequence[Predictions]) -> np.ndarray:
    """How many rows of each class are taken for each class, [label, prediction], mean over the fits."""
    classes = fits[0].probabilities.shape[1]
    return np.mean([confusion_counts(fit.labels, fit.predicted, classes) for fit in fits], axis=0)


def class_scores(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall and F1 of each class, arrays [classes], from counts [label, prediction]; NaN for 0 of 0."""
    right, actual, predicted = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)

    def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)

    scores = {"precision": share(right, predicted), "recall": share(right, actual)}
    return scores | {"f1": share(2 * right, actual + predicted)}


def operating_points(values: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the class, and other rows, with a value of at least each threshold, from high to low thresholds."""
    order = np.argsort(-values, kind="stable")
    last = np.flatnonzero(np.diff(values[order], append=-np.inf))  # of rows with the same value
    found = positive[order].cumsum()[last]
    return found, last + 1 - found


def roc_curve(values: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """The highest recall with at most each share of false positives in GRID."""
    found, others = operating_points(values, positive)
    within = np.searchsorted(others, GRID * others[-1] + 1e-9, side="right")
    return np.r_[0, found][within] / found[-1]


def precision_recall_curve(values: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Precision at each recall in GRID: that of the highest threshold that reaches it."""
    found, others = operating_points(values, positive)
    reached = np.searchsorted(found, np.maximum(np.ceil(GRID * found[-1] - 1e-9), 1))
    return found[reached] / (found[reached] + others[reached])


def class_areas(fits: Sequence[Predictions]) -> dict[str, np.ndarray]:
    """``auroc`` and ``auprc`` of each class against the rest, arrays [classes], means over the fits."""
    classes = range(fits[0].probabilities.shape[1])
    once = np.ones((1, len(fits[0].labels)))
    areas = [[mean_areas(fit, once, [number]) for number in classes] for fit in fits]
    return {name: np.mean([[float(found[name][0]) for found in fit] for fit in areas], axis=0) for name in AREAS}


def mean_curves(fits: Sequence[Predictions]) -> dict[str, np.ndarray]:
    """``roc`` and ``precision-recall``, arrays over GRID, means over the fits and the classes that have rows.

    Of two classes the second one counts, as positive.
    """
    classes = fits[0].probabilities.shape[1]
    occurring = np.bincount(fits[0].labels, minlength=classes)
    wanted = [1] if classes == 2 else range(classes)
    numbers = [number for number in wanted if 0 < occurring[number] < occurring.sum()]
    if not numbers:
        return {}
    curves = {"roc": roc_curve, "precision-recall": precision_recall_curve}
    return {
        name: np.mean(
            [curve(fit.probabilities[:, number], fit.labels == number) for fit in fits for number in numbers], axis=0
        )
        for name, curve in curves.items()
    }


def worst_errors(fits: Sequence[Predictions], count: int = WORST) -> list[tuple[int, int, float, int]]:
    """The rows with the lowest mean probability of their class, of those that most fits get wrong.

    Each as (row, most frequent wrong prediction, mean probability of the label, number of fits that are wrong).
    """
    labels = fits[0].labels
    given = np.mean([fit.probabilities[np.arange(len(labels)), labels] for fit in fits], axis=0)
    predicted = np.array([fit.predicted for fit in fits])
    wrong = (predicted != labels).sum(axis=0)
    candidates = np.flatnonzero(2 * wrong > len(fits))
    rows = candidates[np.argsort(given[candidates], kind="stable")][:count]
    errors = []
    for row in rows.tolist():
        mistakes = predicted[:, row][predicted[:, row] != labels[row]]
        errors.append((row, int(np.bincount(mistakes).argmax()), float(given[row]), int(wrong[row])))
    return errors
