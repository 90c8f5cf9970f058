"""Work in blocks: the same results for any number of parts, and a killed job computes only what is missing."""

from argparse import ArgumentTypeError
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workflow_scripts.apply import blocks
from workflow_scripts.apply.blocks import Part, compute_part, joined, parse_part

SCHEMA = pa.schema([("number", pa.int64()), ("square", pa.int64())])


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 3)


def squares(numbers: list[int], seen: list[int]) -> pa.Table:
    """No row for multiples of five, so blocks differ in length."""
    seen += numbers
    kept = [number for number in numbers if number % 5]
    return pa.table({"number": kept, "square": [number**2 for number in kept]}, schema=SCHEMA)


def run(folder: Path, items: int, part: Part, seen: list[int]) -> Path:
    out = folder / f"{part.number}of{part.of}.parquet"
    compute_part(range(items), partial(squares, seen=seen), SCHEMA, part, folder / "state", out, "number")
    return out


@pytest.mark.parametrize("items", [0, 1, 3, 6, 20])
@pytest.mark.parametrize("parts", [1, 2, 3, 8])
def test_parts_join_in_the_order_of_the_items_and_compute_each_once(tmp_path, items, parts):
    seen: list[int] = []
    files = [run(tmp_path, items, Part(number, parts), seen) for number in range(1, parts + 1)]
    rows = [row for table in joined(files) for row in table.to_pylist()]
    assert rows == [{"number": n, "square": n**2} for n in range(items) if n % 5]
    assert sorted(seen) == list(range(items))
    assert not (tmp_path / "state").exists()


def test_a_killed_job_goes_on_and_writes_the_same_bytes(tmp_path):
    whole = run(tmp_path / "whole", 20, Part(1, 1), []).read_bytes()

    def dies(numbers: list[int]) -> pa.Table:
        if 9 in numbers:
            raise KeyboardInterrupt
        return squares(numbers, [])

    out = tmp_path / "killed" / "1of1.parquet"
    with pytest.raises(KeyboardInterrupt):
        compute_part(range(20), dies, SCHEMA, Part(1, 1), tmp_path / "killed" / "state", out, "number")
    assert not out.exists()
    seen: list[int] = []
    assert run(tmp_path / "killed", 20, Part(1, 1), seen).read_bytes() == whole
    assert seen == list(range(9, 20))


def test_results_of_another_form_than_promised_are_refused(tmp_path):
    with pytest.raises((pa.ArrowInvalid, ValueError)):
        compute_part(
            range(3), lambda _: pa.table({"other": [1]}), SCHEMA, Part(1, 1), tmp_path / "state", tmp_path / "out", "x"
        )


def test_a_part_is_read_from_the_command_line():
    assert parse_part("2/8") == Part(2, 8)
    for wrong in ("0/2", "3/2", "2", "a/b", "1/0", "-1/2"):
        with pytest.raises(ArgumentTypeError, match=wrong):
            parse_part(wrong)


def test_an_empty_part_is_a_table_without_rows(tmp_path):
    assert pq.read_table(run(tmp_path, 3, Part(2, 2), [])).schema.names == SCHEMA.names
