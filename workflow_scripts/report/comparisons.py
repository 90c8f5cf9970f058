"""Comparisons of runs with each other and with the paper's models, over data sets and on single data sets."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from workflow_scripts.common.fit_results import Cell, Key, by_run
from workflow_scripts.common.intervals import percentile_interval
from workflow_scripts.report import paper
from workflow_scripts.report.score_statistics import compare_scores

PAIR_COLUMNS = [
    *("first", "second", "task", "dataset", "metric", "test_rows"),
    *("difference", "low", "high", "p"),
]


def mean_scores(cells: Sequence[Cell]) -> dict[str, dict[Key, float]]:
    """The mean score of each run on each data set that it has fits for."""
    return {run: {key: cell.mean for key, cell in mine.items()} for run, mine in by_run(cells)}


def compare_rows(first: Cell, second: Cell) -> dict[str, Any]:
    """The difference of two runs' means on one data set, on the same resamples of the test rows.

    The interval and the two-sided ``p`` are those of the bootstrap over rows: they apply to these trained models, not
    to other seeds.
    """
    metric = first.metric
    resampled = first.resampled[metric].mean(axis=0) - second.resampled[metric].mean(axis=0)
    interval = percentile_interval(resampled)
    assert interval, f"{metric} is undefined on all resamples"
    tail = 1 + min((resampled <= 0).sum(), (resampled >= 0).sum())
    return {
        "metric": metric,
        "test_rows": first.fits[0]["test"]["rows"],
        "difference": first.mean - second.mean,
        "low": interval[0],
        "high": interval[1],
        "p": min(1.0, float(2 * tail / (len(resampled) + 1))),
    }


def compare_pairs(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """One row for every pair of runs and data set for which both have predictions of classes."""
    rows = []
    for (a, first), (b, second) in combinations(by_run(cells), 2):
        for key, cell in first.items():
            if key in second and cell.metric in cell.resampled and cell.metric in second[key].resampled:
                names = {"first": a, "second": b, "task": key[0], "dataset": key[1]}
                rows.append(names | compare_rows(cell, second[key]))
    return rows


def count_clear(rows: Sequence[Mapping[str, Any]], first: str, second: str) -> dict[str, int]:
    """On how many data sets two runs are ``paired``, and on how many of them the 95% interval excludes 0."""
    pair = [row for row in rows if (row["first"], row["second"]) == (first, second)]
    signs = [np.sign(row["low"]) + np.sign(row["high"]) for row in pair]
    return {"paired": len(signs), "clear_wins": signs.count(2), "clear_losses": signs.count(-2)}


def compare_runs(
    cells: Sequence[Cell], rows: Sequence[Mapping[str, Any]], theirs: paper.Cells, comparable: Collection[Key]
) -> list[dict[str, Any]]:
    """Compare every pair of runs over their common data sets, and every run with the paper's two best models.

    ``rows`` are those of :func:`compare_pairs`. The comparison with the paper uses only the ``comparable`` data sets.
    """
    scores = mean_scores(cells)
    compared: list[dict[str, Any]] = []
    for (a, first), (b, second) in combinations(scores.items(), 2):
        if result := compare_scores(first, second):
            compared.append({"first": a, "second": b} | result | count_clear(rows, a, b))
    unpaired = dict.fromkeys(("paired", "clear_wins", "clear_losses"))
    for model in (paper.DNABERT2, paper.NT_MULTI):
        quoted = {key: score for key, score in theirs[model].items() if key in comparable}
        for a, first in scores.items():
            if result := compare_scores(first, quoted):
                compared.append({"first": a, "second": f"{model} in the paper"} | result | unpaired)
    return compared
