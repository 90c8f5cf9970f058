"""Scores of predictions: those of the released train.py (scikit-learn), and the area under the ROC curve."""

import numpy as np
from sklearn import metrics


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float | int | None]:
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


def collapsed(probabilities: np.ndarray) -> bool:
    """Whether every row gets the same class: the fit has learned nothing it could tell apart."""
    return len(np.unique(probabilities.argmax(axis=1))) == 1
