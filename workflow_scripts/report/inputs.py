"""What the report reads: JSON files, lists of files, training logs."""

import json
import math
from os import PathLike
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json


def load(path: str | PathLike) -> dict[str, Any]:
    """Read a JSON file; UserError where it is missing, not JSON, or not an object."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; run the step that writes it or take it off the list")
    try:
        value = read_json(path)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: not JSON ({error.msg}); run the step that writes it again") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds {type(value).__name__} where an object is expected")
    return value


def read_paths(path: Path) -> list[Path]:
    """The paths that a text file names, one a line; empty lines do not count."""
    if not path.is_file():
        raise UserError(f"{path}: no such list of files")
    return [Path(line.strip()) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def read_log(path: Path) -> dict[str, list[dict[str, float]]]:
    """Read a training log: ``train`` and ``validation`` rows with ``step`` and ``loss``.

    A loss that is not finite has no place in a chart and is left out.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such log; run the pre-training or take it off the list")
    curves: dict[str, list[dict[str, float]]] = {"train": [], "validation": []}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            step = row["step"]
        except (json.JSONDecodeError, KeyError, TypeError):
            raise UserError(f"{path}:{number}: no log line with a step; repair or remove the line") from None
        for kind, name in (("train", "loss"), ("validation", "validation_loss")):
            loss = row.get(name)
            if loss is not None and math.isfinite(loss):
                curves[kind].append({"step": step, "loss": loss})
    return curves
