"""Intervals of a BED file: three columns or more, or ENCODE's narrowPeak; plain or compressed.

The format: https://genome.ucsc.edu/FAQ/FAQformat.html#format1 and #format12. Coordinates are 0-based and half-open.
"""

from pathlib import Path
from typing import NamedTuple

from workflow_scripts.common.annotation_lines import data_lines, parse_interval, parse_non_negative
from workflow_scripts.common.errors import UserError

NARROW_PEAK = 10  # columns; the last one is the offset of the summit from the start, -1 if none was called
STRANDS = ("+", "-", ".")


class Interval(NamedTuple):
    """A line: the interval, its strand (+ or -; + if it has none), its name (empty if none), and file:line."""

    contig: str
    start: int
    end: int
    strand: str
    name: str
    summit: int | None
    where: str


def read_bed(path: Path, summits: bool = False) -> list[Interval]:
    """The intervals in the order of the file, of which there is at least one.

    ``summits``: read the summits of narrowPeak; ``summit`` is None if none was called, and without this option.
    Raises UserError with file and line.
    """
    found = [
        _interval(text.split("\t") if "\t" in text else text.split(), where, summits)
        for where, text in data_lines(path)
    ]
    if not found:
        raise UserError(f"{path}: no interval; expected BED: contig, start and end in each line")
    return found


def _interval(fields: list[str], where: str, summits: bool) -> Interval:
    """The interval of a line."""
    cells = [field.strip() for field in fields]
    if len(cells) < 3:
        raise UserError(f"{where}: {len(cells)} columns; expected BED: contig, start, end")
    start, end = parse_interval(cells[1], cells[2], where)
    name, strand = (cells[column] if len(cells) > column else "." for column in (3, 5))
    if strand not in STRANDS:
        raise UserError(f"{where}: strand {strand!r} in column 6 is none of {', '.join(STRANDS)}")
    summit = _summit(cells, start, end, where) if summits else None
    return Interval(cells[0], start, end, strand.replace(".", "+"), "" if name == "." else name, summit, where)


def _summit(cells: list[str], start: int, end: int, where: str) -> int | None:
    """The position of the summit; None if none was called."""
    if len(cells) != NARROW_PEAK:
        raise UserError(
            f"{where}: {len(cells)} columns; a summit is column 10 of narrowPeak; set centre: middle for other BED"
        )
    if cells[-1] == "-1":
        return None
    offset = parse_non_negative(cells[-1], where, "summit offset")
    if offset > end - start:
        raise UserError(f"{where}: summit offset {offset} is outside the interval of {end - start} bp")
    return min(start + offset, end - 1)  # some released peaks have offset = length
