"""The settings of a pre-training: the paper's values, the learning-rate schedule, refused mistakes."""

import json
from itertools import pairwise

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.settings.pretrain import (
    RECORDING,
    RUNNING,
    Architecture,
    Model,
    SeededTraining,
    Training,
    pretrain_errors,
    read_training,
)
from workflow_scripts.settings.tokenizer import Tokenizer


def test_defaults_are_the_papers():
    training = read_training("{}")
    assert (training.steps, training.warmup_steps, training.batch_size, training.length) == (500_000, 30_000, 4096, 128)
    assert training.steps * training.batch_size * training.length == 262_144_000_000
    optimiser = (training.learning_rate, training.beta1, training.beta2, training.epsilon, training.weight_decay)
    assert optimiser == (5e-4, 0.9, 0.98, 1e-6, 1e-5)
    assert training.mask_share == 0.15
    assert (training.optimizer, training.weight_decay_scaling) == ("adamw", "schedule")


def test_learning_rate_rises_to_its_peak_and_falls_to_zero():
    training = SeededTraining(steps=100, warmup_steps=20, learning_rate=0.5)
    rates = [training.learning_rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.5 / 20) and rates[9] == pytest.approx(0.25)
    assert max(rates) == rates[19] == rates[20] == 0.5
    assert all(later > earlier for earlier, later in pairwise(rates[:20]))
    falls = [earlier - later for earlier, later in pairwise(rates[20:])]
    assert falls == pytest.approx([0.5 / 80] * 79)
    assert rates[-1] == pytest.approx(0.5 / 80) and training.learning_rate_at(100) == 0


def test_learning_rate_without_warm_up_and_with_only_warm_up():
    assert SeededTraining(steps=4, warmup_steps=0, learning_rate=1.0).learning_rate_at(0) == 1
    rates = [SeededTraining(steps=4, warmup_steps=4, learning_rate=1.0).learning_rate_at(step) for step in range(4)]
    assert rates == [0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    ("kind", "k", "run", "refused"),
    [
        ("kmer_overlapping", 4, 1, True),
        ("kmer_overlapping", 6, 5, True),
        ("kmer_overlapping", 6, 6, False),
        ("kmer_overlapping", 1, 1, False),
        ("kmer", 6, 1, False),
        ("bpe", None, 1, False),
    ],
)
def test_a_masking_that_overlapping_kmers_give_away_is_refused(kind, k, run, refused):
    tokenizer = Tokenizer(kind=kind, k=k) if k else Tokenizer(kind=kind, vocab_size=64, min_frequency=2)
    model = Model(tokenizer="mine", architecture=Architecture(), training=Training(mask_run=run))
    told = list(pretrain_errors({"dnabert": model}, {"mine": tokenizer}, 1000))
    line = (
        f"config pretrain.dnabert.training.mask_run: {run} hides nothing of overlapping {k}-mers, which their "
        f"neighbours spell; use {k}, as DNABERT does"
    )
    assert told == [line] * refused
    untrained = model.model_copy(update={"training": Training(mask_run=run, steps=0, warmup_steps=0)})
    assert not list(pretrain_errors({"dnabert": untrained}, {"mine": tokenizer}, 1000))


def test_an_unknown_key_is_refused():
    with pytest.raises(UserError, match=r"--training: unknown key 'step'; did you mean 'steps'\?"):
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
    defining = SeededTraining().defining()
    assert set(RUNNING + RECORDING) | set(defining) == set(SeededTraining.model_fields)
    assert not set(RUNNING + RECORDING) & set(defining)
    assert (
        *("micro_batch_size", "checkpoint_every", "keep_checkpoints", "keep_models_every", "stop_on_plateau"),
        *("attention", "compile", "tensorboard"),
    ) == RUNNING
    assert RECORDING == ("validate_every", "validation_sequences", "log_every")
    assert {"precision", "seed", "steps", "crop", "low_precision_layernorm"} < set(defining)
