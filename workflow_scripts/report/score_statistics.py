"""Statistics of scores: means with intervals over seeds and over test rows, and comparisons over data sets.

Scores are in points (x 100), as in the paper's tables.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
MIN_PAIRS = 6  # with fewer pairs no two-sided signed-rank test reaches p < 0.05


def t_interval(values: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """Mean, standard deviation (n - 1) and two-sided 95% t interval; all but the mean are ``None`` for one value."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "sd": None, "low": None, "high": None}
    sd = float(np.std(values, ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * sd / len(values) ** 0.5
    return {"mean": mean, "sd": sd, "low": mean - half, "high": mean + half}


def percentile_interval(resampled: np.ndarray) -> tuple[float, float] | None:
    """The 95% percentile interval of resampled values, without NaN; ``None`` if all are NaN."""
    defined = resampled[np.isfinite(resampled)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def combined_interval(values: Sequence[float], resampled: np.ndarray | None) -> dict[str, Any]:
    """Mean and 95% interval of a score over seeds and test rows.

    ``values`` [seeds]; ``resampled`` [seeds, resamples] are the same scores on resamples of the test rows, or ``None``.
    The interval over seeds is a t interval, that over rows the percentiles of the resampled mean. For the interval over
    both, the distances of their bounds from the mean are added in quadrature (Zou and Donner 2008), because new seeds
    and new rows are independent. The spread over seeds includes some noise of the rows, so the interval tends to be
    too wide rather than too narrow.

    ``over`` names what ``low`` and ``high`` account for: "seeds and rows", "rows" (one seed), "seeds" (no predictions),
    or "" if there is no interval.
    """
    seeds = t_interval(values)
    mean = seeds["mean"]
    parts = {}
    if seeds["low"] is not None:
        parts["seeds"] = seeds["low"], seeds["high"]
    if resampled is not None and (rows := percentile_interval(resampled.mean(axis=0))):
        parts["rows"] = rows
    below, above = np.linalg.norm(np.array([*parts.values()]).reshape(-1, 2) - mean, axis=0)
    return {
        **{"mean": mean, "sd": seeds["sd"], "over": " and ".join(parts)},
        **({"low": mean - float(below), "high": mean + float(above)} if parts else {"low": None, "high": None}),
        **{"seeds_low": seeds["low"], "seeds_high": seeds["high"]},
        **dict(zip(("rows_low", "rows_high"), parts.get("rows", (None, None)), strict=True)),
    }


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
