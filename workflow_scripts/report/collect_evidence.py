"""Collect what is behind the scores of each run on each data set: classes, confusions, curves, errors, learning.

In: the folder of the fits with their predictions, the fits that the configuration plans, and the data sets. Missing
fits are left out; of fits that predict no classes only the learning curve is there.
Out: tables with one row for each run, data set and
- class: rows, precision, recall, F1, areas under the ROC and the precision-recall curve against the other classes,
- pair of classes: how many rows of the one are taken for the other,
- point of the ROC and of the precision-recall curve,
- worst error: the test row (line in test.csv, id, sequence) and the mean probability that the fits give to its label,
- seed and evaluation during training: step, losses, and the dev score.
All but the last are means over the seeds. Scores are x 100.
"""

import argparse
import csv
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.bootstrap import Predictions
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_json, read_table
from workflow_scripts.common.fit_results import Cell, fit_folder, parse_planned, read_cell, read_predictions
from workflow_scripts.report import evidence
from workflow_scripts.report.numeric_tables import write_numbers

FIT = ("model", "method", "task", "dataset")
CLASS_COLUMNS = [*FIT, "seeds", "class", "rows", "predicted", "precision", "recall", "f1", "auroc", "auprc"]
CONFUSION_COLUMNS = [*FIT, "seeds", "label", "prediction", "rows", "percent_of_label"]
CURVE_COLUMNS = [*FIT, "seeds", "curve", "x", "y"]
ERROR_COLUMNS = [*FIT, "line", "id", "label", "prediction", "probability_of_label", "wrong", "seeds", "sequence"]
LEARNING_COLUMNS = [*FIT, "seed", "step", "training_loss", "dev_loss", "dev_score"]
LEARNING_POINTS = 40  # of a fit at most


def read_class_fits(folder: Path, cell: Cell) -> list[Predictions]:
    """The predictions of the fits of a cell; none if they are no classes."""
    fits = [fit for fit in cell.fits if fit.get("problem", "classification") == "classification"]
    paths = [fit_folder(folder, cell.run, cell.dataset, fit["seed"]) / "predictions.parquet" for fit in fits]
    found = [read_predictions(path) for path in paths]
    for path, predictions in zip(paths, found, strict=True):
        if len(predictions.labels) != len(found[0].labels) or (predictions.labels != found[0].labels).any():
            raise UserError(f"{path}: other test rows than {paths[0]}; run this fit again")
    return found


def class_rows(fits: Sequence[Predictions], names: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each class, scores x 100; ``None`` where a score is undefined."""
    counts = evidence.confusions(fits)
    scores = evidence.class_scores(counts) | evidence.class_areas(fits)
    rows = []
    for number, name in enumerate(names):
        row: dict[str, Any] = {"class": name, "rows": float(counts[number].sum())}
        row |= {"predicted": float(counts[:, number].sum())}
        values = {measure: float(found[number]) for measure, found in scores.items()}
        rows.append(row | {measure: None if math.isnan(value) else 100 * value for measure, value in values.items()})
    return rows


def confusion_rows(fits: Sequence[Predictions], names: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each class and each class that its rows are taken for, in descending order of rows."""
    counts = evidence.confusions(fits)
    rows = [
        {"label": names[label], "prediction": names[prediction], "rows": float(counts[label, prediction])}
        | {"percent_of_label": 100 * float(counts[label, prediction] / counts[label].sum())}
        for label in range(len(names))
        for prediction in range(len(names))
        if counts[label, prediction]
    ]
    return sorted(rows, key=lambda row: (names.index(row["label"]), -row["rows"]))


def curve_rows(fits: Sequence[Predictions]) -> list[dict[str, Any]]:
    """A row for each point of the curves."""
    return [
        {"curve": name, "x": float(x), "y": float(y)}
        for name, curve in evidence.mean_curves(fits).items()
        for x, y in zip(evidence.GRID, curve, strict=True)
    ]


def error_rows(fits: Sequence[Predictions], names: Sequence[str], folder: Path) -> list[dict[str, Any]]:
    """A row for each of the worst errors, with the test row from the data set in ``folder``."""
    ids = {int(row["line"]): row["id"] for row in read_table(folder / "ids.tsv") if row["split"] == "test"}
    with (folder / "test.csv").open(newline="", encoding="utf-8") as handle:
        texts = [" ".join(row[:-1]) for row in csv.reader(handle)][1:]  # after the header
    rows = []
    for row, prediction, probability, wrong in evidence.worst_errors(fits):
        found = {"line": row + 2, "id": ids.get(row + 2, ""), "sequence": texts[row]}
        found |= {"label": names[fits[0].labels[row]], "prediction": names[prediction]}
        rows.append(found | {"probability_of_label": probability, "wrong": wrong, "seeds": len(fits)})
    return rows


def learning_rows(cell: Cell) -> list[dict[str, Any]]:
    """A row for each evaluation of each fit that has recorded them, thinned evenly; the last one is kept."""
    rows = []
    for fit in cell.fits:
        curve = fit.get("learning_curve", [])
        kept = np.unique(np.linspace(0, len(curve) - 1, min(len(curve), LEARNING_POINTS)).round().astype(int))
        rows += [{"seed": fit["seed"]} | curve[point] | {"dev_score": times_100(curve[point])} for point in kept]
    return rows


def times_100(point: Mapping[str, Any]) -> float | None:
    """The dev score of an evaluation x 100; ``None`` if it is undefined."""
    return None if point["dev_score"] is None else 100 * point["dev_score"]


def class_names(folder: Path, classes: int) -> list[str]:
    """The names of the classes of a data set, in the order of their labels; their numbers if they have none."""
    path = folder / "classes.json"
    names = read_json(path) if path.is_file() else []
    return names if len(names) == classes else [str(number) for number in range(classes)]


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=Path, required=True, metavar="FOLDER", help="folder of all fits")
    parser.add_argument("--planned", required=True, help="JSON list of objects with model, method and datasets")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="seeds of the fits")
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER", help="folder of all data sets")
    parser.add_argument("--classes", type=Path, required=True, help="table of classes to write (TSV)")
    parser.add_argument("--confusions", type=Path, required=True, help="table of confusions to write (TSV)")
    parser.add_argument("--curves", type=Path, required=True, help="table of the points of the curves to write (TSV)")
    parser.add_argument("--errors", type=Path, required=True, help="table of the worst errors to write (TSV)")
    parser.add_argument("--learning", type=Path, required=True, help="table of learning curves to write (TSV)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Write the tables."""
    options = build_parser().parse_args(argv)
    classes, confusions, curves, errors, learning = [], [], [], [], []
    for run, dataset in parse_planned(options.planned):
        cell = read_cell(options.fits, run, dataset, sorted(options.seeds), None)
        fit: dict[str, Any] = dict(zip(FIT, (*run, *dataset), strict=True))
        learning += [fit | row for row in learning_rows(cell)]
        fits = read_class_fits(options.fits, cell)
        if not fits:
            continue
        folder = options.data.joinpath(*dataset)
        names = class_names(folder, fits[0].probabilities.shape[1])
        fit |= {"seeds": len(fits)}
        classes += [fit | row for row in class_rows(fits, names)]
        confusions += [fit | row for row in confusion_rows(fits, names)]
        curves += [fit | row for row in curve_rows(fits)]
        errors += [fit | row for row in error_rows(fits, names, folder)]
    write_numbers(options.classes, classes, CLASS_COLUMNS)
    write_numbers(options.confusions, confusions, CONFUSION_COLUMNS)
    write_numbers(options.curves, curves, CURVE_COLUMNS)
    write_numbers(options.errors, errors, ERROR_COLUMNS)
    write_numbers(options.learning, learning, LEARNING_COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
