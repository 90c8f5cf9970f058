"""The fits of the configuration as they lie on disk: their metrics, their predictions, and which of them are missing.

A fit is the folder ``<model>/<method>/<task>/<dataset>/seed<seed>`` with ``metrics.json`` and ``predictions.parquet``.
"""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from workflow_scripts.common.errors import UserError
from workflow_scripts.report.inputs import load
from workflow_scripts.report.resampling import METRICS, Predictions, resampled_scores, weighted_scores

Key = tuple[str, str]
"""A run is (model, method), a data set is (task, dataset)."""

NEEDED = ("metric", "collapse", "chance", "truncated", "parameters", "trainable_parameters", "hardware")
TOLERANCE = 1e-6  # between the MCC in metrics.json and that of the predictions


@dataclasses.dataclass
class Cell:
    """The fits of one run on one data set, one for each seed, and the seeds whose fit is missing.

    ``resampled`` holds the scores of each fit on resamples of the test rows, [seeds, resamples] by metric; it is
    empty for fits that predict no classes. Scores are x 100.
    """

    run: Key
    dataset: Key
    metric: str
    fits: list[dict[str, Any]]
    missing: list[int]
    resampled: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def scores(self, metric: str) -> list[float]:
        """The test scores of the fits that have this metric, x 100."""
        values = [fit["test"].get(metric) for fit in self.fits]
        return [100 * value for value in values if value is not None]

    @property
    def mean(self) -> float:
        """The mean of the data set's own metric over all fits, collapsed ones too."""
        return float(np.mean(self.scores(self.metric)))


def planned(text: str) -> list[tuple[Key, Key]]:
    """The (run, data set) that the fits of the configuration make, from JSON; each once, in their order.

    The JSON is a list of objects with ``model``, ``method`` and ``datasets`` ("task/dataset").
    """
    pairs = [((run["model"], run["method"]), name) for run in json.loads(text) for name in run["datasets"]]
    return [(run, tuple(name.split("/"))) for run, name in dict.fromkeys(pairs)]


def read_cells(
    folder: Path, pairs: Sequence[tuple[Key, Key]], seeds: Sequence[int], metrics: Mapping[Key, str], seed: int
) -> list[Cell]:
    """Read the fits of each (run, data set) and score them on resamples drawn by ``seed``.

    Runs come in the order of ``pairs``, the data sets of each in the order of ``metrics``, which names the metric of
    each data set of the registry; those that are not in it follow. Raises UserError for a file that is broken, lacks
    something, or belongs to another fit or to other test rows.
    """
    order = list(dict.fromkeys([*metrics, *(dataset for _run, dataset in pairs)]))
    runs = list(dict.fromkeys(run for run, _dataset in pairs))
    wanted, seeds = set(pairs), sorted(seeds)
    cells = []
    for dataset in order:
        asked = [run for run in runs if (run, dataset) in wanted]
        mine = [read_cell(folder, run, dataset, seeds, metrics.get(dataset)) for run in asked]
        resample(folder, [cell for cell in mine if cell.fits], seed)
        cells += mine
    return sorted(cells, key=lambda cell: runs.index(cell.run))


def place(folder: Path, run: Key, dataset: Key, seed: int) -> Path:
    """The folder of a fit."""
    return folder.joinpath(*run, *dataset, f"seed{seed}")


def read_cell(folder: Path, run: Key, dataset: Key, seeds: Sequence[int], metric: str | None) -> Cell:
    """The fits of a run on a data set; ``metric`` is the registry's, ``None`` for a data set that is not in it."""
    paths = {seed: place(folder, run, dataset, seed) / "metrics.json" for seed in seeds}
    found = {seed: path for seed, path in paths.items() if path.is_file()}
    fits = []
    for seed, path in found.items():
        fit = read_fit(path, (*run, *dataset, seed))
        metric = metric or fit["metric"]
        if metric != fit["metric"]:
            raise UserError(f"{path}: metric {fit['metric']} where {metric} is expected; run this fit again")
        fits.append(fit)
    return Cell(run, dataset, metric or "", fits, [seed for seed in seeds if seed not in found])


def read_fit(path: Path, name: tuple) -> dict[str, Any]:
    """The metrics of the fit ``name``: model, method, task, data set and seed."""
    fit = load(path)
    try:
        own = tuple(fit[part] for part in ("model", "method", "task", "dataset", "seed"))
        score = fit["test"][fit["metric"]]
        for needed in NEEDED:
            fit[needed]
        fit["test"]["rows"]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: lacks {error} of a fit's metrics; run this fit again") from None
    if own != name:
        raise UserError(f"{path}: metrics of {' '.join(map(str, own))}, which is another fit; run this fit again")
    if not isinstance(score, int | float) or not math.isfinite(score):
        raise UserError(f"{path}: test score {score!r} is no number; run this fit again")
    return fit


def resample(folder: Path, cells: list[Cell], seed: int) -> None:
    """Fill in ``resampled`` of the cells of one data set, on the same resamples, unless they predict no classes."""
    cells = [cell for cell in cells if cell.fits[0].get("problem", "classification") == "classification"]
    predictions: list[Predictions] = []
    for cell in cells:
        for fit in cell.fits:
            path = place(folder, cell.run, cell.dataset, fit["seed"]) / "predictions.parquet"
            predictions.append(read_predictions(path))
            check(path, predictions[-1], predictions[0], fit)
    scores = iter(resampled_scores(predictions, seed, *cells[0].dataset) if cells else [])
    for cell in cells:
        fits = [next(scores) for _fit in cell.fits]
        cell.resampled = {metric: 100 * np.array([fit[metric] for fit in fits]) for metric in METRICS}


def read_predictions(path: Path) -> Predictions:
    """The predictions of a fit on its test rows, in the order of the file."""
    if not path.is_file():
        raise UserError(f"{path}: no such file, though its metrics are there; run this fit again")
    columns = pq.read_table(path).to_pydict()
    return Predictions(
        labels=np.array(columns["label"]),
        predicted=np.array(columns["prediction"]),
        probabilities=np.array(columns["probabilities"]),
    )


def check(path: Path, predictions: Predictions, first: Predictions, fit: Mapping[str, Any]) -> None:
    """UserError where predictions are of other rows than the first fit's, or do not give the MCC of the metrics."""
    if not np.array_equal(predictions.labels, first.labels):
        raise UserError(f"{path}: other test rows than the other fits on this data set; run this fit again")
    found = weighted_scores(predictions, np.ones((1, len(predictions.labels))))["mcc"][0]
    recorded = fit["test"].get("mcc", math.nan)
    if not abs(found - recorded) <= TOLERANCE:
        raise UserError(f"{path}: mcc {found:.6f} where its metrics.json has {recorded:.6f}; run this fit again")


def by_run(cells: Sequence[Cell]) -> Iterator[tuple[str, dict[Key, Cell]]]:
    """Each run by its name, "model, method", with its cells that hold fits, by data set."""
    for run in dict.fromkeys(cell.run for cell in cells):
        yield ", ".join(run), {cell.dataset: cell for cell in cells if cell.run == run and cell.fits}
