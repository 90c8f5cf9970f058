"""A training that learns nothing from context stops itself; one that learns, however late, does not."""

import json
import re

import numpy as np
import pytest

from workflow_scripts.inference.masking import MASK
from workflow_scripts.pretrain import pretrain_model
from workflow_scripts.pretrain.plateau import MARGIN, validations_without_progress, verdict
from workflow_scripts.settings.pretrain import Training

UNIGRAM = 7.127
NOISE = np.random.default_rng(0).normal(0, 0.005, 200)
STEPS = np.arange(200)
CURVES = {
    # what a [MASK] costs from validation to validation, and whether it is the plateau that a run of ten stops on
    "on the frequencies": (UNIGRAM + NOISE, True),
    "as far below as the composition of a sequence allows": (UNIGRAM - 0.04 + NOISE, True),
    "above them and not falling": (UNIGRAM + 1 + NOISE, True),
    "falling to them, and then no further": (UNIGRAM + np.exp(-STEPS / 10) + NOISE, True),
    "falling slowly from above": (UNIGRAM + 2 - STEPS / 100 + NOISE, False),
    "learning": (UNIGRAM - 2 * (1 - np.exp(-STEPS / 30)) - 0.06 + NOISE, False),
    "learning late, but within ten": (np.where(STEPS < 9, UNIGRAM, UNIGRAM - STEPS / 50) + NOISE, False),
    "learning later": (np.where(STEPS < 50, UNIGRAM, UNIGRAM - STEPS / 50) + NOISE, True),
    "learned, and stays where it is": (UNIGRAM - 0.5 + NOISE, False),
    "learned, and then lost": (np.where(STEPS < 50, UNIGRAM - 1, UNIGRAM + 3) + NOISE, True),
    "learning single nucleotides, a twentieth of a bit": (1.37 - 0.035 + NOISE / 10, False),
}


def log_of(losses) -> list[dict]:
    """A validation every 10 steps, each after a line of the training."""
    log = []
    for number, loss in enumerate(losses, 1):
        log += [{"step": 10 * number, "loss": 1.0}, {"step": 10 * number, "mask_loss": loss}]
    return log


@pytest.mark.parametrize("curve", CURVES)
def test_a_run_of_ten_stops_on_the_plateau_only(curve):
    losses, stops = CURVES[curve]
    unigram = 1.37 if "nucleotides" in curve else UNIGRAM
    rows = [validations_without_progress(log_of(losses[: n + 1]), 0, unigram) for n in range(len(losses))]
    assert (max(rows) >= 10) == stops


def test_validations_of_the_warm_up_do_not_count():
    log = log_of([UNIGRAM] * 30)
    assert validations_without_progress(log, 0, UNIGRAM) == 29, "the first is where the row begins"
    assert validations_without_progress(log, 200, UNIGRAM) == 9
    assert validations_without_progress(log, 1000, UNIGRAM) == 0


def test_the_verdict_says_what_was_measured_and_how_often():
    training = Training(warmup_steps=0, steps=1000, stop_on_plateau=10)
    assert verdict(log_of([UNIGRAM] * 10), training, UNIGRAM) is None
    line = verdict(log_of([UNIGRAM] * 11), training, UNIGRAM)
    assert line.startswith(
        "stopped on the plateau: in 10 validations the loss of [MASK] places was not 0.7% below 7.127"
    )
    assert "\n" not in line and MARGIN == 0.007


@pytest.fixture
def noise(write_shard):
    """Chunks of independent random tokens, some more frequent than others: nothing to learn but how frequent."""
    random = np.random.default_rng(0)
    shares = np.arange(1, 20) / np.arange(1, 20).sum()
    chunks = [random.choice(np.arange(MASK + 1, 24), 30, p=shares) for _ in range(300)]
    return [write_shard("noise", chunks, [number % 5 == 0 for number in range(300)])]


STUCK = {"steps": 200, "warmup_steps": 5, "validate_every": 5, "validation_sequences": 60, "stop_on_plateau": 6}


@pytest.mark.slow
def test_a_model_that_cannot_learn_stops_and_is_not_made(arguments, noise, tmp_path, capsys):
    assert pretrain_model.main(arguments("model", shards=noise, **STUCK)) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    told = re.match(r"error: step (\d+): stopped on the plateau: in 6 validations .* \(its state is in (.*)\)$", line)
    step = int(told[1])
    assert 35 <= step < 200 and told[2] == str(tmp_path / ".state-model")
    assert not (tmp_path / "model").exists()
    assert (tmp_path / f".state-model/step-{step:09d}.safetensors").is_file()


@pytest.mark.slow
def test_a_model_that_learns_does_not_stop(arguments, tmp_path):
    assert pretrain_model.main(arguments("model", **STUCK | {"steps": 100})) == 0
    assert json.loads((tmp_path / "model/summary.json").read_text())["steps"] == 100


@pytest.mark.slow
def test_a_resumed_run_keeps_the_count_and_one_that_may_go_on_does(arguments, noise, interrupt, tmp_path, capsys):
    """Interrupted before the stop it stops at the same step; started again, at once; without the key it goes on."""

    def stopped(name: str, **changes) -> int:
        assert pretrain_model.main(arguments(name, shards=noise, **STUCK | changes)) == 1
        return int(re.search(r"error: step (\d+): stopped", capsys.readouterr().err)[1])

    whole = stopped("whole")
    interrupt(whole - 2)
    assert pretrain_model.main(arguments("halved", shards=noise, **STUCK)) == 130
    capsys.readouterr()
    assert stopped("halved") == whole
    state = tmp_path / f".state-halved/step-{whole:09d}.safetensors"
    before = state.read_bytes(), state.stat().st_mtime_ns
    assert stopped("halved") == whole, "without a step more"
    assert (state.read_bytes(), state.stat().st_mtime_ns) == before
    assert pretrain_model.main(arguments("halved", shards=noise, **STUCK | {"stop_on_plateau": 0})) == 0
    assert f"resumed at step {whole}" in capsys.readouterr().err


def test_a_run_with_nothing_held_out_cannot_be_told_to_stop(arguments, write_shard, capsys):
    shards = [write_shard("all", [np.full(30, 7)] * 40)]
    assert pretrain_model.main(arguments("model", shards=shards, stop_on_plateau=3)) == 1
    assert "error: training.stop_on_plateau: nothing is held out to measure it on" in capsys.readouterr().err


@pytest.mark.slow
def test_several_processes_stop_together(arguments, noise, attempts):
    """Only the first one has the log; all of them have to leave."""
    command = arguments("model", shards=noise, **STUCK | {"micro_batch_size": 16})
    statuses, stderr = attempts(command, {"processes": 2})
    assert statuses == [1] and "stopped on the plateau: in 6 validations" in stderr
