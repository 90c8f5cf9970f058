"""The section of the page on what is behind the scores, from the tables of collect_evidence."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.report.numeric_tables import read_numbers

SHOWN_ERRORS = 3  # of a run on a data set; the table has more
SHOWN_BASES = 60


def evidence(folder: Path) -> list[dict[str, Any]]:
    """For each data set ``name``, ``classes`` and ``errors`` of all runs.

    A class has its scores and ``taken_for``, the class for which most of its other rows are taken, with ``percent`` of
    its rows, or ``None``. An error has its row; of a long sequence only the beginning.
    """
    classes = read_numbers(
        folder / "classes.tsv", ["seeds"], ["rows", "predicted", "precision", "recall", "f1", "auroc", "auprc"]
    )
    confusions = read_numbers(folder / "confusions.tsv", ["seeds"], ["rows", "percent_of_label"])
    errors = read_numbers(folder / "errors.tsv", ["line", "wrong", "seeds"], ["probability_of_label"])
    mistakes = most_frequent_mistakes(confusions)
    found: dict[str, dict[str, Any]] = {}
    for row in classes:
        part = found.setdefault(name_of(row), {"name": name_of(row), "classes": [], "errors": []})
        mistake = mistakes.get((*fit_of(row), row["class"]))
        more = {"taken_for": mistake["prediction"], "percent": mistake["percent_of_label"]} if mistake else {}
        part["classes"].append({"run": run_of(row), "taken_for": None, "percent": None} | row | more)
    shown: dict[tuple[str, ...], int] = {}
    for row in errors:
        shown[fit_of(row)] = shown.get(fit_of(row), 0) + 1
        if shown[fit_of(row)] <= SHOWN_ERRORS:
            sequence = row["sequence"]
            short = sequence if len(sequence) <= SHOWN_BASES else sequence[:SHOWN_BASES] + "…"
            found[name_of(row)]["errors"].append(row | {"run": run_of(row), "sequence": short})
    return list(found.values())


def most_frequent_mistakes(confusions: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    """By fit and label the most frequent wrong prediction."""
    mistakes: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for row in confusions:
        key = (*fit_of(row), row["label"])
        if row["label"] != row["prediction"] and (key not in mistakes or row["rows"] > mistakes[key]["rows"]):
            mistakes[key] = row
    return mistakes


def fit_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["model"], row["method"], row["task"], row["dataset"]


def run_of(row: Mapping[str, Any]) -> str:
    return f"{row['model']}, {row['method']}"


def name_of(row: Mapping[str, Any]) -> str:
    return f"{row['task']}/{row['dataset']}"
