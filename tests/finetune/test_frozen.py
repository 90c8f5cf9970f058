"""Linear probes and nearest neighbours on frozen embeddings: they learn, change no encoder, and load again."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression

from workflow_scripts.common.files import read_json
from workflow_scripts.finetune.datasets import read_splits
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.finetune.frozen import PENALTIES, FrozenFit
from workflow_scripts.finetune.initial_model import fold_scale, initial_model
from workflow_scripts.finetune.problems import PROBLEMS, problem_of
from workflow_scripts.finetune.token_cache import tokens_of
from workflow_scripts.inference.encoding import Text
from workflow_scripts.inference.frozen_heads import NearestNeighbours
from workflow_scripts.inference.outputs import Outputs
from workflow_scripts.inference.pooled import HEAD_FILE
from workflow_scripts.inference.predictor import load
from workflow_scripts.settings.fit_settings import FitSettings

KINDS = ("ours", "published", "esm", "bert")


@pytest.fixture
def frozen(base, datasets, tmp_path):
    """A fit on frozen embeddings that has been trained."""

    def frozen(method: str, dataset: str, metric: str, **settings) -> FrozenFit:
        fitted = FitSettings(**{"pooling": "mean", "precision": "fp32"} | settings)
        rows = read_splits(datasets[dataset], PROBLEMS[fitted.problem])
        problem = problem_of(fitted.problem, metric, fitted.class_weights, rows["train"].labels)
        initial = initial_model({"directory": base}, problem.outputs.size, fitted, method, 42)
        tokens = {
            split: tokens_of(datasets[dataset] / f"{split}.csv", part, initial.encoder, 0, False, tmp_path / "tokens")
            for split, part in rows.items()
        }
        fit = FrozenFit(initial, problem, tokens, fitted, metric, method)
        fit.train(tmp_path, {})
        return fit

    return frozen


def texts_of(folder: Path) -> list[Text]:
    """The sequences, or pairs, of the test rows."""
    rows = [line.split(",")[:-1] for line in (folder / "test.csv").read_text().splitlines()[1:]]
    return [row[0] if len(row) == 1 else (row[0], row[1]) for row in rows]


def standardised(fit: FrozenFit) -> np.ndarray:
    mean, deviation = fit.scale()
    return ((fit.training_features() - mean) / deviation).numpy()


def test_a_probe_is_the_logistic_regression_of_scikit_learn(frozen):
    fit = frozen("probe", "three", "mcc")
    features, labels = standardised(fit), fit.tokens["train"].labels
    penalty = fit.chosen["penalty"]
    assert penalty in PENALTIES
    expected = LogisticRegression(C=1 / (penalty * len(labels)), max_iter=5000, tol=1e-8).fit(features, labels)
    np.testing.assert_allclose(fit.predict("train"), expected.predict_proba(features), atol=2e-3)


def test_the_dev_rows_choose_the_penalty(frozen):
    """The loss of the chosen head on the dev rows is the lowest of all; the choice is told."""
    fit = frozen("probe", "two", "mcc")
    chosen, best = fit.chosen, fit.dev_value()
    values = {}
    for choice, head in fit.probes():
        fit.model.classifier = head
        values[choice["penalty"]] = fit.dev_value()
    assert len(values) == len(PENALTIES) and best == pytest.approx(max(values.values()))
    assert values[chosen["penalty"]] == max(values.values()) and len(set(values.values())) > 1


def test_neighbours_vote_by_cosine_of_standardised_embeddings(frozen):
    fit = frozen("knn", "two", "mcc")
    k = int(fit.chosen["neighbours"])
    mean, deviation = (part.numpy() for part in fit.scale())
    test = (fit.features["test"].numpy() - mean) / deviation
    rows = standardised(fit)
    cosine = (test / np.linalg.norm(test, axis=1)[:, None]) @ (rows / np.linalg.norm(rows, axis=1)[:, None]).T
    votes = fit.tokens["train"].labels[np.argsort(-cosine, axis=1)[:, :k]].mean(axis=1)
    np.testing.assert_allclose(fit.predict("test")[:, 1], (votes * k + 0.5) / (k + 1), atol=1e-5)


def test_the_nearest_row_decides_and_is_never_certain():
    head = NearestNeighbours(2, Outputs("classification", 2), 2)
    head.rows.copy_(torch.eye(2))
    head.values.copy_(torch.eye(2))
    torch.testing.assert_close(head(torch.eye(2)).softmax(dim=1), torch.tensor([[0.75, 0.25], [0.25, 0.75]]))


def test_neighbours_keep_the_scale_of_numbers_in_their_record(frozen):
    """There is no linear layer to take it, and none of the encoder is mistaken for one."""
    fit = frozen("knn", "numbers", "spearman", problem="regression")
    before = {name: tensor.clone() for name, tensor in fit.model.state_dict().items()}
    outputs = fit.problem.outputs
    assert outputs.mean and fold_scale(fit.model, outputs) == outputs
    assert all(torch.equal(before[name], tensor) for name, tensor in fit.model.state_dict().items())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["probe", "knn"])
def test_a_frozen_fit_loads_again_and_keeps_its_encoder(fit, datasets, kind, method):
    folder = fit(kind, method, pooling="mean")
    expected = np.stack(pq.read_table(folder / "predictions.parquet")["probabilities"].to_numpy())
    found = load(folder / "model").predict(texts_of(datasets["two"])).probabilities
    np.testing.assert_allclose(found, expected, atol=1e-5)
    metrics, head = read_json(folder / "metrics.json"), load_file(folder / "model" / HEAD_FILE)
    assert metrics["steps"] == 0 and metrics["method"] == method and metrics["chosen"]
    trained = sum(tensor.numel() for tensor in head.values()) if method == "probe" else 0
    assert metrics["trainable_parameters"] == trained
    weights = [path for path in (folder / "model" / "base").iterdir() if path.suffix in (".safetensors", ".bin")]
    assert weights and all(path.is_symlink() for path in weights)
    assert 'load(".")' in (folder / "model" / "README.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["probe", "knn"])
@pytest.mark.parametrize(
    ("dataset", "metric", "problem"),
    [("numbers", "spearman", "regression"), ("labels", "f1", "multilabel"), ("pairs", "mcc", "classification")],
)
def test_frozen_fits_learn_numbers_labels_and_pairs(fit, datasets, method, dataset, metric, problem):
    folder = fit("ours", method, dataset, metric, problem=problem, pooling="mean")
    metrics = read_json(folder / "metrics.json")
    assert metrics["collapse"] is None and metrics["test"][metric] > 0.2
    found = load(folder / "model").predict(texts_of(datasets[dataset]))
    expected = pq.read_table(folder / "predictions.parquet")["prediction"].to_pylist()
    np.testing.assert_allclose(found.prediction, np.array(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_few_shots_are_those_of_the_seed(arguments, tmp_path):
    scores = []
    for number, seed in enumerate((1, 2, 1)):
        assert main(arguments(f"out{number}", method="probe", seed=seed, shots=4, pooling="mean")) == 0
        scores.append(json.dumps(read_json(tmp_path / f"out{number}" / "metrics.json")["test"]))
    assert scores[0] == scores[2] != scores[1]
