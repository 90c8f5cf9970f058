"""Statistics of scores: comparisons of runs over data sets, and their ranks.

Scores are in points (x 100), as in the paper's tables.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from workflow_scripts.common.intervals import t_interval

MIN_PAIRS = 6  # with fewer pairs no two-sided signed-rank test reaches p < 0.05


def rank_runs(scores: Mapping[str, Mapping[Any, float]]) -> dict[str, Any] | None:
    """Mean rank of each run (1 is best, ties share a rank) over the data sets that all ranked runs have.

    A run that has fewer than half of the data sets is not ranked, because it would leave few for the others. ``None``
    with fewer than two runs or without a common data set. ``p`` is that of the Friedman test of equal ranks,
    ``critical_difference`` that of mean ranks; both are ``None`` for fewer than three runs or six data sets, or if all
    scores tie. ``groups``: the runs between which no difference is shown, from best to worst; a run may be in several.
    """
    datasets = {key for mine in scores.values() for key in mine}
    scores = {run: mine for run, mine in scores.items() if 2 * len(mine) >= len(datasets)}
    first = next(iter(scores.values()), {})
    shared = [key for key in first if all(key in mine for mine in scores.values())]
    if len(scores) < 2 or not shared:
        return None
    table = np.round([[mine[key] for key in shared] for mine in scores.values()], 2)
    ranks = stats.rankdata(-table, axis=0).mean(axis=1)
    tested = len(scores) >= 3 and len(shared) >= MIN_PAIRS and (table != table[0]).any()
    runs = [{"run": run, "rank": float(rank)} for run, rank in zip(scores, ranks, strict=True)]
    critical = critical_difference(len(scores), len(shared)) if tested else None
    return {
        "datasets": len(shared),
        "runs": runs,
        "p": float(stats.friedmanchisquare(*table).pvalue) if tested else None,
        "critical_difference": critical,
        "groups": [] if critical is None else group_ranks(runs, critical),
    }


def critical_difference(runs: int, datasets: int) -> float:
    """The difference of mean ranks from which on two runs differ, at 5% over all pairs (Nemenyi 1963, Demsar 2006)."""
    studentized = float(stats.studentized_range.ppf(0.95, runs, np.inf)) / 2**0.5
    return studentized * (runs * (runs + 1) / (6 * datasets)) ** 0.5


def group_ranks(runs: Sequence[Mapping[str, Any]], critical: float) -> list[list[str]]:
    """The largest groups of two or more runs whose mean ranks differ by less than the critical difference."""
    ordered = sorted(runs, key=lambda row: row["rank"])
    groups: list[list[str]] = []
    last = 0  # the end of the group before: what ends no later is a part of it
    for start, first in enumerate(ordered):
        end = sum(row["rank"] - first["rank"] < critical for row in ordered[start:]) + start
        if end > max(last, start + 1):
            groups.append([row["run"] for row in ordered[start:end]])
            last = end
    return groups


def compare_scores(first: Mapping[Any, float], second: Mapping[Any, float]) -> dict[str, Any] | None:
    """Compare two runs over the data sets that both have, ``over``; ``None`` if there is none.

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
        "over": ["/".join(key) for key in shared],
        "datasets": len(shared),
        "difference": over_datasets["mean"],
        "low": over_datasets["low"],
        "high": over_datasets["high"],
        "wins": int((rounded > 0).sum()),
        "ties": int((rounded == 0).sum()),
        "losses": int((rounded < 0).sum()),
        "p": float(stats.wilcoxon(unequal).pvalue) if len(unequal) >= MIN_PAIRS else None,
    }


def mean_by_task(
    scores: Mapping[tuple[str, str], float], datasets: Collection[tuple[str, str]]
) -> dict[str, dict[str, float | int | None]]:
    """Mean score and number of data sets of each task, in order, from scores by (task, data set).

    The mean is ``None`` for a run that lacks one of the ``datasets`` of the task: it would stand next to means over
    others.
    """
    tasks: dict[str, list[float]] = {}
    for (task, _dataset), score in scores.items():
        tasks.setdefault(task, []).append(score)
    wanted = Counter(task for task, _dataset in datasets)
    return {
        task: {"mean": float(np.mean(values)) if len(values) == wanted[task] else None, "datasets": len(values)}
        for task, values in tasks.items()
    }
