"""Comparisons of runs with each other and with the paper's models, over data sets and on single data sets."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any

from workflow_scripts.common.fit_results import Cell, Key, by_run
from workflow_scripts.common.intervals import CONFIDENCE, LEAST_VALUES
from workflow_scripts.report import paper
from workflow_scripts.report.differences import ALPHA, estimate, holm, spread_of_mean, variance_over_rows
from workflow_scripts.report.score_statistics import compare_scores

PAIR_COLUMNS = [
    *("first", "second", "task", "dataset", "metric", "test_rows"),
    *("difference", "low", "high", "p", "p_holm", "better"),
]


def mean_scores(cells: Sequence[Cell]) -> dict[str, dict[Key, float]]:
    """The mean score of each run on each data set that it has fits for."""
    return {run: {key: cell.mean for key, cell in mine.items()} for run, mine in by_run(cells)}


def compare_cells(first: Cell, second: Cell) -> dict[str, Any]:
    """The difference of two runs' means on one data set, over seeds and over the same resamples of the test rows.

    The interval is the 95% one, ``p`` two-sided and not corrected; both are ``None`` if a run has fewer than three
    fits, whose spread says nothing about other seeds.
    """
    metric = first.metric
    row = dict.fromkeys(PAIR_COLUMNS) | {"metric": metric, "test_rows": first.fits[0]["test"]["rows"]}
    row |= {"difference": first.mean - second.mean}
    scores = [cell.scores(metric) for cell in (first, second)]
    if min(map(len, scores)) < LEAST_VALUES:
        return row
    rows = variance_over_rows(first.resampled[metric], second.resampled[metric])
    found = estimate(first.mean - second.mean, [spread_of_mean(values) for values in scores], rows)
    low, high = found.interval(CONFIDENCE)
    return row | {"low": low, "high": high, "p": found.p}


def compare_pairs(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """One row for every pair of runs and data set for which both have predictions of classes.

    ``p_holm`` is corrected for the number of data sets of the pair, and ``better`` the run that is then better
    (p_holm < 0.05): of two equal runs one is called better on any data set with a probability of at most 5%.
    """
    rows = []
    for (a, first), (b, second) in combinations(by_run(cells), 2):
        pair = []
        for key, cell in first.items():
            if key in second and cell.metric in cell.resampled and cell.metric in second[key].resampled:
                names = {"first": a, "second": b, "task": key[0], "dataset": key[1]}
                pair.append(compare_cells(cell, second[key]) | names)
        tested = [row for row in pair if row["p"] is not None]
        for row, corrected in zip(tested, holm([row["p"] for row in tested]), strict=True):
            row["p_holm"] = corrected
            row["better"] = "" if corrected >= ALPHA else a if row["difference"] > 0 else b
        rows += pair
    return rows


def count_better(rows: Sequence[Mapping[str, Any]], first: str, second: str) -> dict[str, int]:
    """On how many data sets two runs are ``tested``, and on how many of them each is better."""
    better = [row["better"] for row in rows if (row["first"], row["second"]) == (first, second)]
    tested = [name for name in better if name is not None]
    return {"tested": len(tested), "better": tested.count(first), "worse": tested.count(second)}


def compare_runs(
    cells: Sequence[Cell], rows: Sequence[Mapping[str, Any]], theirs: paper.Cells, comparable: Collection[Key]
) -> list[dict[str, Any]]:
    """Compare every pair of runs over their common data sets, and every run with the paper's two best models.

    ``rows`` are those of :func:`compare_pairs`. The comparison with the paper uses only the ``comparable`` data sets.
    ``p_holm`` corrects the signed-rank test for the number of comparisons.
    """
    scores = mean_scores(cells)
    compared: list[dict[str, Any]] = []
    for (a, first), (b, second) in combinations(scores.items(), 2):
        if result := compare_scores(first, second):
            compared.append({"first": a, "second": b} | result | count_better(rows, a, b))
    for model in (paper.DNABERT2, paper.NT_MULTI):
        quoted = {key: score for key, score in theirs[model].items() if key in comparable}
        for a, first in scores.items():
            if result := compare_scores(first, quoted):
                untested = dict.fromkeys(("tested", "better", "worse"))
                compared.append({"first": a, "second": f"{model} in the paper"} | result | untested)
    tested = [row for row in compared if row["p"] is not None]
    for row, corrected in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = corrected
    return [{"p_holm": None} | row for row in compared]
