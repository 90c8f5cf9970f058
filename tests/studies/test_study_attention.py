"""Backends of attention: errors against 64 bits, and times that decide."""

import pytest
import torch

from tests.studies.conftest import BETTER, EXPECTED, SAME, WORSE
from workflow_scripts.studies import study_attention

SECONDS = {BETTER: 5.0, WORSE: 20.0, SAME: 10.0}


@pytest.mark.parametrize("planned", [BETTER, WORSE, SAME])
def test_planted_times_decide(planned):
    def row(backend: str, length: int, time: float, error: float = 1e-6) -> dict:
        times = [time * factor for factor in (0.9, 0.95, 1.0, 1.05, 1.1, 0.97, 1.02)]
        return {"backend": backend, "length": length, "milliseconds": time, "largest_error": error, "times": times}

    rows = [row("plain", 128, 1), row("sdpa", 128, 1.5), row("plain", 512, 10), row("sdpa", 512, SECONDS[planned], 0.5)]
    speed, short, plain, loss = study_attention.compare(rows, torch.float32, 0)
    assert speed.verdict == EXPECTED[planned] and speed.value == 10 / SECONDS[planned]
    assert short.verdict == "does not hold here"
    assert (plain.verdict, loss.verdict) == ("holds here", "does not hold here"), "an error of 0.5 is no rounding"


@pytest.mark.slow
def test_every_backend_of_this_machine_agrees_with_the_formula(planted):
    options = ["--lengths", "16", "40", "--tokens", "80", "--width", "32", "--heads", "2", "--repeats", "3"]
    result = planted.judge(study_attention.main, *options)
    errors = [part for part in result["comparisons"] if part["name"].startswith("largest error")]
    assert {part["verdict"] for part in errors} == {"holds here"}
    ran = {part["name"].split()[3] for part in errors}
    assert {"plain", "sdpa"} <= ran
    assert ran | set(result["setting"]["missing_backends"]) == {"plain", "sdpa", "flex", "flash"}
    assert "needs a GPU" in result["setting"]["missing_backends"]["flash"]
