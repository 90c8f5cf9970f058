"""A verdict follows from an interval and the side that the claim puts it on, from nothing else."""

import numpy as np
import pytest

from workflow_scripts.common.files import read_json, read_table
from workflow_scripts.studies.claim_result import FAILS, HOLDS, OPEN, VERDICTS, Claim, Comparison, verdict, write_result


@pytest.mark.parametrize(
    ("low", "high", "claimed", "bound", "expected"),
    [
        (0.1, 0.2, "above", 0, HOLDS),
        (0.1, 0.2, "below", 0, FAILS),
        (-0.2, -0.1, "below", 0, HOLDS),
        (-0.2, -0.1, "above", 0, FAILS),
        (-0.1, 0.1, "above", 0, OPEN),
        (0.0, 0.1, "above", 0, OPEN),
        (-0.1, 0.0, "below", 0, OPEN),
        (0.0, 0.0, "above", 0, OPEN),
        (3.1, 3.9, "above", 3, HOLDS),
        (2.1, 2.9, "above", 3, FAILS),
        (2.9, 3.1, "above", 3, OPEN),
        (None, None, "above", 0, OPEN),
    ],
)
def test_verdicts(low, high, claimed, bound, expected):
    assert verdict(low, high, claimed, bound) == expected


def test_noise_is_decided_as_seldom_as_the_interval_says():
    random = np.random.default_rng(0)
    decided = 0
    for _ in range(400):
        values = random.normal(0, 1, 100)
        half = 1.96 * values.std(ddof=1) / 10
        decided += verdict(values.mean() - half, values.mean() + half, "above") != OPEN
    assert 5 <= decided <= 40  # 5% of 400 are 20


def test_the_first_comparison_decides_and_each_part_says_why(tmp_path):
    claim = Claim("length", "Does it?", "the paper")
    parts = [
        Comparison("a minus b", 1.234, 0.5, 2.0, "above", "seeds", "points"),
        Comparison("b minus c", -1, -2, -0.5, "above", "seeds", "points"),
        Comparison("c", 7, None, None, "above", "seeds"),
    ]
    out, table = tmp_path / "result.json", tmp_path / "table.tsv"
    write_result(claim, parts, {"scale": "laptop"}, [{"model": "a", "mean": 1, "low": None}], out, table)
    result = read_json(out)
    assert result["verdict"] == HOLDS and result["setting"] == {"scale": "laptop"}
    assert result["why"] == "a minus b: 1.23 points; the 95% interval over seeds, 0.5 to 2, is above 0."
    assert [part["verdict"] for part in result["comparisons"]] == list(VERDICTS)
    assert "-2 to -0.5, is not above 0." in result["comparisons"][1]["why"]
    assert result["comparisons"][2]["why"] == "c: 7, without an interval."
    assert read_table(table) == [{"model": "a", "mean": "1", "low": ""}]
