"""Scores equal their definitions, written out here, and scikit-learn's functions that the released code calls."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sklearn_metrics

from workflow_scripts.finetune.metrics import auroc, multilabel_scores, of_class, regression_scores, scores


def example(classes: int, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities that know something about them."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), random.integers(0, classes, rows - classes)])
    weights = random.random((rows, classes)) + 0.7 * np.eye(classes)[labels]
    return labels, weights / weights.sum(axis=1, keepdims=True)


def confusion(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    matrix = np.zeros((classes, classes))
    np.add.at(matrix, (labels, predictions), 1)
    return matrix


def share_of_pairs_in_order(positive: np.ndarray, values: np.ndarray) -> float:
    """How often a positive row has a higher value than a negative one; a tie counts half."""
    difference = values[positive][:, None] - values[~positive][None, :]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("classes", "rows"), [(2, 40), (3, 60), (9, 200)])
def test_scores_by_their_definitions(classes, rows, seed):
    labels, probabilities = example(classes, rows, seed)
    matrix = confusion(labels, probabilities.argmax(axis=1), classes)
    right, actual, predicted, total = matrix.diagonal(), matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    precision = np.divide(right, predicted, out=np.zeros(classes), where=predicted > 0)
    recall = right / actual
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros(classes), where=both > 0)
    # Gorodkin's R_K, which for two classes is Matthews' coefficient
    covariance = right.sum() * total - actual @ predicted
    mcc = covariance / math.sqrt((total**2 - predicted @ predicted) * (total**2 - actual @ actual))
    told = scores(labels, probabilities)
    assert told["mcc"] == pytest.approx(mcc)
    assert told["f1"] == pytest.approx(f1.mean())
    assert told["precision"] == pytest.approx(precision.mean())
    assert told["recall"] == pytest.approx(recall.mean())
    assert told["accuracy"] == pytest.approx(right.sum() / total)
    assert told["loss"] == pytest.approx(-np.log(probabilities[np.arange(rows), labels]).mean())
    assert told["rows"] == rows
    columns = [share_of_pairs_in_order(labels == c, probabilities[:, c]) for c in range(classes)]
    assert told["auroc"] == pytest.approx(np.mean(columns) if classes > 2 else columns[1])
    # the mean precision over the rows of a class, without ties
    areas = []
    for c in range(classes):
        ranked = (labels == c)[np.argsort(-probabilities[:, c])]
        areas.append((ranked.cumsum() / np.arange(1, rows + 1))[ranked].mean())
    assert told["auprc"] == pytest.approx(np.mean(areas) if classes > 2 else areas[1])


def test_two_classes_by_the_four_counts():
    labels = np.array([1] * 6 + [0] * 4)
    predictions = np.array([1, 1, 1, 1, 0, 0, 1, 0, 0, 0])  # 4 true positive, 2 false negative, 1 false positive
    told = scores(labels, np.eye(2)[predictions])
    assert told["mcc"] == pytest.approx((4 * 3 - 1 * 2) / math.sqrt(5 * 6 * 4 * 5))
    assert told["accuracy"] == 0.7
    assert told["f1"] == pytest.approx((8 / 11 + 6 / 9) / 2)


def test_scores_are_those_of_scikit_learn():
    labels, probabilities = example(9, 300, 0)
    predictions, told = probabilities.argmax(axis=1), scores(labels, probabilities)
    assert told["mcc"] == sklearn_metrics.matthews_corrcoef(labels, predictions)
    assert told["f1"] == sklearn_metrics.f1_score(labels, predictions, average="macro")
    assert told["loss"] == pytest.approx(sklearn_metrics.log_loss(labels, probabilities))


def test_auroc_is_none_where_a_class_has_no_row():
    labels, probabilities = example(3, 60, 0)
    kept = labels != 1
    assert auroc(labels[kept], probabilities[kept]) is None
    told = scores(labels[kept], probabilities[kept])
    assert told["auroc"] is None and told["accuracy"] > 0
    assert auroc(np.ones(4, int), np.full((4, 2), 0.5)) is None
    assert auroc(np.array([0, 1]), np.full((2, 2), 0.5)) == 0.5


@pytest.mark.parametrize("classes", [2, 3])
def test_areas_of_one_class_and_of_a_constant(classes):
    labels, probabilities = example(classes, 60, 1)
    for number in range(classes):
        expected = sklearn_metrics.average_precision_score(labels == number, probabilities[:, number])
        assert of_class("auprc", labels, probabilities, number) == expected
        assert of_class("auroc", labels, np.full((60, classes), 1 / classes), number) == 0.5
        constant = of_class("auprc", labels, np.full((60, classes), 1 / classes), number)
        assert constant == pytest.approx((labels == number).mean())
    assert of_class("auprc", np.zeros(4, int), np.full((4, 2), 0.5), 1) is None


def test_loss_of_a_sure_mistake_is_finite():
    assert scores(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]))["loss"] == pytest.approx(-math.log(1e-12) / 2)


def test_scores_of_numbers_are_those_of_scipy():
    random = np.random.default_rng(0)
    labels = random.normal(size=50)
    values = np.exp(labels) + 0.1 * random.normal(size=50)
    told = regression_scores(labels, values)
    assert told["spearman"] == pytest.approx(stats.spearmanr(labels, values).statistic)
    assert told["pearson"] == pytest.approx(stats.pearsonr(labels, values).statistic)
    assert told["loss"] == pytest.approx(sklearn_metrics.mean_squared_error(labels, values))
    assert regression_scores(labels, np.ones(50))["spearman"] == 0


def test_scores_of_several_labels_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, (80, 3))
    probabilities = np.clip(0.3 * labels + 0.6 * random.random((80, 3)), 0.01, 0.99)
    told = multilabel_scores(labels, probabilities)
    assert told["f1"] == sklearn_metrics.f1_score(labels, probabilities >= 0.5, average="macro")
    assert told["auroc"] == pytest.approx(sklearn_metrics.roc_auc_score(labels, probabilities, average="macro"))
    expected = sklearn_metrics.average_precision_score(labels, probabilities, average="macro")
    assert told["auprc"] == pytest.approx(expected)
    assert told["accuracy"] == sklearn_metrics.accuracy_score(labels, probabilities >= 0.5)
    losses = [sklearn_metrics.log_loss(labels[:, n], probabilities[:, n]) for n in range(3)]
    assert told["loss"] == pytest.approx(np.mean(losses))
    labels[:, 1] = 1  # a label that always holds has no area; the others have
    areas = [sklearn_metrics.roc_auc_score(labels[:, n], probabilities[:, n]) for n in (0, 2)]
    assert multilabel_scores(labels, probabilities)["auroc"] == pytest.approx(np.mean(areas))
    assert multilabel_scores(np.ones((4, 2), int), np.full((4, 2), 0.5))["auroc"] is None
