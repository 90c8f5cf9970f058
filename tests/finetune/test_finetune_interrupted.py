"""A fit that is killed, wherever that is, and started again writes what it would have written."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.finetune import attempts
from workflow_scripts.finetune import training
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.settings.fit_settings import FitSettings

pytestmark = pytest.mark.slow
SETTINGS = {"max_steps": 6, "eval_steps": 2, "reverse_complement_share": 0.5, "selection": "metric"}
KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def attempt():
    """Runs the attempts of a plan, see attempts.py; returns the status of each and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.finetune.attempts"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def attempt(plan: list[dict]) -> list[tuple[int, str]]:
        process.stdin.write(json.dumps(plan) + "\n")
        process.stdin.flush()
        return [tuple(ended) for ended in json.loads(process.stdout.readline())]

    yield attempt
    process.stdin.close()
    assert process.wait() == 0


def test_fit_killed_at_any_moment_goes_on_to_the_same_bytes(attempt, arguments, results, tmp_path):
    def command(out: str) -> list[str]:
        return arguments(out, **SETTINGS)

    random = np.random.default_rng(0)
    plan = [{"command": command("whole")}]
    most = {"update": 6, "evaluation": 3, "state": 6, "half a state": 6, "flush": 12, "rename": 6}
    kills = [(point, int(random.integers(1, most.get(point, 1) + 1))) for point in attempts.POINTS]
    for number, (point, count) in enumerate(kills):
        plan += [{"command": command(str(number)), "point": point, "count": count}, {"command": command(str(number))}]
    whole, *ends = attempt(plan)
    assert whole[0] == 0 and "resumed" not in whole[1]
    for number, (kill, first, second) in enumerate(zip(kills, ends[::2], ends[1::2], strict=True)):
        assert (first[0], second[0]) == (KILLED, 0), kill
        assert results(tmp_path / str(number)) == results(tmp_path / "whole"), kill
        assert not (tmp_path / f".state-{number}").exists()
    assert sum("resumed at step" in said for _, said in ends[1::2]) >= len(kills) - 4
    assert not [path for path in tmp_path.rglob("*.tmp") if "tokens" not in path.parts]


def test_adapter_fit_killed_again_and_again_arrives(attempt, arguments, results, tmp_path):
    command = arguments("killed", method="lora", **SETTINGS)
    kills = [{"command": command, "point": "update", "count": 3} for _ in range(2)]
    ends = attempt([{"command": arguments("whole", method="lora", **SETTINGS)}, *kills, {"command": command}])
    assert [status for status, _ in ends] == [0, KILLED, KILLED, 0]
    assert "resumed at step 4" in ends[-1][1]
    assert results(tmp_path / "killed") == results(tmp_path / "whole")


def test_state_of_other_settings_is_not_taken_and_a_damaged_one_is_told(attempt, arguments, results, tmp_path):
    other = SETTINGS | {"learning_rate": 1e-3}
    (killed, _), (status, said) = attempt(
        [
            {"command": arguments("out", **SETTINGS), "point": "update", "count": 4},
            {"command": arguments("out", **other), "point": "update", "count": 4},
        ]
    )
    assert (killed, status) == (KILLED, KILLED) and "resumed" not in said
    states = list((tmp_path / ".state-out").glob("*/step-*"))
    assert len(states) == 2
    for path in states:
        path.write_bytes(path.read_bytes()[:-1])
    (status, said), _ = attempt([{"command": arguments("out", **SETTINGS)}, {"command": arguments("new", **SETTINGS)}])
    assert status == 0 and "not readable" in said and "resumed" not in said
    assert results(tmp_path / "out") == results(tmp_path / "new")
    assert not (tmp_path / ".state-out").exists()


def test_state_holds_all_that_the_fit_remembers(build, states):
    settings = FitSettings(**SETTINGS | {"patience": 3})
    fit, other = build(settings), build(settings)
    fit.train(states, {})
    fit.waited, fit.best_step, fit.best_value = 2, 4, 0.25
    fit.started -= 1000
    fit.save(states, {})
    other.resume(states, {})
    for name in ("done", "waited", "best_step", "best_value", "losses"):
        assert getattr(other, name) == getattr(fit, name), name
    assert other.seconds >= 1000
    for weights in ("weights", "best"):
        pairs = zip(getattr(fit, weights).values(), getattr(other, weights).values(), strict=True)
        assert all(torch.equal(one, same) for one, same in pairs)


def test_short_fit_saves_no_state(arguments, monkeypatch, tmp_path):
    def saved(*_arguments):
        raise AssertionError("a state is saved")

    monkeypatch.setattr(training.Fit, "save", saved)
    assert main(arguments("out", **SETTINGS)) == 0
