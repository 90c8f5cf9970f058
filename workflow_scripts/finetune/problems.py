"""What is learned from a data set: one class of several, a number, or several labels at once.

Shapes: ``labels`` are [rows], of several labels [rows, labels]; ``logits`` are [rows, outputs]. ``values`` are what the
model predicts, see Outputs: probabilities [rows, classes], numbers [rows] in the unit of the labels, or probabilities
[rows, labels].
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from torch import Tensor
from torch.nn import functional

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_csv import parse_class, parse_number, parse_properties
from workflow_scripts.finetune import metrics
from workflow_scripts.finetune.metrics import Scores
from workflow_scripts.inference.outputs import Outputs
from workflow_scripts.settings.names import AREAS, METRICS

# A loss that is less than this share below that of the best constant prediction has learned nothing. For two classes
# in equal number it is the gain of a predictor with an MCC of about 0.12.
TOLERANCE = 0.01
# predictions of numbers that spread less than this share of the labels' standard deviation are one number
CONSTANT = 1e-3


def entropy(shares: np.ndarray) -> float:
    """Entropy in nats of a distribution: the cross-entropy of the best constant prediction."""
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


class Problem(ABC):
    """A kind of problem, for the labels of the training rows."""

    metrics: tuple[str, ...]  # scores by which weights can be selected
    label_type: pa.DataType  # of a label and a prediction
    outputs: Outputs
    metric_class: int | None = None  # the class of a metric such as auroc:enhancer
    parse: Callable[[str], int | float | tuple[int, ...]]  # a label of the file; raises ValueError

    @abstractmethod
    def __init__(self, train: np.ndarray):
        """The problem of a data set with the training labels ``train``."""

    @staticmethod
    def unseen(train: np.ndarray, labels: np.ndarray) -> list:
        """Labels that the training rows never show, though they would have to."""
        return []

    def row_weights(self, labels: np.ndarray) -> np.ndarray:
        """What each training row counts in the loss [rows]."""
        return np.ones(len(labels), dtype=np.float32)

    def targets(self, labels: np.ndarray) -> np.ndarray:
        """What the loss compares the logits with."""
        return labels

    @abstractmethod
    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of each row [rows]."""

    @abstractmethod
    def scores(self, labels: np.ndarray, values: np.ndarray) -> Scores:
        """Scores of predictions, with their mean ``loss``."""

    @abstractmethod
    def chance_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        """Mean loss of the best constant prediction: entropy of the labels, or their variance."""

    @abstractmethod
    def chance(self, labels: np.ndarray) -> float | None:
        """Accuracy of the training rows' most frequent label on ``labels``; None where accuracy means nothing."""

    @abstractmethod
    def constant(self, values: np.ndarray) -> bool:
        """Whether every row gets the same prediction."""

    def table(self, labels: np.ndarray, values: np.ndarray) -> pa.Table:
        """Label, prediction and, of classes and labels, probabilities (float32) of each row."""
        predicted = self.outputs.predictions(values)
        columns = {
            "label": pa.array(labels.tolist(), self.label_type),
            "prediction": pa.array(predicted.prediction.tolist(), self.label_type),
        }
        if predicted.probabilities is not None:
            rows = list(predicted.probabilities.astype(np.float32))
            columns["probabilities"] = pa.array(rows, pa.list_(pa.float32()))
        return pa.table(columns)


class Classification(Problem):
    """One class of several; labels number the classes from 0. Cross-entropy."""

    metrics = METRICS["classification"]
    label_type = pa.int32()
    parse = staticmethod(parse_class)

    def __init__(self, train: np.ndarray, class_weights: str = "none", area: tuple[str, int] | None = None):
        """``area``: the metric of one class and its number, such as ("auroc:enhancer", 1)."""
        self.area, self.metric_class = area, area[1] if area else None
        self.outputs = Outputs("classification", int(train.max()) + 1)
        counts = np.bincount(train)
        self.majority = int(counts.argmax())
        # as scikit-learn's "balanced": all classes weigh the same, and the rows one on average
        balanced = len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        self.class_weights = (balanced if class_weights == "balanced" else np.ones(self.outputs.size)).astype(
            np.float32
        )

    @staticmethod
    def unseen(train: np.ndarray, labels: np.ndarray) -> list:
        return sorted(set(labels.tolist()) - set(train.tolist()))

    def row_weights(self, labels: np.ndarray) -> np.ndarray:
        return self.class_weights[labels]

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        return functional.cross_entropy(logits, targets, reduction="none")

    def scores(self, labels: np.ndarray, values: np.ndarray) -> Scores:
        found = metrics.scores(labels, values)
        if self.area:
            name, number = self.area
            found[name] = metrics.of_class(name.partition(":")[0], labels, values, number)
        return found

    def chance_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        return entropy(np.bincount(targets, weights) / weights.sum())

    def chance(self, labels: np.ndarray) -> float:
        return float((labels == self.majority).mean())

    def constant(self, values: np.ndarray) -> bool:
        return len(np.unique(values.argmax(axis=1))) == 1


class Regression(Problem):
    """A number. The model learns it in standard deviations from the mean of the training rows; squared error."""

    metrics = METRICS["regression"]
    label_type = pa.float64()
    parse = staticmethod(parse_number)

    def __init__(self, train: np.ndarray):
        self.outputs = Outputs("regression", 1, mean=float(train.mean()), deviation=float(train.std()) or 1.0)

    def targets(self, labels: np.ndarray) -> np.ndarray:
        return ((labels - self.outputs.mean) / self.outputs.deviation).astype(np.float32)

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        return (logits[:, 0] - targets).square()

    def scores(self, labels: np.ndarray, values: np.ndarray) -> Scores:
        return metrics.regression_scores(labels, values)

    def chance_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        return float(targets.var())

    def chance(self, labels: np.ndarray) -> None:
        return None

    def constant(self, values: np.ndarray) -> bool:
        return bool(np.ptp(values) < CONSTANT * self.outputs.deviation)


class Multilabel(Problem):
    """Several labels of which any may hold, each 0 or 1. Binary cross-entropy, the mean over the labels."""

    metrics = METRICS["multilabel"]
    label_type = pa.list_(pa.int32())
    parse = staticmethod(parse_properties)

    def __init__(self, train: np.ndarray):
        self.outputs = Outputs("multilabel", train.shape[1])
        patterns, counts = np.unique(train, axis=0, return_counts=True)
        self.majority = patterns[counts.argmax()]

    def targets(self, labels: np.ndarray) -> np.ndarray:
        return labels.astype(np.float32)

    def losses(self, logits: Tensor, targets: Tensor) -> Tensor:
        return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(dim=1)

    def scores(self, labels: np.ndarray, values: np.ndarray) -> Scores:
        return metrics.multilabel_scores(labels, values)

    def chance_loss(self, targets: np.ndarray, weights: np.ndarray) -> float:
        shares = targets.mean(axis=0)
        return float(np.mean([entropy(np.array([share, 1 - share])) for share in shares]))

    def chance(self, labels: np.ndarray) -> float:
        return float((labels == self.majority).all(axis=1).mean())

    def constant(self, values: np.ndarray) -> bool:
        return len(np.unique(values >= 0.5, axis=0)) == 1


PROBLEMS: dict[str, type[Problem]] = {
    "classification": Classification,
    "regression": Regression,
    "multilabel": Multilabel,
}


def problem_of(name: str, metric: str, class_weights: str, train: np.ndarray, classes: Sequence[str] = ()) -> Problem:
    """The problem ``name`` of a data set with the training labels ``train`` and these names of classes.

    Raises UserError if ``metric`` is not one of its scores, or of a class that it does not have.
    """
    kind = PROBLEMS[name]
    measure, _, wanted = metric.partition(":")
    if measure not in kind.metrics or (wanted and (measure not in AREAS or kind is not Classification)):
        raise UserError(f"--metric: {metric!r} is no score of {name}; take {' or '.join(kind.metrics)}")
    if kind is not Classification:
        return kind(train)
    if not wanted:
        return Classification(train, class_weights)
    names = list(classes) or [str(number) for number in range(int(train.max()) + 1)]
    if wanted not in names:
        raise UserError(f"--metric: {metric!r}: there is no class {wanted!r}; take one of {', '.join(names)}")
    return Classification(train, class_weights, (metric, names.index(wanted)))


def collapse(
    problem: Problem,
    values: np.ndarray,
    test: np.ndarray,
    training_loss: float,
    train: np.ndarray,
    dev_loss: float,
    dev: np.ndarray,
) -> str | None:
    """How a fit has failed to learn anything, None if it has not.

    ``values`` are the predictions for the test rows, whose labels are ``test``: one prediction for all of them is a
    collapse unless all labels are one too. A fit is at chance if neither the mean training loss of the
    last epoch nor the loss of the dev rows is more than TOLERANCE below that of the best constant prediction for their
    own labels, ``train`` and ``dev``. Both, because a fit that knows its training rows by heart may lose on others.
    """
    if problem.constant(values) and len(np.unique(test, axis=0)) > 1:
        return "constant prediction"
    training_chance = problem.chance_loss(problem.targets(train), problem.row_weights(train))
    dev_chance = problem.chance_loss(dev, np.ones(len(dev)))
    below = (training_loss / max(training_chance, 1e-12), dev_loss / max(dev_chance, 1e-12))
    return "loss at chance" if min(below) >= 1 - TOLERANCE else None
