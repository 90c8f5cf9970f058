"""The settings of a fit: the released values, the number of steps, the course of the learning rate."""

import json
from itertools import pairwise

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.settings.fit_settings import FitSettings, read_settings


def test_defaults_are_the_released_ones():
    settings = read_settings("{}")
    assert (settings.learning_rate, settings.batch_size, settings.weight_decay) == (3e-5, 32, 0.01)
    assert (settings.selection, settings.pooling) == ("loss", "cls")
    assert (settings.rank, settings.alpha, settings.dropout) == (8, 16, 0.05)
    assert (settings.patience, settings.class_weights, settings.problem) == (0, "none", "classification")
    assert (settings.reverse_complement_share, settings.both_strands) == (0, False)


@pytest.mark.parametrize(
    ("values", "rows", "steps"),
    [
        ({"epochs": 3, "batch_size": 32, "min_steps": 0}, 64, 6),
        ({"epochs": 3, "batch_size": 32, "min_steps": 0}, 65, 9),
        ({"epochs": 3, "batch_size": 32, "min_steps": 0}, 1, 3),
        ({"epochs": 3, "batch_size": 32, "max_steps": 1000}, 64, 1000),
        ({"epochs": 3, "batch_size": 32}, 379, 300),
        ({"epochs": 3, "batch_size": 32}, 4904, 462),
        ({"max_steps": 20, "min_steps": 300}, 379, 20),
    ],
)
def test_number_of_steps(values, rows, steps):
    assert FitSettings(**values).steps(rows) == steps


def test_learning_rate_rises_and_falls():
    settings = FitSettings(learning_rate=1.0, warmup_steps=4)
    rates = [settings.learning_rate_at(step, 20) for step in range(20)]
    assert rates[:5] == [0, 0.25, 0.5, 0.75, 1]
    assert [earlier - later for earlier, later in pairwise(rates[4:])] == pytest.approx([1 / 16] * 15)
    assert settings.learning_rate_at(20, 20) == 0


@pytest.mark.parametrize("steps", [1, 5, 20, 50])
def test_warm_up_as_long_as_the_run_is_cut_to_a_tenth(steps):
    rates = [FitSettings(learning_rate=1.0, warmup_steps=50).learning_rate_at(step, steps) for step in range(steps)]
    assert max(rates) == 1 and min(rates[1:], default=1) > 0
    assert rates.index(1) == steps // 10


def test_unknown_keys_are_refused_and_targets_are_read():
    with pytest.raises(UserError, match=r"--settings: unknown key 'lr'; known are alpha, .*weight_decay"):
        read_settings(json.dumps({"lr": 1}))
    assert read_settings('{"targets": ["Wqkv", "wo"]}').targets == ["Wqkv", "wo"]
