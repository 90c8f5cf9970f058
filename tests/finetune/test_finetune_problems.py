"""Classes, numbers and several labels are learned by their own losses; a fit that learned nothing is told."""

import math

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json, write_text
from workflow_scripts.finetune import metrics
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.finetune.problems import (
    Classification,
    Multilabel,
    Problem,
    Regression,
    collapse,
    entropy,
    problem_of,
)

CLASSES = np.array([0] * 6 + [1] * 3 + [2])
NUMBERS = np.array([10.0, 12, 14, 20])
LABELS = np.array([[0, 1], [0, 1], [1, 1], [0, 0]])


def test_classes_weigh_the_same_when_balanced():
    problem = Classification(CLASSES, "balanced")
    weights = problem.row_weights(CLASSES)
    assert [weights[label == CLASSES].sum() for label in range(3)] == pytest.approx([10 / 3] * 3)
    assert weights.mean() == pytest.approx(1)
    assert problem.chance_loss(CLASSES, weights) == pytest.approx(math.log(3))
    assert Classification(CLASSES).row_weights(CLASSES).tolist() == [1.0] * 10


@pytest.mark.parametrize(
    ("problem", "labels", "constant"),
    [
        (Classification(CLASSES), CLASSES, torch.log(torch.tensor([0.6, 0.3, 0.1]))),
        (Regression(NUMBERS), NUMBERS, torch.tensor([0.0])),
        (Multilabel(LABELS), LABELS, torch.tensor([0.25, 0.75]).logit()),
    ],
)
def test_chance_loss_is_that_of_the_best_constant_prediction(problem: Problem, labels, constant):
    targets = torch.from_numpy(problem.targets(labels))
    chance = problem.chance_loss(problem.targets(labels), np.ones(len(labels)))
    best = problem.losses(constant.expand(len(labels), -1), targets).mean().item()
    assert best == pytest.approx(chance, abs=1e-6)
    for change in (-0.1, 0.1):
        other = constant.clone()
        other[0] += change
        assert problem.losses(other.expand(len(labels), -1), targets).mean().item() > chance


@pytest.mark.parametrize(("problem", "labels"), [(Classification(CLASSES), CLASSES), (Multilabel(LABELS), LABELS)])
def test_score_named_loss_is_the_loss_that_is_trained(problem: Problem, labels):
    logits = torch.randn(len(labels), problem.outputs.size, generator=torch.Generator().manual_seed(0))
    values = problem.outputs.values(logits).double().numpy()
    trained = problem.losses(logits, torch.from_numpy(problem.targets(labels))).mean().item()
    assert problem.scores(labels, values)["loss"] == pytest.approx(trained, rel=1e-5)


def test_numbers_come_back_in_their_unit():
    problem = Regression(NUMBERS)
    logits = torch.from_numpy(problem.targets(NUMBERS))[:, None]
    assert problem.outputs.values(logits).numpy() == pytest.approx(NUMBERS)
    assert problem.losses(logits, logits[:, 0]).sum() == 0


def test_planted_collapse_is_found():
    train, dev = np.array([0, 1] * 50), np.array([0, 1] * 10)
    problem = Classification(train)
    right = np.eye(2)[dev] * 0.8 + 0.1
    same = np.array([[0.6, 0.4]] * 20)
    unsure = 0.5 + 0.001 * (right - 0.5)
    chance = math.log(2)
    assert collapse(problem, same, dev, 0.2, train, 0.3, dev) == "constant prediction"
    assert collapse(problem, unsure, dev, chance, train, chance * 0.995, dev) == "loss at chance"
    assert collapse(problem, right, dev, 0.2, train, 0.3, dev) is None
    # of test rows of one class one prediction is right, and no collapse if something was learned
    one_class = np.zeros(20, dtype=int)
    assert collapse(problem, same, one_class, 0.2, train, 0.3, dev) is None
    assert collapse(problem, same, one_class, chance, train, chance, dev) == "loss at chance"
    # it knows its training rows by heart, or the dev rows are easy: it has learned something
    assert collapse(problem, right, dev, 0.1, train, 0.9, dev) is None
    assert collapse(problem, right, dev, chance, train, 0.5, dev) is None
    # a loss far below ln 2 is chance all the same where one class is rare
    rare = np.array([0] * 95 + [1] * 5)
    loss = entropy(np.array([0.95, 0.05]))
    assert collapse(Classification(rare), unsure, rare, loss, rare, loss, rare) == "loss at chance"


def test_collapse_of_other_problems():
    problem = Regression(NUMBERS)
    assert collapse(problem, np.full(4, 13.9), NUMBERS, 0.5, NUMBERS, 3.0, NUMBERS) == "constant prediction"
    assert collapse(problem, NUMBERS, NUMBERS, 1.0, NUMBERS, NUMBERS.var(), NUMBERS) == "loss at chance"
    assert collapse(problem, NUMBERS, NUMBERS, 0.5, NUMBERS, 3.0, NUMBERS) is None
    several = Multilabel(LABELS)
    assert collapse(several, np.full((4, 2), 0.6), LABELS, 0.1, LABELS, 0.1, LABELS) == "constant prediction"
    assert collapse(several, LABELS * 0.9, LABELS, 0.1, LABELS, 0.1, LABELS) is None


@pytest.mark.slow
def test_fit_that_learns_nothing_is_recorded_and_not_repeated(arguments, tmp_path):
    assert main(arguments("out", learning_rate=1e-12, epochs=1, eval_steps=0)) == 0
    told = read_json(tmp_path / "out" / "metrics.json")
    assert told["collapse"] in ("constant prediction", "loss at chance")
    assert told["training_loss"] > 0.99 * math.log(2) and told["steps"] == 5


@pytest.mark.slow
def test_numbers_are_fitted(arguments, tmp_path):
    command = arguments("out", dataset="numbers", epochs=8, problem="regression", selection="metric")
    assert main([*command, "--metric", "spearman"]) == 0
    told = read_json(tmp_path / "out" / "metrics.json")
    assert told["problem"] == "regression" and told["metric"] == "spearman"
    assert told["test"]["spearman"] > 0.8 and told["collapse"] is None and told["chance"] is None
    assert told["dev"]["loss"] < 30, "below the variance of the labels, 32, in their unit"
    table = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pydict()
    labels, values = np.array(table["label"]), np.array(table["prediction"])
    assert set(labels) == {10.0, 14, 18, 22, 26} and abs(values.mean() - labels.mean()) < 4
    assert metrics.regression_scores(labels, values) == told["test"]


@pytest.mark.slow
def test_several_labels_are_fitted(arguments, datasets, tmp_path):
    command = arguments("out", dataset="labels", epochs=10, problem="multilabel", selection="metric")
    assert main([*command, "--metric", "auroc"]) == 0
    told = read_json(tmp_path / "out" / "metrics.json")
    assert told["problem"] == "multilabel" and told["test"]["auroc"] > 0.8 and told["collapse"] is None
    rows = pq.read_table(tmp_path / "out" / "predictions.parquet").to_pylist()
    assert all(row["prediction"] == [int(p >= 0.5) for p in row["probabilities"]] for row in rows)
    assert metrics.multilabel_scores(
        np.array([row["label"] for row in rows]), np.array([row["probabilities"] for row in rows])
    ) == pytest.approx(told["test"], abs=1e-6)


def test_what_does_not_fit_the_problem_is_one_line(arguments, datasets, tmp_path, capsys):
    assert main([*arguments("out", problem="regression", dataset="numbers"), "--metric", "mcc"]) == 1
    assert main(arguments("out", problem="regression", class_weights="balanced")) == 1
    no_area = tmp_path / "no_area"
    for split in ("train", "dev", "test"):
        write_text(no_area / f"{split}.csv", "sequence,label\nACGT,1;1\nTTTT,1;1\n")
    command = arguments("out", problem="multilabel", selection="metric")
    command[command.index("--data") + 1] = str(no_area)
    assert main([*command, "--metric", "auroc"]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert told == [
        "error: --metric: 'mcc' is no score of regression; take spearman or pearson",
        "error: --settings: class_weights 'balanced': regression has no classes; leave it out",
        "error: dev rows: auroc is not defined for their labels; set selection to loss",
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("metric", ["auroc:loop", "auprc:loop"])
def test_the_area_of_a_class_is_a_score_by_the_name_of_the_class(metric):
    problem = problem_of("classification", metric, "none", CLASSES, ["exon", "loop", "tail"])
    values = np.random.default_rng(0).dirichlet([1, 1, 1], len(CLASSES))
    measure = metric.partition(":")[0]
    assert problem.metric_class == 1
    assert problem.scores(CLASSES, values)[metric] == metrics.of_class(measure, CLASSES, values, 1)
    unnamed = problem_of("classification", f"{measure}:1", "none", CLASSES)
    assert unnamed.scores(CLASSES, values)[f"{measure}:1"] == problem.scores(CLASSES, values)[metric]
    assert problem_of("classification", measure, "none", CLASSES).metric_class is None


@pytest.mark.parametrize(
    ("problem", "metric", "complaint"),
    [
        ("classification", "auprc:x", "there is no class 'x'; take one of exon, loop, tail"),
        ("classification", "f1:loop", "is no score of classification"),
        ("regression", "auroc:loop", "is no score of regression"),
    ],
)
def test_an_area_of_no_class_is_refused(problem, metric, complaint):
    with pytest.raises(UserError, match=complaint):
        problem_of(problem, metric, "none", CLASSES, ["exon", "loop", "tail"])
