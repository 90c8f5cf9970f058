"""Tables that the report writes."""

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import Any

from workflow_scripts.common.files import write_table


def write_numbers(path: str | PathLike, rows: Iterable[Mapping[str, Any]], columns: list[str]) -> None:
    """Write rows as a table, fractional numbers to four decimals; ``None`` becomes an empty cell."""
    shown = [
        {name: f"{value:.4f}" if isinstance(value, float) else value for name, value in row.items()} for row in rows
    ]
    write_table(path, shown, columns)
