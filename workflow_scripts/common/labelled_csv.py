"""CSV files of labelled sequences as this workflow writes them: a header that ends in label, then rows of one or two
sequences and a label. Files as people have them are read by labelled_file.py."""

import csv
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.letters import canonical, unknown_letters

MARK = "\ufeff"  # byte-order mark, with which spreadsheets begin a file
csv.field_size_limit(2**31 - 1)  # a sequence may be longer than csv's 131,072 characters


def parse_class(text: str) -> int:
    """The number of a class. Raises ValueError with the problem, to follow "label ..."."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("is not a class; number classes from 0")
    return int(text)


def parse_number(text: str) -> float:
    """A finite number. Raises ValueError as :func:`parse_class` does."""
    try:
        number = math.nan if "_" in text else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("is not a number")
    return number


def parse_properties(text: str) -> tuple[int, ...]:
    """A 0 or 1 for each of several properties. Raises ValueError as :func:`parse_class` does."""
    if not re.fullmatch("[01](;[01])*", text):
        raise ValueError("is not a 0 or 1 for each property, such as 0;1;1")
    return tuple(map(int, text.split(";")))


def count_letters(sequences: list[str], letters: Counter[str]) -> None:
    """Count a row with lower case or U among its letters, and its unknown letters."""
    text = "".join(sequences)
    letters["rows with lower case"] += not text.isupper()
    letters["rows with U"] += "U" in text or "u" in text
    letters["unknown letters"] += unknown_letters(text)


def labelled_rows(
    lines: Iterable[str], where: str, letters: Counter[str] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Each row with its place, ``file:line``, the header first; empty lines are skipped.

    Sequences are in canonical letters (letters.py); ``letters`` counts how they were written (:func:`count_letters`).
    ``where`` names the file. Raises UserError with the place for another header, a row whose columns do not match the
    header, a sequence with other letters, and a line that is not CSV.
    """
    rows = csv.reader(lines)
    try:
        header = next(rows, [])
        if len(header) not in (2, 3) or header[-1] != "label":
            shown = ",".join(header)[:60]
            raise UserError(f"{where}:1: header {shown!r}; expected 'sequence,label' or two sequences and label")
        yield f"{where}:1", [header[0].removeprefix(MARK), *header[1:]]
        for row in filter(None, rows):
            if len(row) != len(header):
                raise UserError(f"{where}:{rows.line_num}: {len(row)} columns where the header has {len(header)}")
            if letters is not None:
                count_letters(row[:-1], letters)
            yield f"{where}:{rows.line_num}", [*map(canonical, row[:-1]), row[-1]]
    except csv.Error as error:
        raise UserError(f"{where}:{rows.line_num}: not CSV ({error})") from error
    except ValueError as error:
        raise UserError(f"{where}:{rows.line_num}: {error}") from error
