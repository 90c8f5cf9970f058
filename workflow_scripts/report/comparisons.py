"""Runs against each other and against the paper's models: over data sets, and row by row on one data set."""

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from workflow_scripts.report import paper
from workflow_scripts.report.fit_results import Cell, Key, by_run
from workflow_scripts.report.scores import compare, percentiles

PAIR_COLUMNS = [
    *("first", "second", "task", "dataset", "metric", "test_rows"),
    *("difference", "low", "high", "p"),
]


def means(cells: Sequence[Cell]) -> dict[str, dict[Key, float]]:
    """The mean score of each run on each data set that it has fits of."""
    return {run: {key: cell.mean for key, cell in mine.items()} for run, mine in by_run(cells)}


def compare_rows(first: Cell, second: Cell) -> dict[str, Any]:
    """The difference of two runs' means on one data set, on the same resamples of the test rows.

    The interval and the two-sided ``p`` are of the bootstrap over rows: they are about these trained models, and say
    nothing of other seeds.
    """
    metric = first.metric
    resampled = first.resampled[metric].mean(axis=0) - second.resampled[metric].mean(axis=0)
    low, high = percentiles(resampled)
    tail = 1 + min((resampled <= 0).sum(), (resampled >= 0).sum())
    return {
        "metric": metric,
        "test_rows": first.fits[0]["test"]["rows"],
        "difference": first.mean - second.mean,
        "low": low,
        "high": high,
        "p": min(1.0, float(2 * tail / (len(resampled) + 1))),
    }


def pairs(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Every two runs on every data set of which both have predictions."""
    rows = []
    for (a, first), (b, second) in combinations(by_run(cells), 2):
        for key, cell in first.items():
            if key in second and all(cell.metric in one.resampled for one in (cell, second[key])):
                names = {"first": a, "second": b, "task": key[0], "dataset": key[1]}
                rows.append(names | compare_rows(cell, second[key]))
    return rows


def compare_runs(
    cells: Sequence[Cell], rows: list[dict], theirs: paper.Cells, comparable: Collection[Key]
) -> list[dict]:
    """Every two runs over the data sets they share, and every run beside the paper's two best models.

    ``rows`` are those of :func:`pairs`: two runs' ``clear_wins`` and ``clear_losses`` are the data sets whose interval
    over test rows leaves out 0. With the paper's models only ``comparable`` data sets are compared.
    """
    scores = means(cells)
    compared = []
    for (a, first), (b, second) in combinations(scores.items(), 2):
        signs = [np.sign(row["low"]) + np.sign(row["high"]) for row in rows if (row["first"], row["second"]) == (a, b)]
        clear = {"paired": len(signs), "clear_wins": signs.count(2), "clear_losses": signs.count(-2)}
        compared.append((a, b, compare(first, second), clear))
    for model in (paper.DNABERT2, paper.NT_MULTI):
        quoted = {key: score for key, score in theirs[model].items() if key in comparable}
        nothing = dict.fromkeys(("paired", "clear_wins", "clear_losses"))
        compared += [(a, f"{model} in the paper", compare(first, quoted), nothing) for a, first in scores.items()]
    return [{"first": a, "second": b} | result | clear for a, b, result, clear in compared if result]
