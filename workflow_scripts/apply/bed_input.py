"""Intervals of a BED file and the letters of the genome under them.

BED: https://genome.ucsc.edu/FAQ/FAQformat.html#format1. Three to any number of columns, separated by tabs or else by
blanks; coordinates count from 0, the end is not included. An interval with blocks (BED12) is taken whole.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.apply.genome import Genome
from workflow_scripts.apply.records import Input, Place, Record
from workflow_scripts.common.annotation_lines import nonempty_lines, parse_interval
from workflow_scripts.common.column_roles import IDS, SEQUENCES, first_named, plain_name, refuse_twice
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement

PLACE = 3  # columns of contig, start and end
THICK = ("thickStart", "thickEnd", "itemRgb", "blockCount", "blockSizes", "blockStarts")
PEAKS = ("signalValue", "pValue", "qValue", "peak")  # of broadPeak, and the summit of narrowPeak
NUMBER = re.compile(r"-?\d+(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
FILE_NAME = re.compile(r".*\.(bed\d*|narrowpeak|broadpeak|gappedpeak)(\.gz)?", re.IGNORECASE)
# of a header without #; seqnames is none of them, because the coordinates of Bioconductor's tables count from 1
HEADER = ({"chrom", "chr", "chromosome", "contig"}, {"start", "chromstart"}, {"end", "chromend", "stop"})


@dataclass(frozen=True)
class Layout:
    """Where a file has what: the number of columns, those of name and strand, if any, and those that are kept."""

    count: int
    name: int | None
    strand: int | None
    kept: tuple[int, ...]

    def place(self, cells: Sequence[str], where: str) -> Place:
        """Raises UserError with what is wrong with the cells of the line ``where``."""
        if len(cells) < PLACE:
            raise UserError(f"{where}: {len(cells)} columns; expected contig, start and end, separated by tabs")
        if len(cells) != self.count:
            raise UserError(f"{where}: {len(cells)} columns where the first interval has {self.count}")
        strand = "." if self.strand is None else cells[self.strand]
        if strand not in ("+", "-", "."):
            raise UserError(f"{where}: strand {strand!r}; expected +, - or .")
        return Place(cells[0], *parse_interval(cells[1], cells[2], where), strand)

    def name_of(self, cells: Sequence[str], place: Place) -> str:
        """The name of an interval, its place if it has none."""
        if self.name is not None and cells[self.name] not in ("", "."):
            return cells[self.name]
        strand = "" if place.strand == "." else f"({place.strand})"
        return f"{place.contig}:{place.start}-{place.end}{strand}"


def is_bed(path: Path, head: str) -> bool:
    """Whether a file with this beginning has intervals: by its first line that is no comment, or by its name."""
    headers: list[list[str]] = []
    _, cells = next(intervals((("", line) for line in head.splitlines()), headers), ("", []))
    has_numbers = len(cells) >= PLACE and all(cell.isdecimal() for cell in cells[1:PLACE])
    return bool(headers or has_numbers or FILE_NAME.fullmatch(path.name))


def is_header(cells: Sequence[str]) -> bool:
    """Whether these are names of columns, those of a place first, and of no column with sequences."""
    names = [plain_name(cell) for cell in cells]
    of_place = len(names) >= PLACE and all(name in known for name, known in zip(names, HEADER, strict=False))
    return of_place and first_named(names, SEQUENCES) is None


def bed_input(path: Path, genome: Genome | None) -> Input:
    """The intervals of a file, in the direction of their strand; columns after the name are kept, but for the strand.

    Raises UserError if there is no genome or no interval, and while reading for a line that is wrong.
    """
    if genome is None:
        raise UserError(f"{path}: intervals need their genome; give a FASTA or .2bit file as --genome")
    headers: list[list[str]] = []
    where, cells = next(intervals(nonempty_lines(path), headers), ("", []))
    if not where:
        raise UserError(f"{path}: no interval; expected lines of contig, start and end")
    try:
        names = next((header for header in headers if len(header) == len(cells)), None) or standard_names(cells)
        refuse_twice(list(map(plain_name, names)))
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    plain = [plain_name(name) for name in names]
    strand = plain.index("strand") if "strand" in plain else None
    name = first_named(plain, IDS)
    kept = tuple(column for column in range(PLACE, len(names)) if column not in (name, strand))
    layout = Layout(len(cells), name, strand, kept)
    return Input(tuple(names[column] for column in kept), lambda: read_bed(path, genome, layout), places=True)


def read_bed(path: Path, genome: Genome, layout: Layout) -> Iterator[Record]:
    """The record of each interval."""
    for where, cells in intervals(nonempty_lines(path), []):
        place = layout.place(cells, where)
        try:
            letters = genome.fetch(place.contig, place.start, place.end)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
        text = reverse_complement(letters) if place.strand == "-" else letters
        yield Record(layout.name_of(cells, place), text, tuple(cells[column] for column in layout.kept), place)


def intervals(lines: Iterable[tuple[str, str]], headers: list[list[str]]) -> Iterator[tuple[str, list[str]]]:
    """Place and cells of the intervals among ``lines``, place and text of each.

    Headers, with # or without, go to ``headers``; comments and the lines track and browser are left out.
    """
    for where, line in lines:
        words = line.split()
        if not words or words[0] in ("track", "browser"):
            continue
        cells = [cell.strip() for cell in line.split("\t")] if "\t" in line else words
        if is_header(cells):
            headers.append(cells)
        elif not line.startswith("#"):
            yield where, cells


def standard_names(cells: Sequence[str]) -> list[str]:
    """The names of the columns of BED, of narrowPeak and broadPeak, as far as the first interval fits them.

    Raises ValueError with the problem for a strand where BED has none, because it would be ignored.
    """
    numbers = range(1, len(cells) + 1)
    for number, cell in zip(numbers, cells, strict=True):
        if number in (4, 5) and cell in ("+", "-"):
            raise ValueError(f"column {number} is a strand, which BED has in column 6, after name and score")
    names = ["contig", "start", "end", "name", "score", "strand" if cells[5:6] in (["+"], ["-"], ["."]) else "column6"]
    rest = cells[len(names) :]
    thick = [*cells[1:2], *rest[:2], *cells[2:PLACE]]
    if len(rest) > 1 and all(map(str.isdecimal, thick)) and sorted(thick, key=int) == thick:
        names += THICK
    elif len(rest) in (3, 4) and all(map(NUMBER.fullmatch, rest)):
        names += PEAKS
    return [*names[: len(cells)], *(f"column{number}" for number in numbers[len(names) :])]
