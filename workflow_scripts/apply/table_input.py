"""Sequences from CSV and TSV files, with all other columns as they are written."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from workflow_scripts.apply.records import Input, Record
from workflow_scripts.common.column_roles import (
    IDS,
    LABELS,
    SEQUENCES,
    first_named,
    is_canonical,
    plain_name,
    refuse_twice,
    sequence_columns,
)
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_file import Head, cells_line, opened, read_head, table_rows
from workflow_scripts.common.letters import canonical


class Columns(NamedTuple):
    """The numbers of a table's columns: one sequence or two, the id if there is one, and all others."""

    sequences: tuple[int, ...]
    id: int | None
    others: tuple[int, ...]

    def record(self, cells: Sequence[str], number: int) -> Record:
        """The record of a row; ``number`` counts from 1. Raises ValueError with the problem, to follow the place."""
        sequences = tuple(canonical(cells[column]) for column in self.sequences)
        name = "" if self.id is None else " ".join(cells[self.id].split())
        text = (sequences[0], sequences[1]) if len(sequences) > 1 else sequences[0]
        return Record(name or str(number), text, tuple(cells[column] for column in self.others))


def find_columns(names: Sequence[str], cells: Sequence[Sequence[str]]) -> Columns:
    """The columns of these names; ``cells`` of some rows, [columns][rows]. Raises ValueError as find_roles does."""
    plain = [plain_name(name) for name in names]
    refuse_twice(plain)
    sequences, identity = sequence_columns(plain, cells, first_named(plain, LABELS)), first_named(plain, IDS)
    if any(is_canonical(names[column]) and plain[column] not in SEQUENCES for column in sequences):
        raise ValueError("a sequence where names of columns are expected; add a first line such as 'sequence'")
    others = tuple(column for column in range(len(names)) if column not in (*sequences, identity))
    return Columns(sequences, identity, others)


def table_input(path: Path) -> Input:
    """The rows of a table in any of the ways that labelled_file.py reads; the label is optional.

    Raises UserError with file and line if no column holds sequences, and while reading for a row that is wrong.
    """
    head = read_head(path)
    with head.mistakes():
        columns = find_columns(head.names, head.columns())
    return Input(tuple(head.names[column] for column in columns.others), lambda: read_rows(head, columns))


def read_rows(head: Head, columns: Columns) -> Iterator[Record]:
    """The records of the rows after the header."""
    with opened(head.path, head.encoding) as lines:
        rows = table_rows(lines, head.separator)
        next(rows)
        try:
            for number, (line, cells) in enumerate(rows, start=1):
                if len(cells) != len(head.names):
                    raise UserError(f"{head.path}:{line}: {len(cells)} columns where the header has {len(head.names)}")
                try:
                    yield columns.record(cells, number)
                except ValueError as error:
                    raise UserError(f"{head.path}:{line}: {error}") from None
        except csv.Error as error:
            raise UserError(f"{head.path}:{cells_line(error)}: not CSV ({error.args[0]}); check the quotes") from None
