"""What the logits of a fitted model mean: classes, a number, or several labels."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

PROBLEM_TYPES = {
    "classification": "single_label_classification",
    "regression": "regression",
    "multilabel": "multi_label_classification",
}
"""Our names of the problems, and those of transformers (``problem_type``)."""
PROBLEMS = ("classification", "regression", "multilabel")


@dataclass(frozen=True)
class Predictions:
    """Predictions for some texts.

    ``prediction``: the class [rows] (integer), the number [rows], or 0 and 1 for each label [rows, labels].
    ``probabilities``: of the classes [rows, classes] or of the labels [rows, labels]; None for numbers.
    """

    prediction: np.ndarray
    probabilities: np.ndarray | None


@dataclass(frozen=True)
class Outputs:
    """The outputs of a model: ``size`` logits a text for a problem of PROBLEMS.

    A regression is trained on numbers in standard deviations from the mean of its training labels; ``mean`` and
    ``deviation`` give them their unit back.
    """

    problem: str
    size: int
    mean: float = 0.0
    deviation: float = 1.0

    def values(self, logits: Tensor) -> Tensor:
        """Probabilities [rows, classes], numbers [rows] or probabilities [rows, labels] of logits [rows, size]."""
        if self.problem == "regression":
            return logits[:, 0].double() * self.deviation + self.mean
        return logits.softmax(dim=1) if self.problem == "classification" else logits.sigmoid()

    def predictions(self, values: np.ndarray) -> Predictions:
        """Predictions from :meth:`values`: the likeliest class; the labels with a probability of 0.5 or more."""
        if self.problem == "regression":
            return Predictions(values, None)
        likeliest = values.argmax(axis=1) if self.problem == "classification" else (values >= 0.5).astype(int)
        return Predictions(likeliest, values)
