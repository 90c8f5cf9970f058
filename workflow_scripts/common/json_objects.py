"""Reads JSON files of the run that hold an object."""

import json
from os import PathLike
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json


def read_object(path: str | PathLike) -> dict[str, Any]:
    """Read a JSON file; UserError if it is missing, not JSON, or not an object."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; run the step that writes it, or leave out the option")
    try:
        value = read_json(path)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}:{error.lineno}: not JSON ({error.msg}); run the step that writes it again") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: contains a {type(value).__name__}, expected a JSON object")
    return value
