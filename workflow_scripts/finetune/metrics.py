"""Scores of predictions: those of the released train.py (scikit-learn), and the area under the ROC curve."""

from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics

Scores = dict[str, Any]
"""Scores by name: numbers, None if a score is undefined; ``loss`` is always a number."""


def scores(labels: np.ndarray, probabilities: np.ndarray) -> Scores:
    """MCC, macro F1, accuracy, macro precision and recall, AUROC and mean cross-entropy.

    ``labels`` [rows], ``probabilities`` [rows, classes]. AUROC is one against rest, macro-averaged, for more than
    two classes, and None where a class has no row.
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
    """Macro F1 over the labels, share of rows right in all labels, macro AUROC, mean binary cross-entropy.

    Both arrays are [rows, labels]. AUROC is the mean over the labels that hold for some rows and not for others, None
    where there is no such label.
    """
    clipped = np.clip(probabilities, 1e-12, 1 - 1e-12)
    areas = [auroc(truth, np.stack([1 - p, p], axis=1)) for truth, p in zip(labels.T, probabilities.T, strict=True)]
    defined = [area for area in areas if area is not None]
    return {
        "f1": float(metrics.f1_score(labels, probabilities >= 0.5, average="macro", zero_division=0)),
        "accuracy": float(((probabilities >= 0.5) == labels).all(axis=1).mean()),
        "auroc": float(np.mean(defined)) if defined else None,
        "loss": float(-(labels * np.log(clipped) + (1 - labels) * np.log1p(-clipped)).mean()),
        "rows": len(labels),
    }
