"""The settings of a pre-training: the paper's values, the learning-rate schedule, refused mistakes."""

import dataclasses
import json
from itertools import pairwise

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.pretrain.model_card import render_card
from workflow_scripts.pretrain.training_settings import RECORDING, RUNNING, Training, read_training


def test_defaults_are_the_papers():
    training = read_training("{}")
    assert (training.steps, training.warmup_steps, training.batch_size, training.length) == (500_000, 30_000, 4096, 128)
    assert training.steps * training.batch_size * training.length == 262_144_000_000
    optimiser = (training.learning_rate, training.beta1, training.beta2, training.epsilon, training.weight_decay)
    assert optimiser == (5e-4, 0.9, 0.98, 1e-6, 1e-5)
    assert training.mask_share == 0.15


def test_learning_rate_rises_to_its_peak_and_falls_to_zero():
    training = Training(steps=100, warmup_steps=20, learning_rate=0.5)
    rates = [training.learning_rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.5 / 20) and rates[9] == pytest.approx(0.25)
    assert max(rates) == rates[19] == rates[20] == 0.5
    assert all(later > earlier for earlier, later in pairwise(rates[:20]))
    falls = [earlier - later for earlier, later in pairwise(rates[20:])]
    assert falls == pytest.approx([0.5 / 80] * 79)
    assert rates[-1] == pytest.approx(0.5 / 80) and training.learning_rate_at(100) == 0


def test_learning_rate_without_warm_up_and_with_only_warm_up():
    assert Training(steps=4, warmup_steps=0, learning_rate=1.0).learning_rate_at(0) == 1
    rates = [Training(steps=4, warmup_steps=4, learning_rate=1.0).learning_rate_at(step) for step in range(4)]
    assert rates == [0.25, 0.5, 0.75, 1]


def test_an_unknown_key_is_refused():
    with pytest.raises(UserError, match=r"--training: unknown key 'step'; known are attention, .*weight_decay"):
        read_training(json.dumps({"step": 10}))


@pytest.mark.parametrize("processes", [1, 2, 4, 8])
def test_the_batch_is_the_same_on_any_number_of_processes_or_refused(processes):
    training = read_training(json.dumps({"batch_size": 64, "micro_batch_size": 16}))
    if processes <= 4:
        training.check_processes(processes)
    else:
        with pytest.raises(UserError, match=r"batch_size 64 is not a multiple of micro_batch_size 16 x 8 processes"):
            training.check_processes(processes)


def test_a_state_is_bound_to_every_setting_that_changes_the_weights():
    defining = Training().defining()
    assert set(RUNNING + RECORDING) | set(defining) == {field.name for field in dataclasses.fields(Training)}
    assert {"precision", "seed", "steps", "crop", "low_precision_layernorm"} < set(defining)


def test_model_card_quotes_the_figures_or_says_that_there_are_none():
    summary = {
        **{"model": "tiny", "parameters": 12345, "steps": 7, "tokens_seen": 999_000, "training_chunks": 4321},
        **{"hardware": "abacus", "settings": Training(steps=7).__dict__, "architecture": {"num_hidden_layers": 5}},
    }
    quality = {"validation_loss": 1.25, "validation_accuracy": 0.5, "bits_per_base": 1.9, "unigram_entropy": 2.5}
    log = [{"step": 0, "validation_loss": 9.0}, {"step": 5, "step_seconds": 720}, {"step": 7, "step_seconds": 1800}]
    card = render_card(summary | quality, log)
    figures = ("# tiny", "12,345", "999,000", "1.2500", "2.5000", "0.5000", "1.9000", "4,321", "5 layers of 768")
    assert all(figure in card for figure in figures)
    assert "in 2.00 hours" in card and "random weights" in card
    assert "It was not validated" in render_card(summary, log)
    assert "weights with the sha256 abc" in render_card(summary, log, "abc")
    assert "initial weights" in render_card(summary | {"steps": 0}, []) and "initial weights" not in card
