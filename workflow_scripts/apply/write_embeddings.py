"""Join the parts of embed into arrays that people open, with an index that says what each vector stands for.

In:  the files of all parts in their order, and the input that they were computed from.
Out: the folder ``--out`` with, as ``--formats`` says,
     embeddings.parquet   a row a vector: what it stands for, the input's own columns, and the vector
     embeddings.npy       the vectors [rows, size], float32, and index.tsv.gz, a line for each
     embeddings.h5ad      the same for AnnData and scanpy (X, and the index as obs); needs the memory of all vectors
     record.json          what was applied to what, and counts

There is one vector for each record, or one for each of its tokens or bases (``from`` and ``to``, bases of the record
counted from 0). A record of several windows gets the mean over them, each by the share of the bases that belong to it.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.apply import options
from workflow_scripts.apply.blocks import joined
from workflow_scripts.apply.records import Input, Record
from workflow_scripts.apply.results import Table, kept_columns, length_of, place_cells, place_columns
from workflow_scripts.apply.windows import place_of
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic_directory, digest, write_json

POOLED = ("mean", "first")
ROW_GROUP = 8192
FORMATS = ("parquet", "npy", "h5ad")


class Embedded(NamedTuple):
    """Vectors of a record: of each the first base and the end [rows, 2], and the vectors [rows, size]."""

    record: Record
    bounds: np.ndarray
    vectors: np.ndarray


class Piece(NamedTuple):
    """Rows of a part that are of one record: its number, the end of the last window, and as in Embedded."""

    number: int
    end: int
    bounds: np.ndarray
    vectors: np.ndarray


def embedded(tables: Iterable[pa.Table], source: Input, pooled: bool) -> Iterator[Embedded]:
    """The vectors of each record of the input, in pieces; of ``pooled`` ones the mean over the record's windows.

    Raises UserError if the results are of another input.
    """
    found = pieces(tables)
    grouped = groupby(means(found) if pooled else found, key=lambda piece: piece.number)
    for number, record in enumerate(source.records()):
        of, members = next(grouped, (-1, iter(())))
        end = 0
        for piece in members if of == number else ():
            yield Embedded(record, piece.bounds, piece.vectors)
            end = piece.end
        if end != length_of(record):
            raise UserError(f"record {number + 1}, {record.name}: the results are of another input; compute them again")
    if next(grouped, None) is not None:
        raise UserError("the results are of a longer input; compute them again")


def pieces(tables: Iterable[pa.Table]) -> Iterator[Piece]:
    """The rows of each table, record by record."""
    for table in tables:
        records, ends = table["record"].to_numpy(), table["end"].to_numpy()
        bounds = np.stack([table[name].to_numpy() for name in ("first", "last")], axis=1)
        vectors = vectors_of(table)
        edges = [0, *(np.flatnonzero(np.diff(records)) + 1).tolist(), len(records)]
        for start, stop in pairwise(edges):
            yield Piece(int(records[start]), int(ends[stop - 1]), bounds[start:stop], vectors[start:stop])


def means(found: Iterable[Piece]) -> Iterator[Piece]:
    """The mean vector of each record over its windows, each by the number of bases that belong to it."""
    for number, members in groupby(found, key=lambda piece: piece.number):
        total: Any = 0.0
        letters = end = 0
        for piece in members:
            widths = piece.bounds[:, 1] - piece.bounds[:, 0]
            total = total + widths @ piece.vectors.astype(np.float64)
            letters, end = letters + int(widths.sum()), piece.end
        yield Piece(number, end, np.array([[0, letters]]), (total / letters).astype(np.float32)[None])


def vectors_of(table: pa.Table) -> np.ndarray:
    """The column ``vector`` [rows, size]."""
    column = table["vector"].combine_chunks()
    return column.flatten().to_numpy().reshape(len(table), column.type.list_size)


def index_rows(found: Embedded) -> list[list[Any]]:
    """Name, place, first base and end of each vector, and the columns of its record."""
    record = found.record
    rows: list[list[Any]] = []
    for start, end in found.bounds.tolist():
        place = record.place and place_of(record.place, start, end)
        rows.append([record.name, *place_cells(place), start, end, *record.columns])
    return rows


class Writers:
    """The files of an output that are written vector by vector: an array, its index, and a parquet file."""

    def __init__(self, folder: Path, shape: tuple[int, int], source: Input, formats: Sequence[str]) -> None:
        fixed = ["name", *place_columns(source), "from", "to"]
        self.columns = [*fixed, *kept_columns(source, fixed)]
        self.rows = 0
        self.waiting: list[pa.RecordBatch] = []
        self.array = self.index = self.parquet = None
        vector = ("vector", pa.list_(pa.float32(), shape[1]))
        self.schema = pa.schema([*((name, pa.string()) for name in self.columns), vector])
        if "parquet" in formats:
            self.parquet = pq.ParquetWriter(folder / "embeddings.parquet", self.schema, compression="zstd")
        if "npy" in formats or "h5ad" in formats:
            self.array = np.lib.format.open_memmap(folder / "embeddings.npy", "w+", np.float32, shape)
            self.index = Table(folder / "index.tsv.gz", self.columns)

    def write(self, found: Embedded) -> None:
        """Add the vectors of a record."""
        rows = index_rows(found)
        if self.array is not None and self.index is not None:
            self.array[self.rows : self.rows + len(rows)] = found.vectors
            for row in rows:
                self.index.write(row)
        if self.parquet is not None:
            flat = pa.FixedSizeListArray.from_arrays(found.vectors.reshape(-1), found.vectors.shape[1])
            cells = [pa.array(map(str, cells)) for cells in zip(*rows, strict=True)]
            self.waiting.append(pa.record_batch([*cells, flat], schema=self.schema))
            if sum(map(len, self.waiting)) >= ROW_GROUP:
                self._flush()
        self.rows += len(rows)

    def _flush(self) -> None:
        """Write the waiting rows as one group: groups of a row each are five times as large."""
        if self.parquet is not None and self.waiting:
            self.parquet.write_table(pa.Table.from_batches(self.waiting))
            self.waiting.clear()

    def close(self) -> None:
        """Finish all files."""
        self._flush()
        for open_file in (self.parquet, self.index):
            if open_file is not None:
                open_file.close()
        if self.array is not None:
            self.array.flush()


def write_h5ad(folder: Path) -> None:
    """Write embeddings.h5ad from the array and its index."""
    import anndata  # seconds of imports, for this format only
    import pandas as pd

    index = pd.read_csv(folder / "index.tsv.gz", sep="\t", dtype=str, keep_default_na=False)
    index.index = index.index.astype(str)
    vectors = np.load(folder / "embeddings.npy", mmap_mode="r")
    anndata.AnnData(np.asarray(vectors), obs=index).write_h5ad(folder / "embeddings.h5ad")


def build_parser() -> ArgumentParser:
    parser = options.parser_of(__doc__)
    options.joining_options(parser, "embed")
    options.input_options(parser, "the input that they were computed from")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=["parquet"], help="see above")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    source = options.open_source(args)
    files = [pq.ParquetFile(path) for path in args.parts]
    meaning = json.loads(files[0].schema_arrow.metadata[b"embeddings"])
    pooled = meaning["pooling"] in POOLED
    records = sum(1 for _ in source.records())
    rows = records if pooled else sum(file.metadata.num_rows for file in files)
    shape = (rows, files[0].schema_arrow.field("vector").type.list_size)
    with atomic_directory(args.out) as folder:
        writers = Writers(folder, shape, source, args.formats)
        for found in embedded(joined(args.parts), source, pooled):
            writers.write(found)
        writers.close()
        if "h5ad" in args.formats:
            write_h5ad(folder)
        if "npy" not in args.formats:
            for name in ("embeddings.npy", "index.tsv.gz"):
                (folder / name).unlink(missing_ok=True)
        applied = {"do": "embed", "input": str(args.input), "input_sha256": digest(args.input)}
        write_json(folder / "record.json", applied | meaning | {"records": records, "rows": rows, "size": shape[1]})


if __name__ == "__main__":
    sys.exit(main())
