"""Reading the chunk files of the genomes stage (Parquet: contig, start, end, sequence, soft_masked, split)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from workflow_scripts.common.errors import UserError


def batches(path: str | Path, rows: int = 8192) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield (sequences, validation flags) of up to ``rows`` chunks, in file order."""
    for batch in pq.ParquetFile(path).iter_batches(rows, columns=["sequence", "split"]):
        split = batch.column("split").to_numpy(zero_copy_only=False)
        yield batch.column("sequence").to_pylist(), split == "validation"


def training_bases(path: str | Path) -> int:
    """Number of bases in the training chunks of one file, without reading the sequences."""
    table = pq.read_table(path, columns=["start", "end", "split"])
    lengths = table["end"].to_numpy() - table["start"].to_numpy()
    return int(lengths[table["split"].to_numpy() == "train"].sum())


def accession_of(path: str | Path) -> str:
    """The accession that names a chunk file, ``{accession}.parquet``."""
    path = Path(path)
    if path.suffix != ".parquet":
        raise UserError(f"{path}: not a chunk file; its name must be ACCESSION.parquet")
    return path.stem
