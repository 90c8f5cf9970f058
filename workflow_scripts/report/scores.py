"""Statistics of scores: means with intervals over seeds, and paired comparisons over data sets.

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
