"""However a training is interrupted, what it ends with is the same, byte for byte."""

import json
import os
import random

import pytest

MOMENTS = ("update", "line of the log", "state", "half a state", "flush", "rename", "removal")


def random_moments(number: int) -> list[dict]:
    """Moments to be killed at, one after the other: some by the clock, the others at each kind of place in turn."""
    chance = random.Random(5)
    moments = [{"seconds": chance.uniform(0.05, 0.25)} for _ in range(number - 2 * len(MOMENTS) - 2)]
    for point in 2 * MOMENTS:
        count = chance.randint(1, 12) if point == "update" else chance.randint(1, 3)
        moments.append({"point": point, "count": count} | ({"after": True} if chance.random() < 0.5 else {}))
    chance.shuffle(moments)
    return [*moments, {"point": "model"}, {"point": "end"}]


def test_killed_at_twenty_random_moments_it_ends_with_the_same_bytes(arguments, attempts, assert_same_result, tmp_path):
    often = {"steps": 400, "checkpoint_every": 5, "log_every": 3, "validate_every": 50}
    commands = [arguments(name, **often) for name in ("whole", "killed")]
    assert attempts(commands[0], {})[0] == [0]
    statuses, said = attempts(commands[1], *random_moments(20), {})
    assert statuses == [-9] * 20 + [0]
    assert said.count("resumed at step") >= 15
    assert_same_result("whole", "killed")
    losses = [entry["step"] for entry in map(json.loads, (tmp_path / "killed/log.jsonl").open()) if "loss" in entry]
    assert losses == [*range(3, 400, 3), 400]


@pytest.fixture
def slurm(tmp_path) -> dict[str, str]:
    """The variables of a job of a Slurm whose scontrol writes down what it is asked."""
    scontrol = tmp_path / "scontrol"
    scontrol.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked-of-slurm\n')
    scontrol.chmod(0o755)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "17"}


@pytest.mark.parametrize(("signal", "told"), [("SIGTERM", []), ("SIGUSR1", ["requeue 17", "requeue 17"])])
def test_asked_to_leave_it_saves_the_very_step_and_goes_on_from_there(
    arguments, attempts, assert_same_result, tmp_path, slurm, signal, told
):
    """The state is saved in the midst of a line of the log, which is whole all the same.

    A job that is warned of its end goes back into Slurm's queue; one that is told to end does not.
    """
    commands = [arguments(name, steps=30, log_every=10) for name in ("whole", "asked")]
    plan = [{"point": "update", "count": count, "signal": signal, "environment": slurm} for count in (7, 6)]
    statuses, said = attempts(commands[1], *plan)
    assert statuses == [75, 75]
    assert "asked to leave: saved at step 7; start again to go on" in said and "resumed at step 7" in said
    states = sorted(path.name for path in (tmp_path / ".state-asked").glob("step-*"))
    assert states == ["step-000000010.safetensors", "step-000000013.safetensors"]
    assert attempts(commands[1], {})[0] == attempts(commands[0], {})[0] == [0]
    assert_same_result("whole", "asked")
    asked = tmp_path / "asked-of-slurm"
    assert (asked.read_text().splitlines() if asked.exists() else []) == told


def test_asked_to_leave_in_the_last_step_it_finishes(arguments, attempts, tmp_path):
    statuses, _ = attempts(arguments("model", steps=7), {"point": "update", "count": 7, "signal": "SIGTERM"})
    assert statuses == [0] and (tmp_path / "model" / "summary.json").exists()
