"""Statistics of scores: means with intervals over seeds and over test rows, and comparisons over data sets.

Scores are in points (x 100), as in the paper's tables.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

SMALLEST_TEST = 6  # with five pairs or fewer no two-sided signed-rank test reaches p < 0.05


def interval(values: Sequence[float], confidence: float = 0.95) -> dict[str, float | None]:
    """Mean, standard deviation (n - 1) and two-sided t interval of ``values``; one value has a mean alone."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "sd": None, "low": None, "high": None}
    sd = float(np.std(values, ddof=1))
    half = float(stats.t.ppf((1 + confidence) / 2, len(values) - 1)) * sd / len(values) ** 0.5
    return {"mean": mean, "sd": sd, "low": mean - half, "high": mean + half}


def percentiles(resampled: np.ndarray, confidence: float = 0.95) -> tuple[float, float] | None:
    """The percentile interval of resampled values; ``None`` where none of them is defined."""
    defined = resampled[np.isfinite(resampled)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def stated_interval(values: Sequence[float], resampled: np.ndarray | None) -> dict[str, Any]:
    """Mean and interval of a score over its seeds and over its test rows.

    ``values`` [seeds]; ``resampled`` [seeds, resamples] are the same scores on resamples of the test rows, or ``None``.
    Over the seeds it is a t interval, over the rows the percentiles of the resampled mean. Over both, the distances of
    the two from the mean are added as squares (Zou and Donner 2008): new seeds and new rows are independent. The noise
    of the rows is in the spread of the seeds as well, so the interval is rather too wide than too narrow.

    ``over`` says what ``low`` and ``high`` allow for: "seeds and rows", "rows" (one seed), "seeds" (no predictions),
    or "" where there is no interval.
    """
    seeds = interval(values)
    mean = seeds["mean"]
    parts = {}
    if seeds["low"] is not None:
        parts["seeds"] = seeds["low"], seeds["high"]
    if resampled is not None and (rows := percentiles(resampled.mean(axis=0))):
        parts["rows"] = rows
    below, above = np.linalg.norm(np.array([*parts.values()]).reshape(-1, 2) - mean, axis=0)
    return {
        **{"mean": mean, "sd": seeds["sd"], "over": " and ".join(parts)},
        **({"low": mean - float(below), "high": mean + float(above)} if parts else {"low": None, "high": None}),
        **{"seeds_low": seeds["low"], "seeds_high": seeds["high"]},
        **dict(zip(("rows_low", "rows_high"), parts.get("rows", (None, None)), strict=True)),
    }


def rank(scores: Mapping[str, Mapping[Any, float]]) -> dict[str, Any] | None:
    """Mean rank of each run (1 is best, ties share) over the data sets that all have; ``None`` without two such runs.

    ``p`` is the Friedman test of equal ranks; ``None`` for fewer than three runs or six data sets, or where all tie.
    """
    first = next(iter(scores.values()), {})
    shared = [key for key in first if all(key in mine for mine in scores.values())]
    if len(scores) < 2 or not shared:
        return None
    table = np.round([[mine[key] for key in shared] for mine in scores.values()], 2)
    ranks = stats.rankdata(-table, axis=0).mean(axis=1)
    tested = len(scores) >= 3 and len(shared) >= SMALLEST_TEST and (table != table[0]).any()
    return {
        "datasets": len(shared),
        "runs": [{"run": run, "rank": float(rank)} for run, rank in zip(scores, ranks, strict=True)],
        "p": float(stats.friedmanchisquare(*table).pvalue) if tested else None,
    }


def compare(first: Mapping[Any, float], second: Mapping[Any, float]) -> dict[str, Any] | None:
    """Compare two runs over the data sets both have; ``None`` where they share none.

    ``difference`` is first minus second, with a t interval over data sets. Scores equal at the two decimals that
    tables show are ties. ``p`` is the two-sided Wilcoxon signed-rank test, ``None`` for fewer than six data sets
    that differ.
    """
    shared = [key for key in first if key in second]
    if not shared:
        return None
    differences = np.array([first[key] - second[key] for key in shared])
    rounded = np.round(differences, 2)
    over = interval(differences)
    unequal = rounded[rounded != 0]
    return {
        "datasets": len(shared),
        "difference": over["mean"],
        "low": over["low"],
        "high": over["high"],
        "wins": int((rounded > 0).sum()),
        "ties": int((rounded == 0).sum()),
        "losses": int((rounded < 0).sum()),
        "p": float(stats.wilcoxon(unequal).pvalue) if len(unequal) >= SMALLEST_TEST else None,
    }


def mean_by_task(scores: Mapping[tuple[str, str], float]) -> dict[str, dict[str, float | int]]:
    """Mean score and number of data sets of each task, from scores by (task, data set); tasks in their order."""
    tasks: dict[str, list[float]] = {}
    for (task, _dataset), score in scores.items():
        tasks.setdefault(task, []).append(score)
    return {task: {"mean": float(np.mean(values)), "datasets": len(values)} for task, values in tasks.items()}
