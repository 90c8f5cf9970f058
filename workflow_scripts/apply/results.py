"""Results by record: the windows of each with its name, its columns and its place, and tables of them."""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
import pyarrow as pa

from workflow_scripts.apply.records import Input, Place, Record
from workflow_scripts.apply.windows import owned
from workflow_scripts.common.errors import UserError
from workflow_scripts.inference.encoding import sequences_of

PLACE = ("contig", "start", "end", "strand")


class Applied(NamedTuple):
    """A record and the results of its windows, rows of the parts' columns; ``shares`` [windows], the share of its bases
    that belong to each, see windows.owned."""

    record: Record
    windows: list[dict[str, Any]]
    shares: np.ndarray


def by_record(tables: Iterable[pa.Table], source: Input) -> Iterator[Applied]:
    """Each record of the input with its results. Raises UserError if the results are of another input."""
    rows = (row for table in tables for row in table.to_pylist())
    grouped = groupby(rows, key=lambda row: row["record"])
    for number, record in enumerate(source.records()):
        found, windows = next(grouped, (-1, iter(())))
        results = list(windows)
        if found != number or results[-1]["end"] != length_of(record):
            raise UserError(f"record {number + 1}, {record.name}: the results are of another input; compute them again")
        parts = owned([(row["start"], row["end"]) for row in results])
        shares = np.array([end - start for start, end in parts]) / length_of(record)
        yield Applied(record, results, shares)
    if next(grouped, None) is not None:
        raise UserError("the results are of a longer input; compute them again")


def length_of(record: Record) -> int:
    """Letters of a record, of both sequences of a pair."""
    return sum(map(len, sequences_of(record.text)))


def kept_columns(source: Input, taken: Iterable[str]) -> list[str]:
    """The names of the input's own columns beside ``taken`` ones: one with the same name gets ``_of_input``."""
    names, used = [], {*taken}
    for name in source.columns:
        while name in used:
            name += "_of_input"
        names.append(name)
        used.add(name)
    return names


def place_columns(source: Input) -> tuple[str, ...]:
    """PLACE for intervals, else nothing."""
    return PLACE if source.places else ()


def place_cells(place: Place | None) -> list[str]:
    """The cells of place_columns."""
    return [] if place is None else [str(value) for value in place]


class Table:
    """A tab-separated table that is written line by line, gzipped if its name ends in .gz."""

    def __init__(self, path: Path, columns: Sequence[str]):
        self.raw = path.open("wb")
        # without name and time, so that equal tables are equal bytes
        packed = gzip.GzipFile("", "wb", 6, self.raw, 0) if path.suffix == ".gz" else self.raw
        self.handle = io.TextIOWrapper(cast(BinaryIO, packed), "utf-8", newline="")
        self.lines = csv.writer(self.handle, delimiter="\t", lineterminator="\n")
        self.lines.writerow(columns)

    def __enter__(self) -> "Table":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Finish the file."""
        self.handle.close()
        self.raw.close()  # GzipFile leaves it open

    def write(self, cells: Iterable[object]) -> None:
        """A line; numbers with six digits."""
        self.lines.writerow([f"{cell:.6g}" if isinstance(cell, float) else cell for cell in cells])
