"""However a training is interrupted, its result is the same, byte for byte."""

import json
import os
import random

import pytest

pytestmark = pytest.mark.slow
MOMENTS = ("update", "line of the log", "state", "half a state", "flush", "rename", "removal")


def random_moments(number: int) -> list[dict]:
    """Moments at which to be killed: some by time, the others at calls of each function of MOMENTS."""
    chance = random.Random(5)
    moments = [{"seconds": chance.uniform(0.05, 0.25)} for _ in range(number - 2 * len(MOMENTS) - 2)]
    for point in 2 * MOMENTS:
        count = chance.randint(1, 12) if point == "update" else chance.randint(1, 3)
        moments.append({"point": point, "count": count} | ({"after": True} if chance.random() < 0.5 else {}))
    chance.shuffle(moments)
    return [*moments, {"point": "model"}, {"point": "end"}]


def test_twenty_kills_at_random_moments_do_not_change_the_result(arguments, attempts, assert_same_result, tmp_path):
    often = {"steps": 400, "checkpoint_every": 5, "log_every": 3, "validate_every": 50}
    commands = [arguments(name, **often) for name in ("whole", "killed")]
    assert attempts(commands[0], {})[0] == [0]
    statuses, stderr = attempts(commands[1], *random_moments(20), {})
    assert statuses == [-9] * 20 + [0]
    assert stderr.count("resumed at step") >= 15
    assert_same_result("whole", "killed")
    losses = [entry["step"] for entry in map(json.loads, (tmp_path / "killed/log.jsonl").open()) if "loss" in entry]
    assert losses == [*range(3, 400, 3), 400]


@pytest.fixture
def slurm(tmp_path) -> dict[str, str]:
    """The variables of a Slurm job, with a scontrol that records its arguments."""
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/scontrol-calls\n')
    scontrol.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "17"}


@pytest.mark.parametrize(("signal", "calls"), [("SIGTERM", []), ("SIGUSR1", ["requeue 17", "requeue 17"])])
def test_a_stop_signal_saves_the_current_step_and_the_next_run_continues_from_it(
    arguments, attempts, assert_same_result, tmp_path, slurm, signal, calls
):
    """The state is saved in the middle of a log interval, whose line is complete all the same.

    A job that Slurm warns of its time limit is requeued; one that gets SIGTERM is not.
    """
    commands = [arguments(name, steps=30, log_every=10) for name in ("whole", "stopped")]
    plan = [{"point": "update", "count": count, "signal": signal, "environment": slurm} for count in (7, 6)]
    statuses, stderr = attempts(commands[1], *plan)
    assert statuses == [75, 75]
    assert "asked to stop: saved at step 7; start again to continue" in stderr and "resumed at step 7" in stderr
    states = sorted(path.name for path in (tmp_path / ".state-stopped").glob("step-*"))
    assert states == ["step-000000010.safetensors", "step-000000013.safetensors"]
    assert attempts(commands[1], {})[0] == attempts(commands[0], {})[0] == [0]
    assert_same_result("whole", "stopped")
    recorded = tmp_path / "scontrol-calls"
    assert (recorded.read_text().splitlines() if recorded.exists() else []) == calls


def test_a_stop_signal_in_the_last_step_lets_the_training_finish(arguments, attempts, tmp_path):
    statuses, _ = attempts(arguments("model", steps=7), {"point": "update", "count": 7, "signal": "SIGTERM"})
    assert statuses == [0] and (tmp_path / "model" / "summary.json").exists()
