"""Reads the chunk files of the genomes stage (Parquet: contig, start, end, sequence, soft_masked, split)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table

ROWS = 8192  # chunks that are read at a time


@contextmanager
def chunk_file_errors(path: str | Path) -> Iterator[None]:
    """Turn the errors of a file that is damaged or no chunk file into a UserError that names it."""
    try:
        yield
    except (OSError, KeyError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path}: not a chunk file ({reason}); remove it and run the workflow again") from None


def read_batches(path: str | Path) -> Iterator[tuple[pa.Array, np.ndarray]]:
    """Yield (sequences, validation flags) of up to ROWS chunks, in file order. Raises UserError for a damaged file."""
    with chunk_file_errors(path):
        # by default all that was read would stay in memory
        chunks = pq.ParquetFile(path, pre_buffer=False)
        for batch in chunks.iter_batches(ROWS, columns=["sequence", "split"]):
            validation = pc.equal(batch.column("split"), "validation")
            yield batch.column("sequence"), validation.to_numpy(zero_copy_only=False)


def letters(sequences: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The letters of all sequences end to end (uint8), and where each begins and the last one ends (n + 1,)."""
    _, offsets, data = sequences.buffers()
    ends = np.frombuffer(offsets, np.int32)[sequences.offset : sequences.offset + len(sequences) + 1]
    return np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8), ends


def training_lengths(path: str | Path) -> np.ndarray:
    """Bases in each training chunk of one file, in file order (int32), without reading the sequences."""
    with chunk_file_errors(path):
        table = pq.read_table(path, columns=["start", "end", "split"])
        lengths = table["end"].to_numpy() - table["start"].to_numpy()
        return lengths[pc.equal(table["split"], "train").to_numpy()].astype(np.int32)


def accession_of(path: str | Path) -> str:
    """The accession that names a chunk file, ``{accession}.parquet``."""
    path = Path(path)
    if path.suffix != ".parquet":
        raise UserError(f"{path}: not a chunk file; its name must be ACCESSION.parquet")
    return path.stem


def read_groups(corpus: Path | None) -> dict[str, str] | None:
    """The group of each accession, from the corpus table; None without a table."""
    return {row["accession"]: row["group"] for row in read_table(corpus)} if corpus else None


def group_of(path: Path, groups: dict[str, str] | None) -> str:
    """The group of a chunk file's genome; without ``groups`` all genomes are one group, ``all``."""
    if groups is None:
        return "all"
    accession = accession_of(path)
    if accession not in groups:
        raise UserError(f"{path}: {accession} is not in the corpus table; give the table of these chunk files")
    return groups[accession]
