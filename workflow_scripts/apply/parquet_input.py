"""Sequences from parquet files, with all other columns as text."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.apply.records import Input, Record
from workflow_scripts.apply.table_input import Columns, find_columns
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_file import SAMPLE

MAGIC = b"PAR1"
BATCH = 1024  # rows in memory
BUFFER = 1 << 20  # bytes of a column that are read at once


def parquet_input(path: Path) -> Input:
    """The rows of a parquet file; the columns are known by name and letters as those of CSV files.

    Raises UserError if no column holds sequences, and while reading for a row that is wrong.
    """
    with damage(path):
        file = open_parquet(path)
        sample = next(batches(file, SAMPLE), None)
    if sample is None:
        raise UserError(f"{path}: no rows")
    names = file.schema_arrow.names
    try:
        columns = find_columns(names, sample)
    except ValueError as error:
        raise UserError(f"{path}: columns {', '.join(names)[:60]}; {error}") from None
    return Input(tuple(names[column] for column in columns.others), lambda: read_rows(path, columns))


def read_rows(path: Path, columns: Columns) -> Iterator[Record]:
    """The record of each row."""
    number = 0
    with damage(path):
        for cells in batches(open_parquet(path), BATCH):
            for row in zip(*cells, strict=True):
                number += 1
                try:
                    yield columns.record(row, number)
                except ValueError as error:
                    raise UserError(f"{path}: row {number}: {error}") from None


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a file for reading piece by piece; by default a row group is read whole, and those before it are kept."""
    return pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER)


def batches(file: pq.ParquetFile, size: int) -> Iterator[list[list[str]]]:
    """The cells of up to ``size`` rows at a time as text, [columns][rows]."""
    for batch in file.iter_batches(size):
        yield [list(map(text_of, column.to_pylist())) for column in batch.columns]


def text_of(value: Any) -> str:
    """A value as it would be in a CSV file."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return "" if value is None else str(value)


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what a damaged file raises into a UserError."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: damaged or truncated parquet file ({reason}); copy it again") from None
