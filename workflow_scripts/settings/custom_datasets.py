"""Data sets of the user's: their row beside those of the registry."""

from typing import Any

from workflow_scripts.settings.names import METRICS, PROBLEM


def custom_row(name: str, custom: dict[str, Any]) -> dict[str, str]:
    """The row of a user's data set, as the registry has one for each data set of the benchmark."""
    task, dataset = name.split("/")
    problem = custom.get("problem", PROBLEM)
    metric = custom.get("metric", METRICS[problem][0])
    row = {"task": task, "dataset": dataset, "metric": metric, "problem": problem}
    return row | {key: str(custom[key]) for key in ("folder", "file", "split") if key in custom}
