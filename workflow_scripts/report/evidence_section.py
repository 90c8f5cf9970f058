"""The section of the page on what is behind the scores, from the tables of collect_evidence."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.report.line_panels import CHANCE, Line, panel, styles
from workflow_scripts.report.numeric_tables import read_numbers

SHOWN_ERRORS = 3  # of a run on a data set; the table has more
SHOWN_BASES = 60
Rows = Sequence[Mapping[str, Any]]


def evidence(folder: Path, runs: Sequence[str]) -> list[dict[str, Any]]:
    """For each data set ``name``, ``panels``, ``matrices``, ``classes`` and ``errors`` of all runs, in their order.

    A class has its scores and ``taken_for``, the class for which most of its other rows are taken, with ``percent`` of
    its rows, or ``None``. An error has its row; of a long sequence only the beginning. See also :func:`panels` and
    :func:`matrix`.
    """
    scores = ["rows", "predicted", "precision", "recall", "f1", "auroc", "auprc"]
    tables: dict[str, Rows] = {
        "classes": read_numbers(folder / "classes.tsv", ["seeds"], scores),
        "confusions": read_numbers(folder / "confusions.tsv", ["seeds"], ["rows", "percent_of_label"]),
        "curves": read_numbers(folder / "curves.tsv", ["seeds"], ["x", "y"]),
        "errors": read_numbers(folder / "errors.tsv", ["line", "wrong", "seeds"], ["probability_of_label"]),
        "learning": read_numbers(folder / "learning.tsv", ["seed", "step"], ["training_loss", "dev_loss", "dev_score"]),
    }
    names = dict.fromkeys(name_of(row) for name in ("learning", "classes") for row in tables[name])
    return [
        section(name, {table: [row for row in rows if name_of(row) == name] for table, rows in tables.items()}, runs)
        for name in names
    ]


def section(name: str, tables: Mapping[str, Rows], runs: Sequence[str]) -> dict[str, Any]:
    """What :func:`evidence` says of one data set."""
    mistakes = most_frequent_mistakes(tables["confusions"])
    classes = []
    for row in tables["classes"]:
        mistake = mistakes.get((run_of(row), row["class"]))
        more = {"taken_for": mistake["prediction"], "percent": mistake["percent_of_label"]} if mistake else {}
        classes.append({"run": run_of(row), "taken_for": None, "percent": None} | dict(row) | more)
    errors = []
    for run, rows in by_run(tables["errors"]):
        for row in rows[:SHOWN_ERRORS]:
            sequence = row["sequence"]
            short = sequence if len(sequence) <= SHOWN_BASES else sequence[:SHOWN_BASES] + "…"
            errors.append(dict(row) | {"run": run, "sequence": short})
    matrices = [
        matrix(run, [row["class"] for row in classes if row["run"] == run], rows)
        for run, rows in by_run(tables["confusions"])
    ]
    drawn = panels(tables, runs)
    return {"name": name, "classes": classes, "matrices": matrices, "errors": errors, "panels": drawn}


def by_run(rows: Rows) -> Iterable[tuple[str, list[Mapping[str, Any]]]]:
    """The rows of each run, which are next to each other."""
    return ((run, list(members)) for run, members in groupby(rows, key=run_of))


def most_frequent_mistakes(confusions: Rows) -> dict[tuple[str, str], Mapping[str, Any]]:
    """By run and label the most frequent wrong prediction."""
    mistakes: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in confusions:
        key = (run_of(row), row["label"])
        if row["label"] != row["prediction"] and (key not in mistakes or row["rows"] > mistakes[key]["rows"]):
            mistakes[key] = row
    return mistakes


def matrix(run: str, names: Sequence[str], confusions: Rows) -> dict[str, Any]:
    """A confusion matrix: ``names`` of the classes, and for each label a line of cells (``None`` for no rows)."""
    cells = {(row["label"], row["prediction"]): row for row in confusions}
    lines = [[cells.get((label, prediction)) for prediction in names] for label in names]
    return {"run": run, "names": names, "lines": lines}


def panels(tables: Mapping[str, Rows], runs: Sequence[str]) -> list[dict[str, Any]]:
    """The curves of a data set as small charts: ROC, precision-recall, dev score and losses by step.

    The first two have a line for each run, the mean over seeds, and a dashed one for a constant prediction. Dev scores
    have a line for each seed, so that a collapsed one is seen; losses are means over the seeds at a step.
    """
    look = styles(runs)

    def curve(name: str) -> list[Line]:
        rows = [row for row in tables["curves"] if row["curve"] == name]
        return [Line(run, [(row["x"], row["y"]) for row in mine], look[run]) for run, mine in by_run(rows)]

    roc, recall = curve("roc"), curve("precision-recall")
    if roc:
        roc.insert(0, Line("a constant", [(0, 0), (1, 1)], CHANCE))
        share = positive_share(tables["classes"])
        recall.insert(0, Line("a constant", [(0, share), (1, share)], CHANCE))
    unit = (0.0, 1.0)
    drawn = [
        panel("ROC", ("False positives", "Recall"), roc, unit, unit),
        panel("Precision and recall", ("Recall", "Precision"), recall, unit, unit),
        panel("Dev score × 100, each seed", ("Step", ""), dev_scores(tables["learning"], look)),
        panel("Loss: dev, and training (dashed)", ("Step", ""), losses(tables["learning"], look)),
    ]
    return [part for part in drawn if part]


def positive_share(classes: Rows) -> float:
    """The precision of a constant prediction: the share of the second of two classes, else the mean over classes."""
    _run, rows = next(iter(by_run(classes)))
    shares = [row["rows"] / sum(other["rows"] for other in rows) for row in rows]
    return shares[1] if len(shares) == 2 else float(np.mean([share for share in shares if share]))


def dev_scores(learning: Rows, look: Mapping[str, dict[str, str]]) -> list[Line]:
    """A line for each fit; evaluations without a defined score are left out."""
    lines = []
    for run, rows in by_run(learning):
        for seed, mine in groupby(rows, key=lambda row: row["seed"]):
            points = [(row["step"], row["dev_score"]) for row in mine if row["dev_score"] is not None]
            lines.append(Line(f"{run}, seed {seed}", points, look[run], thin=True))
    return lines


def losses(learning: Rows, look: Mapping[str, dict[str, str]]) -> list[Line]:
    """The dev loss and the training loss of each run, means over the seeds that have the step."""
    lines = []
    for run, rows in by_run(learning):
        for name, style in (("dev_loss", look[run]), ("training_loss", look[run] | {"dash": "4 3"})):
            steps: dict[int, list[float]] = {}
            for row in rows:
                steps.setdefault(row["step"], []).append(row[name])
            points = [(float(step), float(np.mean(steps[step]))) for step in sorted(steps)]
            lines.append(Line(f"{run}: {name.replace('_', ' ')}", points, style))
    return lines


def run_of(row: Mapping[str, Any]) -> str:
    return f"{row['model']}, {row['method']}"


def name_of(row: Mapping[str, Any]) -> str:
    return f"{row['task']}/{row['dataset']}"
