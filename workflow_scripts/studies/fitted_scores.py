"""Scores of fits, compared over data sets on the same seeds and test rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fit_results import Cell, dataset_key, read_cells
from workflow_scripts.common.intervals import combined_interval

METHOD = "full"
Fits = dict[str, list[Cell]]
"""The fits of each model, a cell for each data set, in the same order for all models."""


def read_fits(folder: Path, models: Sequence[str], datasets: Sequence[str], seeds: Sequence[int], seed: int) -> Fits:
    """The fits of models to data sets ("task/dataset"); all are scored on the same resamples of the test rows.

    Raises UserError for a missing or damaged fit.
    """
    pairs = [((model, METHOD), dataset_key(name)) for model in models for name in datasets]
    fits: Fits = {model: [] for model in models}
    for cell in read_cells(folder, pairs, seeds, {}, seed):
        if cell.missing:
            name = "/".join((*cell.run, *cell.dataset, f"seed{cell.missing[0]}"))
            raise UserError(f"{folder / name}: no metrics.json; run this fit")
        fits[cell.run[0]].append(cell)
    return fits


def score_rows(fits: Fits) -> list[dict[str, Any]]:
    """One row for each model and data set: the metric, its mean over seeds, x 100, and the 95% interval."""
    rows = []
    for model, cells in fits.items():
        for cell in cells:
            interval = combined_interval(cell.scores(cell.metric), cell.resampled.get(cell.metric))
            numbers = {name: interval[name] for name in ("mean", "low", "high")}
            rows.append({"model": model, "dataset": "/".join(cell.dataset), "metric": cell.metric} | numbers)
    return rows


def mean_row(model: str, cells: Sequence[Cell]) -> dict[str, Any]:
    """A row like those of :func:`score_rows`: the mean over all data sets."""
    interval = mean_score([(np.array(cell.scores(cell.metric)), cell.resampled[cell.metric]) for cell in cells])
    numbers = {name: interval[name] for name in ("mean", "low", "high")}
    return {
        "model": model,
        "dataset": "mean",
        "metric": " and ".join(sorted({cell.metric for cell in cells})),
    } | numbers


def score_difference(first: Sequence[Cell], second: Sequence[Cell]) -> dict[str, Any]:
    """Mean score over data sets of the first minus the second, with a 95% interval over seeds and test rows.

    Both have the same seeds and test rows, so the differences are paired. The interval is for these data sets.
    """
    return mean_score(_minus(first, second))


def mean_score(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """The mean over data sets of (scores [seeds], resampled scores [seeds, resamples]), see combined_interval."""
    values = np.mean([scores for scores, _ in parts], axis=0)
    return combined_interval(values.tolist(), np.mean([resampled for _, resampled in parts], axis=0))


def gain_difference(
    first: tuple[Sequence[Cell], Sequence[Cell]], second: tuple[Sequence[Cell], Sequence[Cell]]
) -> dict[str, Any]:
    """The gain of one pair of models minus that of another pair, as :func:`score_difference`."""
    both = zip(_minus(*first), _minus(*second), strict=True)
    return mean_score([(a - b, resampled_a - resampled_b) for (a, resampled_a), (b, resampled_b) in both])


def _minus(first: Sequence[Cell], second: Sequence[Cell]) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each data set the difference of two models: of scores [seeds], and of resampled scores."""
    parts = []
    for a, b in zip(first, second, strict=True):
        scores = np.array(a.scores(a.metric)) - np.array(b.scores(b.metric))
        parts.append((scores, a.resampled[a.metric] - b.resampled[b.metric]))
    return parts
