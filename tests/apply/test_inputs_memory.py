"""Memory does not grow with the number of records."""

import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workflow_scripts.apply.genome import open_genome
from workflow_scripts.apply.inputs import open_input

pytestmark = pytest.mark.slow
LETTERS = "ACGTTGCAAC" * 20
FEW = 10_000  # 2 MB, more than what readers of text and of columns read at once


def write_fasta(folder, count):
    path = folder / f"{count}.fa"
    path.write_text("".join(f">s{number}\n{LETTERS}\n" for number in range(count)))
    return path


def write_csv(folder, count):
    path = folder / f"{count}.csv"
    path.write_text("id,sequence\n" + "".join(f"s{number},{LETTERS}\n" for number in range(count)))
    return path


def write_parquet(folder, count, rows_of_a_group=2000):
    path = folder / f"{count}.parquet"
    # without a dictionary and compression, so that the file is as large as its letters
    table = pa.table({"sequence": [LETTERS] * count})
    pq.write_table(table, path, rows_of_a_group, use_dictionary=False, compression="none")
    return path


def write_one_row_group(folder, count):
    return write_parquet(folder, count, count)


def write_bed(folder, count):
    path = folder / f"{count}.bed"
    starts = (number % 1000 for number in range(count))
    path.write_text("".join(f"chr1\t{start}\t{start + 200}\t{LETTERS}\n" for start in starts))
    return path


def peak(records):
    """The most bytes of Python and of Arrow while the records are read, and how many records there are."""
    count, arrow, before = 0, 0, pa.total_allocated_bytes()
    tracemalloc.start()
    for _ in records:
        count += 1
        arrow = max(arrow, pa.total_allocated_bytes() - before)
    _, python = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return python + arrow, count


@pytest.mark.parametrize("write", [write_fasta, write_csv, write_parquet, write_one_row_group, write_bed])
def test_memory_is_that_of_some_records(tmp_path, write):
    (tmp_path / "g.fa").write_text(f">chr1\n{LETTERS * 200}\n")
    genome = open_genome(tmp_path / "g.fa", tmp_path / "index")
    peaks = []
    for count in (FEW, 4 * FEW):
        source = open_input(write(tmp_path, count), genome)
        if not peaks:
            list(source.records())  # caches of libraries
        found, records = peak(source.records())
        assert records == count
        peaks.append(found)
    assert peaks[1] < peaks[0] + 200_000  # the letters of the other records are 6 MB
