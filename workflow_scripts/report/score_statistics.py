"""Statistics of scores: comparisons of runs over data sets, and their ranks.

Scores are in points (x 100), as in the paper's tables.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from workflow_scripts.common.intervals import t_interval

MIN_PAIRS = 6  # with fewer pairs no two-sided signed-rank test reaches p < 0.05


def rank_runs(scores: Mapping[str, Mapping[Any, float]]) -> dict[str, Any] | None:
    """Mean rank of each run (1 is best, ties share a rank) over the data sets that all runs have.

    ``None`` with fewer than two runs or without a common data set. ``p`` is that of the Friedman test of equal ranks;
    ``None`` for fewer than three runs or six data sets, or if all scores tie.
    """
    first = next(iter(scores.values()), {})
    shared = [key for key in first if all(key in mine for mine in scores.values())]
    if len(scores) < 2 or not shared:
        return None
    table = np.round([[mine[key] for key in shared] for mine in scores.values()], 2)
    ranks = stats.rankdata(-table, axis=0).mean(axis=1)
    tested = len(scores) >= 3 and len(shared) >= MIN_PAIRS and (table != table[0]).any()
    return {
        "datasets": len(shared),
        "runs": [{"run": run, "rank": float(rank)} for run, rank in zip(scores, ranks, strict=True)],
        "p": float(stats.friedmanchisquare(*table).pvalue) if tested else None,
    }


def compare_scores(first: Mapping[Any, float], second: Mapping[Any, float]) -> dict[str, Any] | None:
    """Compare two runs over the data sets that both have; ``None`` if there is none.

    ``difference`` is first minus second, with a t interval over data sets. Scores that are equal to two decimals, as
    the tables show them, are ties. ``p`` is that of the two-sided Wilcoxon signed-rank test; ``None`` if fewer than
    six data sets differ.
    """
    shared = [key for key in first if key in second]
    if not shared:
        return None
    differences = np.array([first[key] - second[key] for key in shared])
    rounded = np.round(differences, 2)
    over_datasets = t_interval(differences)
    unequal = rounded[rounded != 0]
    return {
        "datasets": len(shared),
        "difference": over_datasets["mean"],
        "low": over_datasets["low"],
        "high": over_datasets["high"],
        "wins": int((rounded > 0).sum()),
        "ties": int((rounded == 0).sum()),
        "losses": int((rounded < 0).sum()),
        "p": float(stats.wilcoxon(unequal).pvalue) if len(unequal) >= MIN_PAIRS else None,
    }


def mean_by_task(scores: Mapping[tuple[str, str], float]) -> dict[str, dict[str, float | int]]:
    """Mean score and number of data sets of each task, in order, from scores by (task, data set)."""
    tasks: dict[str, list[float]] = {}
    for (task, _dataset), score in scores.items():
        tasks.setdefault(task, []).append(score)
    return {task: {"mean": float(np.mean(values)), "datasets": len(values)} for task, values in tasks.items()}
