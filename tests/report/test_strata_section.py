"""Scores by similarity on the page: rows that leak against distant rows, and pictures of strata with enough rows."""

import pytest

from tests.report.conftest import write_tsv
from workflow_scripts.report.strata_section import LEAST_ROWS, strata

RUNS = ["ours, full", "theirs, full"]


def table(run, *rows: tuple[str, str, int, float]):
    return write_tsv(
        run.root / "strata.tsv",
        [
            {"model": model, "method": "full", "task": "emp", "dataset": "H3", "stratum": stratum, "rows": count}
            | {"seeds": 3, "mcc": "", "accuracy": accuracy, "majority": 60, "nearest": 70, "partner": ""}
            for model, stratum, count, accuracy in rows
        ],
    )


def test_rows_that_leak_are_joined_by_their_number(run):
    (part,) = strata(
        table(
            run,
            *(("ours", "related", 100, 90.0), ("ours", "derived", 300, 70.0), ("ours", "distant", 50, 55.0)),
            *(("theirs", "related", 100, 80.0), ("theirs", "distant", 50, 65.0)),
        ),
        RUNS,
    )
    assert part["name"] == "emp/H3" and [line["stratum"] for line in part["lines"]] == ["related", "derived", "distant"]
    assert part["leaky"] == {"rows": 400, "accuracies": [75.0, None]}, "theirs has no derived rows"
    assert part["distant"] == {"rows": 50, "accuracies": [55.0, 65.0]}
    lines = {line["name"]: len(line["dots"]) for line in part["panel"]["lines"]}
    assert lines == {"most frequent label": 0, "ours, full": 3, "theirs, full": 2}
    assert [tick["text"] for tick in part["panel"]["x_ticks"]] == ["related", "derived", "distant"]


@pytest.mark.parametrize(("rows", "compared"), [(LEAST_ROWS, True), (LEAST_ROWS - 1, False)])
def test_few_rows_are_neither_drawn_nor_compared(run, rows, compared):
    (part,) = strata(table(run, ("ours", "related", rows, 90.0), ("ours", "distant", 500, 80.0)), RUNS)
    assert bool(part["leaky"]) == bool(part["panel"]) == compared
    assert len(part["lines"]) == 2
