"""Data sets of the user's: their files, and their row beside those of the registry."""

from pathlib import Path
from typing import Any

from workflow_scripts.settings.names import METRICS, PROBLEM


def custom_files(folder: str | Path, split: str) -> list[str]:
    """The file of a split in a user's folder, plain or gzipped; both where both are there."""
    paths = (Path(folder) / f"{split}{suffix}" for suffix in (".csv", ".csv.gz"))
    return [str(path) for path in paths if path.is_file()]


def custom_row(name: str, custom: dict[str, Any]) -> dict[str, str]:
    """What stands in the registry for a data set of the benchmark, for one of a user's own."""
    task, dataset = name.split("/")
    problem = custom.get("problem", PROBLEM)
    metric = custom.get("metric", METRICS[problem][0])
    return {"task": task, "dataset": dataset, "metric": metric, "problem": problem, "folder": custom["folder"]}
