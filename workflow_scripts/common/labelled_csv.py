"""CSV files of labelled sequences: a header that ends in label, then rows of one or two sequences and a label."""

import csv
from collections.abc import Iterable, Iterator

from workflow_scripts.common.errors import UserError

MARK = "\ufeff"  # byte-order mark, with which spreadsheets begin a file


def labelled_rows(lines: Iterable[str], where: str) -> Iterator[tuple[str, list[str]]]:
    """Each row with its place, ``file:line``, the header first; empty lines are skipped.

    ``where`` names the file. Raises UserError with the place for another header, a row whose columns do not match the
    header, and a line that is not CSV.
    """
    rows = csv.reader(lines)
    try:
        header = next(rows, [])
        if len(header) not in (2, 3) or header[-1] != "label":
            shown = ",".join(header)[:60]
            raise UserError(f"{where}:1: header {shown!r}; expected 'sequence,label' or two sequences and label")
        yield f"{where}:1", [header[0].removeprefix(MARK), *header[1:]]
        for row in rows:
            if row and len(row) != len(header):
                raise UserError(f"{where}:{rows.line_num}: {len(row)} columns where the header has {len(header)}")
            if row:
                yield f"{where}:{rows.line_num}", row
    except csv.Error as error:
        raise UserError(f"{where}:{rows.line_num}: not CSV ({error})") from error
