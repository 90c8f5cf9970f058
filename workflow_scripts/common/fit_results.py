"""The results of the planned fits: their metrics, their predictions on resampled test rows, and the missing fits.

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

from workflow_scripts.common.bootstrap import Predictions, resampled_scores, weighted_scores
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.json_objects import read_object

Key = tuple[str, str]
"""A run, (model, method), or a data set, (task, data set)."""

REQUIRED = ("metric", "collapse", "chance", "truncated", "parameters", "trainable_parameters", "hardware")
TOLERANCE = 1e-6  # between the MCC in metrics.json and that of the predictions


@dataclasses.dataclass
class Cell:
    """The fits of one run on one data set, one for each seed, and the seeds whose fit is missing.

    ``resampled`` has the scores of the fits on resamples of the test rows, [seeds, resamples] by metric; it is empty
    if the fits do not predict classes. Scores are x 100.
    """

    run: Key
    dataset: Key
    metric: str
    fits: list[dict[str, Any]]
    missing: list[int]
    resampled: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def scores(self, metric: str) -> list[float]:
        """The test scores, x 100, of the fits that have this metric."""
        values = [fit["test"].get(metric) for fit in self.fits]
        return [100 * value for value in values if value is not None]

    @property
    def mean(self) -> float:
        """The mean of the data set's metric over all fits, including collapsed ones."""
        return float(np.mean(self.scores(self.metric)))


def parse_planned(text: str) -> list[tuple[Key, Key]]:
    """The distinct (run, data set) of the planned fits, in order.

    ``text`` is a JSON list of objects with ``model``, ``method`` and ``datasets`` ("task/dataset").
    """
    pairs = [((run["model"], run["method"]), name) for run in json.loads(text) for name in run["datasets"]]
    return [(run, dataset_key(name)) for run, name in dict.fromkeys(pairs)]


def dataset_key(name: str) -> Key:
    """The (task, data set) of "task/dataset"."""
    task, _, dataset = name.partition("/")
    return task, dataset


def read_cells(
    folder: Path, pairs: Sequence[tuple[Key, Key]], seeds: Sequence[int], metrics: Mapping[Key, str], seed: int
) -> list[Cell]:
    """Read the fits of each (run, data set) and score them on resamples drawn with ``seed``.

    Runs are in the order of ``pairs``. The data sets of each run are in the order of ``metrics``, the metric of each
    registered data set; other data sets follow. Raises UserError for a file that is damaged, lacks a key, or belongs
    to another fit or to other test rows.
    """
    datasets = list(dict.fromkeys([*metrics, *(dataset for _run, dataset in pairs)]))
    runs = list(dict.fromkeys(run for run, _dataset in pairs))
    wanted, seeds = set(pairs), sorted(seeds)
    cells = []
    for dataset in datasets:
        planned = [run for run in runs if (run, dataset) in wanted]
        found = [read_cell(folder, run, dataset, seeds, metrics.get(dataset)) for run in planned]
        resample(folder, [cell for cell in found if cell.fits], seed)
        cells += found
    return sorted(cells, key=lambda cell: runs.index(cell.run))


def fit_folder(folder: Path, run: Key, dataset: Key, seed: int) -> Path:
    """The folder of a fit below ``folder``."""
    return folder.joinpath(*run, *dataset, f"seed{seed}")


def read_cell(folder: Path, run: Key, dataset: Key, seeds: Sequence[int], metric: str | None) -> Cell:
    """The fits of a run on a data set; ``metric`` is the registered one, ``None`` for an unregistered data set."""
    paths = {seed: fit_folder(folder, run, dataset, seed) / "metrics.json" for seed in seeds}
    found = {seed: path for seed, path in paths.items() if path.is_file()}
    fits = []
    for seed, path in found.items():
        fit = read_fit(path, (*run, *dataset, seed))
        metric = metric or fit["metric"]
        if metric != fit["metric"]:
            raise UserError(f"{path}: metric {fit['metric']}, expected {metric}; run this fit again")
        fits.append(fit)
    return Cell(run, dataset, metric or "", fits, [seed for seed in seeds if seed not in found])


def read_fit(path: Path, name: tuple[str, str, str, str, int]) -> dict[str, Any]:
    """The metrics of the fit ``name``: model, method, task, data set and seed."""
    fit = read_object(path)
    try:
        found = tuple(fit[part] for part in ("model", "method", "task", "dataset", "seed"))
        score = fit["test"][fit["metric"]]
        for key in REQUIRED:
            fit[key]
        fit["test"]["rows"]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: no {error} in the metrics; run this fit again") from None
    if found != name:
        raise UserError(
            f"{path}: these are the metrics of another fit, {' '.join(map(str, found))}; run this fit again"
        )
    if not isinstance(score, int | float) or not math.isfinite(score):
        raise UserError(f"{path}: test score {score!r} is not a finite number; run this fit again")
    return fit


def resample(folder: Path, cells: list[Cell], seed: int) -> None:
    """Fill in ``resampled`` of the cells of one data set, all on the same resamples, if the fits predict classes."""
    cells = [cell for cell in cells if cell.fits[0].get("problem", "classification") == "classification"]
    predictions: list[Predictions] = []
    for cell in cells:
        for fit in cell.fits:
            path = fit_folder(folder, cell.run, cell.dataset, fit["seed"]) / "predictions.parquet"
            predictions.append(read_predictions(path))
            check_predictions(path, predictions[-1], predictions[0], fit)
    if not cells:
        return
    number = cells[0].fits[0].get("metric_class")
    of_class = None if number is None else (cells[0].metric, number)
    scores = iter(resampled_scores(predictions, seed, *cells[0].dataset, of_class=of_class))
    for cell in cells:
        fits = [next(scores) for _fit in cell.fits]
        cell.resampled = {metric: 100 * np.array([fit[metric] for fit in fits]) for metric in fits[0]}


def read_predictions(path: Path) -> Predictions:
    """The predictions of a fit on its test rows, in file order."""
    if not path.is_file():
        raise UserError(f"{path}: no such file, although its metrics exist; run this fit again")
    columns = pq.read_table(path).to_pydict()
    return Predictions(
        labels=np.array(columns["label"]),
        predicted=np.array(columns["prediction"]),
        probabilities=np.array(columns["probabilities"]),
    )


def check_predictions(path: Path, predictions: Predictions, first: Predictions, fit: Mapping[str, Any]) -> None:
    """UserError if predictions are for other rows than those of the first fit, or have another MCC than the metrics."""
    if not np.array_equal(predictions.labels, first.labels):
        raise UserError(f"{path}: other test rows than the other fits on this data set; run this fit again")
    found = weighted_scores(predictions, np.ones((1, len(predictions.labels))))["mcc"][0]
    recorded = fit["test"].get("mcc", math.nan)
    if not abs(found - recorded) <= TOLERANCE:
        raise UserError(f"{path}: mcc {found:.6f} where its metrics.json has {recorded:.6f}; run this fit again")


def by_run(cells: Sequence[Cell]) -> Iterator[tuple[str, dict[Key, Cell]]]:
    """Each run by name, "model, method", with its cells by data set, without those that have no fits."""
    for run in dict.fromkeys(cell.run for cell in cells):
        yield ", ".join(run), {cell.dataset: cell for cell in cells if cell.run == run and cell.fits}
