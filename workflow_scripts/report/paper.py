"""The paper's numbers: its scores by model and data set, and its claims recomputed from them.

The scores are in config/paper_results.tsv, the models in config/paper_models.tsv.
"""

from collections.abc import Iterable
from os import PathLike
from typing import Any

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table

DNABERT2 = "DNABERT-2"
FURTHER = "DNABERT-2 (further pre-trained on GUE, diamond)"
NT_MULTI = "NT-2500M-multi"
KMERS = ("DNABERT (3-mer)", "DNABERT (4-mer)", "DNABERT (5-mer)", "DNABERT (6-mer)")
GUE_PLUS = ("epi", "species")  # tasks that are not in the averages over 28 data sets

Cells = dict[str, dict[tuple[str, str], float]]
"""Scores (x 100) by model, then by (task, data set)."""


def number(path: str | PathLike, row: dict[str, str], column: str) -> float:
    """The number in a cell of a table; UserError if it is missing or not a number."""
    try:
        return float(row[column])
    except (KeyError, ValueError):
        value = row.get(column)
        raise UserError(f"{path}: {column} of {row.get('model')} is {value!r}; it must be a number") from None


def read_cells(path: str | PathLike) -> tuple[Cells, dict[tuple[str, str], str]]:
    """Read the paper's scores by model and data set, and the metric of each data set."""
    cells: Cells = {}
    metrics = {}
    for row in read_table(path):
        key = row["task"], row["dataset"]
        cells.setdefault(row["model"], {})[key] = number(path, row, "score")
        metrics[key] = row["metric"]
    return cells, metrics


def gue_28(scores: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """The scores of the 28 data sets of GUE, without GUE+."""
    return {key: score for key, score in scores.items() if key[0] not in GUE_PLUS}


def averages(cells: Cells, models: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    """Each model's average over GUE, quoted and recomputed from its scores, and whether the two agree.

    The tolerance is 0.01, because the paper truncates instead of rounding.
    """
    rows = []
    for model in models:
        scores = gue_28(cells.get(model["model"], {}))
        mean = float(np.mean(list(scores.values()))) if scores else None
        quoted = float(model["average_quoted"]) if model["average_quoted"] else None
        agrees = None if quoted is None or mean is None else abs(quoted - mean) <= 0.01
        rows.append(
            {
                "model": model["model"],
                "datasets": len(scores),
                "quoted": quoted,
                "recomputed": mean,
                "agrees": agrees,
                "note": model["note"],
            }
        )
    return rows


def against_kmers(cells: Cells) -> dict[str, Any]:
    """DNABERT-2 compared with the four DNABERTs on GUE: data sets on which it beats the best, and each of them."""
    ours = gue_28(cells[DNABERT2])
    kmers = [gue_28(cells[model]) for model in KMERS]
    return {
        "datasets": len(ours),
        "wins_over_best": sum(score > max(model[key] for model in kmers) for key, score in ours.items()),
        "wins_over_each": [sum(score > model[key] for key, score in ours.items()) for model in kmers],
        "mean_difference": float(np.mean(list(ours.values())) - np.mean([list(model.values()) for model in kmers])),
    }


def difference(value: float) -> str:
    """A difference with its sign, to three decimals: with two, the paper's truncation would look like an error."""
    return f"{value:+.3f}".replace("-", "−")


def claims(cells: Cells, models: list[dict[str, str]]) -> list[dict[str, str]]:
    """The paper's claims that can be recomputed from its tables, with the recomputed values."""
    kmers = against_kmers(cells)
    mean = {row["model"]: row["recomputed"] for row in averages(cells, models)}
    datasets = kmers["datasets"]
    return [
        {
            "claim": "DNABERT-2 beats the best DNABERT on 23 of 28 data sets",
            "recomputed": f"{kmers['wins_over_best']} of {datasets} against the best of the four; "
            + ", ".join(f"{n}" for n in kmers["wins_over_each"])
            + " against the 3-, 4-, 5- and 6-mer model",
        },
        {
            "claim": "6 points above DNABERT on average",
            "recomputed": f"{difference(kmers['mean_difference'])} points above the mean of the four",
        },
        {
            "claim": "Comparable to NT-2500M-multi: 66.80 against 66.93",
            "recomputed": f"{mean[DNABERT2]:.3f} against {mean[NT_MULTI]:.3f}, "
            f"{difference(mean[DNABERT2] - mean[NT_MULTI])} points",
        },
        {
            "claim": "Further pre-training on GUE adds about one point: 67.77",
            "recomputed": f"{mean[FURTHER]:.3f}, {difference(mean[FURTHER] - mean[DNABERT2])} points",
        },
    ]
