"""The section of the page on scores by similarity, from the table of score_by_similarity."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.report.line_panels import CHANCE, Line, panel, styles
from workflow_scripts.report.numeric_tables import read_numbers
from workflow_scripts.report.score_by_similarity import STRATA

LEAKY = ("related", "derived")
LEAST_ROWS = 30  # of a stratum that is drawn or compared: the standard error of an accuracy is then up to 9 points


def strata(path: Path, runs: Sequence[str]) -> list[dict[str, Any]]:
    """For each data set ``name``, ``lines``, ``panel`` (or ``None``), and ``leaky`` and ``distant`` rows and cells.

    A line is a stratum with its ``rows``, the accuracies ``majority``, ``nearest`` and ``partner``, and a cell for each
    run, ``None`` without a fit. ``leaky`` and ``distant`` are sums over strata, ``None`` for few rows.
    """
    measures = ["mcc", "accuracy", "majority", "nearest", "partner"]
    rows = [
        row | {"run": f"{row['model']}, {row['method']}", "name": f"{row['task']}/{row['dataset']}"}
        for row in read_numbers(path, ["rows", "seeds"], measures)
    ]
    return [
        section(name, [row for row in rows if row["name"] == name], runs)
        for name in dict.fromkeys(row["name"] for row in rows)
    ]


def section(name: str, rows: Sequence[Mapping[str, Any]], runs: Sequence[str]) -> dict[str, Any]:
    """What :func:`strata` says of one data set."""
    lines = []
    for stratum in STRATA:
        cells = {row["run"]: row for row in rows if row["stratum"] == stratum}
        if cells:
            first = next(iter(cells.values()))
            facts = {key: first[key] for key in ("stratum", "rows", "majority", "nearest", "partner")}
            lines.append(facts | {"cells": [cells.get(run) for run in runs]})
    parts = {
        "leaky": together([line for line in lines if line["stratum"] in LEAKY]),
        "distant": together([line for line in lines if line["stratum"] == "distant"]),
    }
    return {"name": name, "lines": lines, "panel": draw(name, lines, runs), **parts}


def together(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Several strata as one: ``rows`` and the accuracy of each run, ``None`` without a fit; ``None`` for few rows."""
    rows = sum(line["rows"] for line in lines)
    if rows < LEAST_ROWS:
        return None
    accuracies: list[float | None] = []
    for cells in zip(*(line["cells"] for line in lines), strict=True):
        known = all(cell is not None for cell in cells)
        accuracies.append(sum(cell["rows"] * cell["accuracy"] for cell in cells) / rows if known else None)
    return {"rows": rows, "accuracies": accuracies}


def draw(name: str, lines: Sequence[Mapping[str, Any]], runs: Sequence[str]) -> dict[str, Any] | None:
    """The accuracy of each run by stratum, and dashed that of the most frequent label; strata with few rows are left
    out. ``None`` if fewer than two are left."""
    drawn = [line for line in lines if line["rows"] >= LEAST_ROWS]
    if len(drawn) < 2:
        return None
    look = styles(runs)
    places = [float(place) for place in range(len(drawn))]
    parts = [Line("most frequent label", list(zip(places, [line["majority"] for line in drawn], strict=True)), CHANCE)]
    for index, run in enumerate(runs):
        cells = [line["cells"][index] for line in drawn]
        points = [(place, cell["accuracy"]) for place, cell in zip(places, cells, strict=True) if cell]
        parts.append(Line(run, points, look[run], dots=True))
    names = [f"{line['stratum']}" for line in drawn]
    low = min(value for line in parts for _place, value in line.points)
    return panel(name, ("", "Accuracy"), parts, y_range=(min(low, 50.0), 100.0), x_names=names)
