"""Tables with columns of numbers: writing them rounded, and reading them back as numbers."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import numbered_rows, write_table


def write_numbers(path: str | PathLike, rows: Iterable[Mapping[str, Any]], columns: list[str]) -> None:
    """Write rows as a table, floating-point numbers to four decimals; ``None`` becomes an empty cell."""
    rounded = [
        {name: f"{value:.4f}" if isinstance(value, float) else value for name, value in row.items()} for row in rows
    ]
    write_table(path, rounded, columns)


def read_numbers(path: str | PathLike, integers: Sequence[str], decimals: Sequence[str]) -> list[dict[str, Any]]:
    """Read a table, with the columns ``integers`` and ``decimals`` as numbers and ``None`` for an empty cell.

    Raises UserError with the line for a missing column or a cell that is not a number.
    """
    rows = []
    for line, texts in numbered_rows(path):
        row: dict[str, Any] = dict(texts)
        try:
            row |= {name: int(texts[name]) if texts[name] else None for name in integers}
            row |= {name: float(texts[name]) if texts[name] else None for name in decimals}
        except KeyError as error:
            raise UserError(f"{path}:{line}: no column {error.args[0]}; make the table again") from None
        except ValueError as error:
            raise UserError(f"{path}:{line}: {error}; make the table again") from None
        rows.append(row)
    return rows
