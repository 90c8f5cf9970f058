"""Baselines learn what they can see, by the same loop as the other models."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tests.kmer_features import kmer_features
from workflow_scripts.finetune import metrics
from workflow_scripts.finetune.datasets import Tokens, read_rows, read_splits
from workflow_scripts.finetune.initial_model import initial_model
from workflow_scripts.finetune.problems import Classification
from workflow_scripts.finetune.training import Fit
from workflow_scripts.settings.fit_settings import FitSettings

pytestmark = pytest.mark.slow
SETTINGS = FitSettings(learning_rate=1e-2, epochs=20, min_steps=0, batch_size=16, warmup_steps=0, eval_steps=0)


def fitted(name: str, folder, states) -> np.ndarray:
    """What a baseline that was fitted predicts for the test rows of a data set."""
    rows = read_splits(folder, Classification)
    initial = initial_model({"baseline": name}, 2, SETTINGS, "full", 42)
    tokens = {split: Tokens(initial.encoder.encode(part.texts, 0), part.labels) for split, part in rows.items()}
    fit = Fit(initial, Classification(rows["train"].labels), tokens, SETTINGS, "mcc", 42)
    fit.train(states, {})
    return fit.predict("test")


@pytest.mark.parametrize("name", ["kmer_regression", "cnn"])
def test_planted_motif_is_learned(datasets, name, states):
    labels = read_rows(datasets["two"] / "test.csv", Classification).labels
    assert metrics.scores(labels, fitted(name, datasets["two"], states))["mcc"] > 0.8


def test_the_loop_finds_what_a_solver_finds(datasets, states):
    train, test = (read_rows(datasets["two"] / f"{split}.csv", Classification) for split in ("train", "test"))
    solved = LogisticRegression(C=0.1, max_iter=300).fit(kmer_features(train.texts), train.labels)
    theirs = solved.predict_proba(kmer_features(test.texts))
    ours = fitted("kmer_regression", datasets["two"], states)
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() >= 0.9
    assert abs(metrics.scores(test.labels, ours)["mcc"] - metrics.scores(test.labels, theirs)["mcc"]) < 0.15
