"""95% intervals of means over seeds, test rows and data sets."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
LEAST_VALUES = 3  # the t interval of two values is 13 times as wide as their distance


def t_interval(values: Sequence[float] | np.ndarray) -> dict[str, Any]:
    """Mean, standard deviation (n - 1) and two-sided 95% t interval.

    The standard deviation is ``None`` for one value, the interval for fewer than three.
    """
    mean = float(np.mean(values))
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    if sd is None or len(values) < LEAST_VALUES:
        return {"mean": mean, "sd": sd, "low": None, "high": None}
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

    ``over`` names what ``low`` and ``high`` account for: "seeds and rows", "rows" (fewer than three seeds), "seeds" (no
    predictions), or "" if there is no interval.
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
