"""Long work in blocks: finished blocks are kept, so a killed job goes on, and its parts can be jobs of their own.

A block is BLOCK items in a row. Part 2/8 computes the blocks 1, 9, 17 and so on, counted from 0. What a block holds
depends on its own items only, so the joined parts are the same bytes for any number of them.
"""

import shutil
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.common.files import atomic
from workflow_scripts.common.locks import locked
from workflow_scripts.common.progress import Progress

BLOCK = 512
T = TypeVar("T")


class Part(NamedTuple):
    """One of several jobs that share the work; ``number`` counts from 1."""

    number: int
    of: int


WHOLE = Part(1, 1)


def parse_part(text: str) -> Part:
    """For argparse: ``2/8`` is the second of eight parts."""
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise ArgumentTypeError(f"{text!r} is no part, such as 1/1 or 2/8")
    return Part(int(number), int(of))


def compute_part(
    items: Iterable[T],
    compute: Callable[[list[T]], pa.Table],
    schema: pa.Schema,
    part: Part,
    state: Path,
    out: Path,
    unit: str,
    size: int | None = None,
) -> None:
    """Write the results of a part's blocks to ``out`` (parquet), each a row group of its own.

    ``compute``: the results of the items of a block, with the columns of ``schema``, any number of rows. ``state``: a
    folder for finished blocks, which is removed at the end; its name must tell everything that the results depend on.
    ``unit``: what an item is called in the progress. ``size``: items of a block, if they take long; else BLOCK.
    """
    with locked(state / "lock", f"{state}: another process computes this part; wait for it or end it"):
        numbers = []
        with Progress(None, unit, f"part {part.number} of {part.of}") as progress:
            for number, block in enumerate(blocks(items, size or BLOCK)):
                if number % part.of != part.number - 1:
                    continue
                numbers.append(number)
                if not (path := state / f"{number}.parquet").is_file():
                    with atomic(path) as temporary:
                        pq.write_table(compute(block).cast(schema), temporary)
                progress.step(len(block))
        out.parent.mkdir(parents=True, exist_ok=True)
        with atomic(out) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for number in numbers:
                table = pq.read_table(state / f"{number}.parquet")
                writer.write_table(table, row_group_size=max(len(table), 1))
        shutil.rmtree(state)
        with suppress(OSError):  # that of other parts is still there
            state.parent.rmdir()


def blocks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items, ``size`` at a time."""
    rest = iter(items)
    while block := list(islice(rest, size)):
        yield block


def joined(parts: Sequence[Path]) -> Iterator[pa.Table]:
    """The results of all blocks in their order; ``parts``: the files of all parts in theirs."""
    files = [pq.ParquetFile(path) for path in parts]
    for number in range(sum(file.num_row_groups for file in files)):
        yield files[number % len(files)].read_row_group(number // len(files))
