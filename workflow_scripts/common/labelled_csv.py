"""CSV files of labelled sequences: a header that ends in label, then rows of one sequence, or two, and a label."""

import csv
from collections.abc import Iterable, Iterator

from workflow_scripts.common.errors import UserError

MARK = "\ufeff"  # spreadsheets begin a file with it


def labelled_rows(lines: Iterable[str], where: str) -> Iterator[tuple[str, list[str]]]:
    """Each row with its place, ``file:line``, the header first; empty lines are passed over.

    ``where`` names the file. Raises UserError with its place for another header, a row with more or fewer columns than
    the header, and what is not CSV.
    """
    rows = csv.reader(lines)
    try:
        header = next(rows, [])
        if len(header) not in (2, 3) or header[-1] != "label":
            told = ",".join(header)[:60]
            raise UserError(f"{where}:1: header {told!r}; expected 'sequence,label' or two sequences and label")
        yield f"{where}:1", [header[0].removeprefix(MARK), *header[1:]]
        for row in rows:
            if row and len(row) != len(header):
                raise UserError(f"{where}:{rows.line_num}: {len(row)} columns where the header has {len(header)}")
            if row:
                yield f"{where}:{rows.line_num}", row
    except csv.Error as error:
        raise UserError(f"{where}:{rows.line_num}: not CSV ({error})") from error
