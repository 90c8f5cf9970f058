"""Schemas of tables, and the mistakes of tables, one line each."""

import difflib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import numbered_rows

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

SCHEMAS = Path(__file__).resolve().parents[2] / "config" / "schemas"


def schema(name: str) -> dict[str, Any]:
    """The JSON schema of a table's rows, from config/schemas."""
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text(encoding="utf-8"))


@cache
def _validator(name: str) -> "Draft202012Validator":
    from jsonschema import Draft202012Validator  # 0.1 s, for those alone who read a table

    return Draft202012Validator(schema(name))


def table_errors(path: str | Path, name: str, key: Iterable[str]) -> Iterator[str]:
    """One line for each row of a table that breaks its schema or repeats the key columns of an earlier row."""
    key = tuple(key)
    seen: dict[tuple[str | None, ...], int] = {}
    try:
        for number, row in numbered_rows(path):
            yield from _row_errors(row, name, f"{path}:{number}")
            identity = tuple(row.get(column) for column in key)
            if not any(identity):
                continue  # a species without an assembly yet
            if identity in seen:
                yield f"{path}:{number}: {'/'.join(map(str, identity))} is already in line {seen[identity]}"
            seen.setdefault(identity, number)
    except UserError as error:
        yield str(error)


def _row_errors(row: dict[str, str], name: str, place: str) -> Iterator[str]:
    """One line for each way in which a row breaks a schema."""
    in_order = sorted(_validator(name).iter_errors(row), key=lambda error: [*map(str, error.absolute_path)])
    # each missing column is an error of its own, and the line names them all
    yield from dict.fromkeys(line for error in in_order for line in _in_words(error, place))


def _in_words(error: "ValidationError", place: str) -> Iterator[str]:
    where = " ".join([place, *map(str, error.absolute_path)])
    rules: Any = error.schema
    wanted: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        known = sorted(rules["properties"])
        for column in sorted(set(instance) - set(known)):
            close = difflib.get_close_matches(str(column), known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            yield f"{where}: unknown column {column!r}; {hint}"
    elif error.validator == "required":
        missing = [column for column in wanted if column not in instance]
        yield f"{where}: {', '.join(missing)} missing; config/README.md lists the columns"
    elif error.validator == "enum":
        yield f"{where}: {instance!r} is not one of {', '.join(map(str, wanted))}"
    elif error.validator == "pattern" and instance == "":
        yield f"{where}: empty; a value is needed"
    elif error.validator == "pattern" and "must" in rules:
        yield f"{where}: {instance!r} must {rules['must']}"
    else:
        yield f"{where}: {error.message}"
