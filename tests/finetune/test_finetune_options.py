"""The options of a training do what they say: parts of a batch, both strands, weights of classes, early stopping."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.finetune.conftest import SETTINGS, changed
from workflow_scripts.common.files import read_json, write_text
from workflow_scripts.finetune.datasets import Tokens, training_order
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.finetune.training import Fit
from workflow_scripts.inference.encoders import load_tokenizer
from workflow_scripts.inference.encoding import other_strand
from workflow_scripts.settings.fit_settings import FitSettings

QUICK = FitSettings(**SETTINGS)


@pytest.fixture
def without_dropout(monkeypatch):
    """Dropout draws other numbers for parts of a batch, and would hide what is compared."""
    monkeypatch.setattr(torch.nn.functional, "dropout", lambda hidden, *_rest, **_options: hidden)


def gradients(fit: Fit, entries: np.ndarray) -> dict[str, torch.Tensor]:
    fit.model.train()
    fit.gradients(entries)
    return {name: p.grad for name, p in fit.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("size", [1, 5, 16])
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_a_batch_in_parts_has_the_gradients_of_the_whole(build, without_dropout, size, weights):
    entries = np.array([0, 1, 3, 5, 7, 9, 11, 12, 13, 15, 17])  # more rows of class 1
    settings = changed(QUICK, class_weights=weights)
    whole = gradients(build(settings), entries)
    parts = gradients(build(changed(settings, micro_batch_size=size)), entries)
    assert whole.keys() == parts.keys() and any(gradient.abs().max() > 1e-3 for gradient in whole.values())
    for name, gradient in whole.items():
        torch.testing.assert_close(parts[name], gradient, rtol=1e-4, atol=1e-6)


def test_loss_of_a_batch_is_the_weighted_mean_of_its_rows(build, without_dropout):
    fit = build(changed(QUICK, class_weights="balanced"))
    fit.row_weights = torch.linspace(0.5, 2, len(fit.row_weights))
    entries = np.arange(7)
    logits = fit.network.logits(fit.tokens["train"].encoded, entries)
    losses = torch.nn.functional.cross_entropy(logits, fit.targets[:7], reduction="none")
    expected = (losses * fit.row_weights[:7]).sum() / fit.row_weights[:7].sum()
    assert fit.gradients(entries) == pytest.approx(expected.item(), rel=1e-5)


def test_other_strand_in_training_is_the_reverse_complement_of_the_row(build, base):
    fit = build(changed(QUICK, reverse_complement_share=1.0))
    tokens, rows = fit.tokens["train"], len(fit.tokens["train"].labels)
    tokenizer = load_tokenizer(base, trust_remote_code=False)

    def spelled(entry: int) -> str:
        return tokenizer.decode(tokens.encoded.ids[entry][1:-1].tolist()).replace(" ", "")

    for row in range(rows):
        assert spelled(rows + row) == other_strand(spelled(row)) != spelled(row)
    order = np.concatenate(training_order(tokens, 16, 42, 0, 1.0))
    assert order.min() >= rows, "all rows are turned"
    assert fit.targets[order % rows].tolist() == tokens.labels[order - rows].tolist()


@pytest.mark.slow
def test_reverse_complements_change_the_training_and_only_where_asked(arguments, results, tmp_path):
    for out, share in (("none", 0.0), ("half", 0.5)):
        assert main(arguments(out, epochs=1, reverse_complement_share=share)) == 0
    assert results(tmp_path / "none")[1] != results(tmp_path / "half")[1]


@torch.no_grad()
def test_mean_over_both_strands_is_the_same_for_a_sequence_and_its_reverse_complement(build):
    fit = build(changed(QUICK, both_strands=True))
    encoded, labels = fit.tokens["test"].encoded, fit.tokens["test"].labels
    rows = len(labels)
    turned = replace(encoded, ids=encoded.ids[rows:] + encoded.ids[:rows])
    values = fit.predict("test")
    fit.tokens["test"] = Tokens(turned, labels)
    assert fit.predict("test") == pytest.approx(values, abs=1e-6)
    one = fit.network.logits(encoded, np.arange(rows)).softmax(dim=1)
    other = fit.network.logits(encoded, np.arange(rows, 2 * rows)).softmax(dim=1)
    assert values == pytest.approx(((one + other) / 2).numpy(), abs=1e-6)
    assert (one - other).abs().max() > 1e-3, "the strands differ: there is something to average"


@pytest.mark.slow
def test_balanced_classes_lift_the_rare_one(arguments, tmp_path):
    """Sequences that say nothing: the model can only learn how frequent the classes are."""
    folder = tmp_path / "rare"
    random = np.random.default_rng(0)
    for split, rows in (("train", 80), ("dev", 40), ("test", 40)):
        lines = [f"{''.join(random.choice(list('ACGT'), 20))},{int(n % 8 == 0)}" for n in range(rows)]
        write_text(folder / f"{split}.csv", "\n".join(["sequence,label", *lines]) + "\n")
    means = {}
    for weights in ("none", "balanced"):
        command = arguments(weights, class_weights=weights, eval_steps=0, epochs=4, selection="loss")
        command[command.index("--data") + 1] = str(folder)
        assert main(command) == 0
        means[weights] = read_json(tmp_path / weights / "metrics.json")["training_loss"]
    assert means["none"] < 0.5 < 0.6 < means["balanced"], "0.38 is the entropy of 1 in 8, 0.69 of 1 in 2"


class Scripted(Fit):
    """A fit whose dev scores are given."""

    values = (0.1, 0.5, 0.4, 0.5, 0.3, 0.9, 0.8)

    def predict(self, split: str) -> np.ndarray:
        return np.zeros(0)


@pytest.mark.parametrize(("patience", "steps", "best"), [(0, 7, 6), (3, 5, 2), (4, 7, 6), (1, 3, 2)])
def test_early_stopping_stops_and_keeps_the_best(build, states, monkeypatch, patience, steps, best):
    fit = build(changed(QUICK, max_steps=7, eval_steps=1, patience=patience, selection="metric"), kind=Scripted)
    seen = {}

    def scores(_labels, _values):
        seen[fit.done] = {name: tensor.clone() for name, tensor in fit.weights.items()}
        return {"mcc": Scripted.values[fit.done - 1], "loss": 0.0}

    monkeypatch.setattr(fit.problem, "scores", scores)
    fit.train(states, {})
    assert (fit.done, fit.best_step) == (steps, best)
    assert all(torch.equal(tensor, seen[best][name]) for name, tensor in fit.weights.items())
    assert any(not torch.equal(tensor, seen[steps][name]) for name, tensor in fit.weights.items())


@pytest.mark.slow
def test_cost_is_recorded(arguments, tmp_path):
    assert main(arguments("out", epochs=1)) == 0
    told = read_json(tmp_path / "out" / "metrics.json")
    assert 0 < told["seconds"] < 600 and told["gpu_seconds"] == (told["seconds"] if torch.cuda.is_available() else 0)
    assert 50 < told["memory_mb"] < 20_000
