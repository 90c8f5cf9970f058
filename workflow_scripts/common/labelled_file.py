"""Files of labelled sequences as people have them: how one is written, which column is what, and its rows.

Accepted are plain and gzipped text in UTF-8, UTF-16 and UTF-32, with or without a byte-order mark; columns separated
by commas, semicolons or tabs; any line ends; column names in either case and with blanks. Columns are known by name and
by their letters (column_roles.py).
"""

import codecs
import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO, NamedTuple, TextIO

from workflow_scripts.common.column_roles import Roles, find_roles, known_names
from workflow_scripts.common.compression import compression_of
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_csv import MARK, count_letters
from workflow_scripts.common.letters import canonical

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
ENCODINGS = (  # the longer marks first: that of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
SAMPLE = 200  # rows whose letters tell what a column holds
NAMED = 5  # mistakes of one file that are reported in full


class Row(NamedTuple):
    """One row: its line, its sequences in canonical letters, and the texts of label, id and split, empty if none."""

    line: int
    sequences: tuple[str, ...]
    label: str
    id: str
    split: str


@dataclass
class Mistakes:
    """What is wrong with some files, one line each: the first of every file, and how many more there are."""

    found: dict[str, list[str]] = field(default_factory=dict)

    def add(self, path: Path, line: int, problem: str) -> None:
        self.found.setdefault(str(path), []).append(f"{path}:{line}: {problem}")

    def lines(self) -> list[str]:
        shown = []
        for path, lines in self.found.items():
            more = len(lines) - NAMED
            shown += lines[:NAMED] + ([f"{path}: and {more:,} more mistakes"] if more > 0 else [])
        return shown

    def check(self) -> None:
        """Raise UserError with all mistakes, if there are any."""
        if self.found:
            raise UserError("\n".join(self.lines()))


@dataclass(frozen=True)
class LabelledFile:
    """A file that was understood: its encoding, the separator, the names of its columns, and what they are."""

    path: Path
    encoding: str
    separator: str
    names: tuple[str, ...]
    roles: Roles

    def without_split(self) -> "LabelledFile":
        """The same file with its column of splits, if any, ignored."""
        return replace(self, roles=replace(self.roles, split=None))

    def understood(self) -> str:
        """One line: how the file is written, and what its columns are taken for."""
        roles, used = self.roles, self.roles.used()
        parts = [f"{' and '.join(map(self._name, roles.sequences))} as sequence", f"{self._name(roles.label)} as label"]
        parts += [f"{self._name(roles.id)} as id"] if roles.id is not None else []
        parts += [f"{self._name(roles.split)} as split"] if roles.split is not None else []
        ignored = [self._name(column) for column in range(len(self.names)) if column not in used]
        ending = f"; ignored: {', '.join(ignored)}" if ignored else ""
        return f"{self.path}: {SEPARATORS[self.separator]}, {self.encoding}; {', '.join(parts)}{ending}"

    def _name(self, column: int) -> str:
        return repr(self.names[column])

    def rows(self, mistakes: Mistakes, letters: Counter[str]) -> Iterator[Row]:
        """The rows that can be used; what is wrong with the others is added to ``mistakes``.

        ``letters`` counts rows that were written with lower case or U, and unknown letters.
        """
        with opened(self.path, self.encoding) as lines:
            cells = table_rows(lines, self.separator)
            next(cells)
            try:
                for line, cells_of_row in cells:
                    try:
                        row = self._row(line, cells_of_row)
                    except ValueError as error:
                        mistakes.add(self.path, line, str(error))
                        continue
                    count_letters([cells_of_row[column] for column in self.roles.sequences], letters)
                    yield row
            except csv.Error as error:
                mistakes.add(self.path, cells_line(error), f"not CSV ({error.args[0]}); check the quotes")

    def _row(self, line: int, cells: list[str]) -> Row:
        """The row of these cells. Raises ValueError with what is wrong with them."""
        if len(cells) != len(self.names):
            more = len(cells) > len(self.names)
            hint = "; put a label such as 0;1 in quotes" if self.separator == ";" and more else ""
            raise ValueError(f"{len(cells)} columns where the header has {len(self.names)}{hint}")
        sequences = tuple(canonical(cells[column]) for column in self.roles.sequences)
        label = cells[self.roles.label]
        if is_missing(label):
            raise ValueError(f"label {label!r} is missing; add it or remove the row")
        identity, split = ("" if column is None else cells[column] for column in (self.roles.id, self.roles.split))
        return Row(line, sequences, label, " ".join(identity.split()), split)


def is_missing(label: str) -> bool:
    """Whether a label is empty, or one of the words that programs write for that."""
    return label.casefold() in ("", "na", "nan", "n/a", "#n/a", "null")


def cells_line(error: csv.Error) -> int:
    """The line of an error that :func:`table_rows` has raised."""
    return error.args[1]


def table_rows(lines: TextIO, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each row, the header first, without blanks around cells and without empty cells at the end.

    Rows are as long as the header if only empty cells are beyond it; empty rows are skipped. Raises csv.Error with its
    line as a second argument.
    """
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)
    columns = 0
    try:
        for cells in reader:
            row = [cell.strip() for cell in cells]
            if not any(row):
                continue
            while len(row) > columns and not row[-1]:
                row.pop()
            columns = columns or len(row)
            yield reader.line_num, row
    except csv.Error as error:
        raise csv.Error(str(error), reader.line_num) from error


def understand(path: Path) -> LabelledFile:
    """How a file is written and what its columns are. Raises UserError with file and line if that is not clear."""
    head = read_head(path)
    with head.mistakes():
        roles = find_roles(head.names, head.columns())
    return LabelledFile(path, head.encoding, head.separator, tuple(head.names), roles)


@dataclass(frozen=True)
class Head:
    """How a table is written: the line and the names of its header, and the cells of its first SAMPLE rows."""

    path: Path
    encoding: str
    separator: str
    line: int
    names: list[str]
    sample: list[list[str]]

    def columns(self) -> list[list[str]]:
        """The cells of the sample, [columns][rows]."""
        return [[row[column] for row in self.sample if column < len(row)] for column in range(len(self.names))]

    @contextmanager
    def mistakes(self) -> Iterator[None]:
        """Turn a ValueError about the columns into a UserError with file, line and header."""
        try:
            yield
        except ValueError as error:
            header = self.separator.join(self.names)[:60]
            raise UserError(f"{self.path}:{self.line}: header {header!r}; {error}") from None


def read_head(path: Path) -> Head:
    """How a table is written. Raises UserError with file and line if it is not CSV or has no rows."""
    encoding = find_encoding(path)
    with opened(path, encoding) as lines:
        first = next((line for line in lines if line.strip()), "")
    tables = {mark: header_names(first, mark) for mark in SEPARATORS}
    separator = max(tables, key=lambda mark: (known_names(tables[mark]), len(tables[mark])))
    with opened(path, encoding) as lines:
        try:
            rows = list(islice(table_rows(lines, separator), 1 + SAMPLE))
        except csv.Error as error:
            raise UserError(f"{path}:{cells_line(error)}: not CSV ({error.args[0]}); check the quotes") from None
    if len(rows) < 2:
        raise UserError(f"{path}:1: no rows; expected a header such as 'sequence,label', and rows")
    (line, names), *sample = rows
    return Head(path, encoding, separator, line, names, [cells for _, cells in sample])


def header_names(line: str, separator: str) -> list[str]:
    """The names in a header, if this is the separator."""
    return [name.strip() for name in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]


def find_encoding(path: Path) -> str:
    """The encoding of a text, by its byte-order mark or by the zeros of UTF-16; else UTF-8."""
    with binary(path) as handle:
        head = handle.read(4096)
    if head.startswith(b"PK\x03\x04"):
        raise UserError(f"{path}: an archive or a spreadsheet; export the table as CSV")
    for mark, encoding in ENCODINGS:
        if head.startswith(mark):
            return encoding
    if b"\0" in head:
        return "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    return "utf-8"


@contextmanager
def binary(path: Path) -> Iterator[IO[bytes]]:
    """A plain or gzipped file for reading; its first bytes decide. Raises UserError if it is damaged."""
    gzipped = compression_of(path) == "gzip"
    try:
        with gzip.open(path) if gzipped else path.open("rb") as opened_file:
            yield opened_file  # type: ignore[misc]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: a damaged gzip file ({error}); copy it again") from error


@contextmanager
def opened(path: Path, encoding: str) -> Iterator[TextIO]:
    """The text of a file with universal line ends, without its byte-order mark. Raises UserError if it is not text."""
    with binary(path) as handle:
        text = TextIOWrapper(handle, encoding=encoding, newline=None)
        try:
            if text.read(1) != MARK:
                text.seek(0)
            yield text
        except UnicodeDecodeError as error:
            line = undecodable_line(path, encoding)
            raise UserError(f"{path}:{line}: not {encoding.upper()} ({error.reason}); save it as UTF-8") from error


def undecodable_line(path: Path, encoding: str) -> int:
    """The line with the first bytes that are not of this encoding."""
    with binary(path) as handle:
        readable = TextIOWrapper(handle, encoding=encoding, errors="surrogateescape", newline=None)
        for line, text in enumerate(readable, start=1):
            if any("\udc80" <= letter <= "\udcff" for letter in text):
                return line
    return 1
