"""Scores of predictions: those of the released train.py (scikit-learn), and the areas under two curves."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics

Scores = dict[str, Any]
"""Scores by name: numbers, None if a score is undefined; ``loss`` is always a number."""


def scores(labels: np.ndarray, probabilities: np.ndarray) -> Scores:
    """MCC, macro F1, accuracy, macro precision and recall, AUROC, AUPRC and mean cross-entropy.

    ``labels`` [rows], ``probabilities`` [rows, classes]. AUROC and AUPRC are of the second of two classes, of more the
    mean of one against the rest, and None where a class has no row.
    """
    predictions = probabilities.argmax(axis=1)
    picked = probabilities[np.arange(len(labels)), labels]
    return {
        "mcc": float(metrics.matthews_corrcoef(labels, predictions)),
        "f1": float(metrics.f1_score(labels, predictions, average="macro", zero_division=0)),
        "accuracy": float(metrics.accuracy_score(labels, predictions)),
        "precision": float(metrics.precision_score(labels, predictions, average="macro", zero_division=0)),
        "recall": float(metrics.recall_score(labels, predictions, average="macro", zero_division=0)),
        "auroc": auroc(labels, probabilities),
        "auprc": auprc(labels, probabilities),
        "loss": float(-np.log(np.clip(picked, 1e-12, 1.0)).mean()),
        "rows": len(labels),
    }


def auroc(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Area under the ROC curve; None where it is undefined because a class has no row."""
    classes = probabilities.shape[1]
    if len(np.unique(labels)) < classes:
        return None
    if classes == 2:
        return float(metrics.roc_auc_score(labels, probabilities[:, 1]))
    return float(metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro"))


def auprc(labels: np.ndarray, probabilities: np.ndarray) -> float | None:
    """Area under the precision-recall curve (average precision); None where a class has no row."""
    classes = probabilities.shape[1]
    if len(np.unique(labels)) < classes:
        return None
    return float(
        np.mean([of_class("auprc", labels, probabilities, n) for n in ([1] if classes == 2 else range(classes))])
    )


def of_class(measure: str, labels: np.ndarray, probabilities: np.ndarray, number: int) -> float | None:
    """``auroc`` or ``auprc`` of one class against the others; None where it has no row or every row."""
    positive = labels == number
    if positive.all() or not positive.any():
        return None
    area = metrics.roc_auc_score if measure == "auroc" else metrics.average_precision_score
    return float(area(positive, probabilities[:, number]))


def regression_scores(labels: np.ndarray, values: np.ndarray) -> Scores:
    """Correlation of ranks and of numbers, and the mean squared error as ``loss``; both arrays are [rows]."""
    return {
        "spearman": correlation(rankdata(labels), rankdata(values)),
        "pearson": correlation(labels, values),
        "loss": float(np.square(labels - values).mean()),
        "rows": len(labels),
    }


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's coefficient; 0 where one side is constant, as MCC is 0 for a constant prediction."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def multilabel_scores(labels: np.ndarray, probabilities: np.ndarray) -> Scores:
    """Macro F1 over the labels, share of rows right in all labels, macro AUROC and AUPRC, mean binary cross-entropy.

    Both arrays are [rows, labels]. AUROC and AUPRC are means over the labels that hold for some rows and not for
    others, None where there is no such label.
    """
    clipped = np.clip(probabilities, 1e-12, 1 - 1e-12)
    mixed = [number for number, truth in enumerate(labels.T) if 0 < truth.sum() < len(truth)]

    def mean_over_labels(area: Callable[..., float]) -> float | None:
        return float(np.mean([area(labels[:, n], probabilities[:, n]) for n in mixed])) if mixed else None

    return {
        "f1": float(metrics.f1_score(labels, probabilities >= 0.5, average="macro", zero_division=0)),
        "accuracy": float(((probabilities >= 0.5) == labels).all(axis=1).mean()),
        "auroc": mean_over_labels(metrics.roc_auc_score),
        "auprc": mean_over_labels(metrics.average_precision_score),
        "loss": float(-(labels * np.log(clipped) + (1 - labels) * np.log1p(-clipped)).mean()),
        "rows": len(labels),
    }
