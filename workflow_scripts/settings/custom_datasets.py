"""Data sets of the user's: their files, and their row beside those of the registry."""

from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_set import WHOLE
from workflow_scripts.settings.names import METRICS, PROBLEM, SPLITS

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")


def custom_sources(folder: str | None, file: str | None) -> dict[str, Path]:
    """The file of each split in a user's folder, or a user's one file.

    Raises UserError with a line for each split of which there is no file or more than one.
    """
    if file is not None:
        if not Path(file).is_file():
            raise UserError(f"{file!r} is no file")
        return {WHOLE: Path(file)}
    found = {
        split: [path for ending in ENDINGS if (path := Path(folder or "") / f"{split}{ending}").is_file()]
        for split in SPLITS
    }
    lines = []
    if missing := [f"{split}.csv" for split, paths in found.items() if not paths]:
        hint = "; for one file that is not split yet, write file: PATH" if len(missing) == len(SPLITS) else ""
        lines.append(f"no {', '.join(missing)} in {folder!r}{hint}")
    lines += [
        f"both {paths[0].name} and {paths[1].name} in {folder!r}; remove one"
        for paths in found.values()
        if len(paths) > 1
    ]
    if lines:
        raise UserError("\n".join(lines))
    return {split: paths[0] for split, paths in found.items()}


def custom_row(name: str, custom: dict[str, Any]) -> dict[str, str]:
    """The row of a user's data set, as the registry has one for each data set of the benchmark."""
    task, dataset = name.split("/")
    problem = custom.get("problem", PROBLEM)
    metric = custom.get("metric", METRICS[problem][0])
    row = {"task": task, "dataset": dataset, "metric": metric, "problem": problem}
    return row | {key: str(custom[key]) for key in ("folder", "file", "split") if key in custom}
