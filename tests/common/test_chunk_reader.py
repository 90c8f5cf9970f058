"""Chunks are read a batch at a time."""

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.common.chunk_reader import ROWS, read_batches


def most_memory(path):
    """The most bytes of Arrow while the batches of a file are read."""
    before = pa.total_allocated_bytes()
    return max(pa.total_allocated_bytes() - before for _ in read_batches(path))


def test_memory_does_not_grow_with_the_number_of_chunks(tmp_path):
    peaks = []
    for count in (2 * ROWS, 8 * ROWS):
        table = pa.table({"sequence": ["ACGT" * 25] * count, "split": ["train"] * count})
        path = tmp_path / f"{count}.parquet"
        pq.write_table(table, path, ROWS // 4, use_dictionary=["split"], compression="none")
        peaks.append(most_memory(path))
    assert peaks[1] < peaks[0] + 50 * ROWS  # the letters of the other chunks are 600 * ROWS
