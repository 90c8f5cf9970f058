"""Schemas of tables, and the mistakes of tables and of whatever else has a schema, one line each."""

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import numbered_rows

SCHEMAS = Path(__file__).resolve().parents[2] / "config" / "schemas"


def schema(name: str) -> dict[str, Any]:
    """The JSON schema of the configuration or of a table, from config/schemas."""
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text(encoding="utf-8"))


def schema_errors(value: Any, rules: dict[str, Any], place: str) -> Iterator[str]:
    """One line for each way in which ``value`` breaks a schema."""
    errors = Draft202012Validator(rules).iter_errors(value)
    in_order = sorted(errors, key=lambda error: [str(part) for part in error.absolute_path])
    # each missing key is an error of its own, and the line names them all
    yield from dict.fromkeys(line for error in in_order for line in _in_words(error, place))


def _in_words(error: ValidationError, place: str) -> Iterator[str]:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path).lstrip(".")
    where = f"{place} {path}".strip()
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = sorted(error.schema.get("properties", {}))
        for key in sorted(set(error.instance) - set(known)):
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            yield f"{where}: unknown key {key!r}; {hint}"
    elif error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        yield f"{where}: {', '.join(missing)} missing; see the comments of config/config.yaml"
    elif error.validator == "type":
        yield f"{where}: {error.instance!r} is not of type {error.validator_value}"
    elif error.validator == "enum":
        yield f"{where}: {error.instance!r} is not one of {', '.join(map(str, error.validator_value))}"
    elif error.validator == "pattern" and error.instance == "":
        yield f"{where}: empty; a value is needed"
    elif error.validator == "pattern" and "must" in error.schema:
        yield f"{where}: {error.instance!r} must {error.schema['must']}"
    else:
        yield f"{where}: {error.message}"


def table_errors(path: str | Path, name: str, key: Iterable[str]) -> Iterator[str]:
    """One line for each row of a table that breaks its schema or repeats the key columns of an earlier row."""
    rules, seen = schema(name), {}
    key = tuple(key)
    try:
        for number, row in numbered_rows(path):
            yield from schema_errors(row, rules, f"{path}:{number}")
            identity = tuple(row.get(column) for column in key)
            if not any(identity):
                continue  # a species without an assembly yet
            if identity in seen:
                yield f"{path}:{number}: {'/'.join(map(str, identity))} stands already in line {seen[identity]}"
            seen.setdefault(identity, number)
    except UserError as error:
        yield str(error)
