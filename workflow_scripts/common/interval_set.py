"""A user's intervals as windows of one width, and everything that is wrong with them.

One truth for the check before a run and for the program that takes the data set in.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from workflow_scripts.common.bed import Interval, read_bed
from workflow_scripts.common.contigs import contig_lengths, other_name
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_set import FEWEST, MANY, classes_of_file


class Site(NamedTuple):
    """A window of the data set's width, which may leave its contig, and the interval that it is the window of.

    Sites sort by place, so that the order of the lines has no influence.
    """

    contig: str
    start: int
    end: int
    strand: str
    name: str
    interval: tuple[int, int]


@dataclass(frozen=True)
class IntervalSet:
    """What was understood.

    ``sites``: sorted. ``width``: of each, in bases. ``around``: what its sequence is of the interval, in words.
    ``classes``: those that the names are, in the order of their numbers; empty if they are none. ``understood``: a line
    a file. ``lengths``: those of the contigs with intervals.
    """

    sites: list[Site]
    width: int
    around: str
    classes: list[str]
    understood: list[str]
    lengths: dict[str, int]


def read_interval_set(
    bed: Path,
    genome: Path,
    width: int | None,
    centre: str,
    named_classes: bool,
    chromosomes: dict[str, list[str]],
) -> IntervalSet:
    """The windows of the intervals of a BED file.

    ``width``: bases of a window; None if all intervals have one width. ``centre``: middle, or summit (narrowPeak).
    ``named_classes``: whether the names in column 4 are classes. ``chromosomes``: the contigs of dev and of test; empty
    if the split is not by contig. Raises UserError with file and line.
    """
    intervals = read_bed(bed, summits=centre == "summit")
    if len(intervals) < FEWEST:
        raise UserError(f"{bed}: {len(intervals)} intervals; {FEWEST} at least are needed to split them")
    lengths = contig_lengths(genome)
    check_contigs(intervals, lengths, genome)
    wide = width or common_width(intervals)
    classes = classes_of(bed, intervals) if named_classes else []
    if chromosomes:
        check_chromosomes(bed, intervals, chromosomes)
    used = {interval.contig: lengths[interval.contig] for interval in intervals}
    around = "around the summit" if centre == "summit" else "around the middle" if width else "as it is"
    understood = f"{bed}: {len(intervals):,} intervals on {counted(len(used))}; {wide} bases of each, {around}"
    return IntervalSet(
        sorted(site(interval, wide) for interval in intervals), wide, around, classes, [understood], used
    )


def site(interval: Interval, width: int) -> Site:
    """The window of an interval: its summit, or the middle of one without, is at index ``width // 2``."""
    if interval.end - interval.start == width and interval.summit is None:
        start = interval.start
    else:
        middle = (interval.start + interval.end) // 2 if interval.summit is None else interval.summit
        start = middle - width // 2
    return Site(interval.contig, start, start + width, interval.strand, interval.name, (interval.start, interval.end))


def check_room(bed: Path, found: IntervalSet, distance: int, ratio: int, chromosomes: dict[str, list[str]]) -> None:
    """Raise UserError if negatives of a split cannot be ``distance`` bases away from all intervals.

    ``chromosomes``: see :func:`read_interval_set`; without them all splits share the contigs with intervals.
    """
    free, wanted, reach = Counter[str](), Counter[str](), Counter[str]()
    for contig, length in found.lengths.items():
        free[part_of(contig, chromosomes)] += length
    for here in sorted(found.sites, key=lambda site: (site.contig, min(site.start, site.interval[0]))):
        part = part_of(here.contig, chromosomes)
        start = max(min(here.start, here.interval[0]) - distance, reach[here.contig])
        end = min(max(here.end, here.interval[1]) + distance, found.lengths[here.contig])
        free[part] -= max(end - start, 0)
        wanted[part] += ratio * found.width
        reach[here.contig] = max(reach[here.contig], end)
    for part, bases in sorted(wanted.items()):
        if free[part] < bases:
            whose = f" of {part}" if chromosomes else ""
            raise UserError(
                f"{bed}: {bases:,} bases of negatives{whose} are wanted, and the contigs of the intervals have "
                f"{free[part]:,} that are {distance} or more from all intervals; lower distance or ratio, or set "
                "negatives: shuffled"
            )


def part_of(contig: str, chromosomes: dict[str, list[str]]) -> str:
    """The split of a contig: dev or test if it is named there, else train."""
    return next((split for split, contigs in chromosomes.items() if contig in contigs), "train")


def common_width(intervals: list[Interval]) -> int:
    """The width of all intervals. Raises UserError for the first one that has another."""
    first = intervals[0].end - intervals[0].start
    for interval in intervals:
        if (width := interval.end - interval.start) != first:
            raise UserError(
                f"{interval.where}: {width} bases where the first interval has {first}; set width, the bases of every "
                "row around the centre of its interval"
            )
    return first


def check_contigs(intervals: list[Interval], lengths: dict[str, int], genome: Path) -> None:
    """Raise UserError for the first interval that is not within a contig of the genome."""
    for interval in intervals:
        if interval.contig not in lengths:
            lacking = Counter(other.contig for other in intervals if other.contig not in lengths)
            raise UserError(f"{interval.where}: {unknown_contig(interval.contig, lacking, lengths, genome)}")
        if interval.end > lengths[interval.contig]:
            raise UserError(
                f"{interval.where}: end {interval.end} is beyond {interval.contig} of {lengths[interval.contig]} bp in "
                f"{genome}; use the assembly that the intervals are of"
            )


def unknown_contig(contig: str, lacking: Counter[str], lengths: dict[str, int], genome: Path) -> str:
    """What to say of a contig that the genome lacks. ``lacking``: intervals on each such contig."""
    count = f"{lacking.total()} intervals on {counted(len(lacking))}" if lacking.total() > 1 else "1 interval"
    if other := other_name(contig, lengths):
        return f"contig {contig!r} is {other!r} in {genome} ({count}); write the names in one way in both files"
    return f"contig {contig!r} is not in {genome} ({count}); use the assembly of the intervals, or remove these lines"


def classes_of(bed: Path, intervals: list[Interval]) -> list[str]:
    """The classes that the names are. Raises UserError if one is missing or they cannot be classes."""
    labels: dict[str, list[int]] = {}
    for interval in intervals:
        if not interval.name:
            raise UserError(f"{interval.where}: no name in column 4; with negatives: none the names are the classes")
        labels.setdefault(interval.name, [int(interval.where.rpartition(":")[2]), 0])[1] += 1
    if len(labels) > MANY and 2 * len(labels) > len(intervals):
        raise UserError(
            f"{bed}: {len(labels):,} names in {len(intervals):,} intervals; with negatives: none the names are the "
            "classes; for intervals of one class set negatives: matched"
        )
    return classes_of_file(bed, labels)


def check_chromosomes(bed: Path, intervals: list[Interval], chromosomes: dict[str, list[str]]) -> None:
    """Raise UserError for a contig of dev or test without intervals, or if train has none."""
    used = {interval.contig for interval in intervals}
    for split, names in chromosomes.items():
        for name in names:
            if name not in used:
                other = other_name(name, used)
                hint = f"write {other}" if other else f"it has {listed(sorted(used))}"
                raise UserError(f"{bed}: no interval is on {name!r} of chromosomes.{split}; {hint}")
    if not used - {name for names in chromosomes.values() for name in names}:
        raise UserError(f"{bed}: all its contigs are in dev or test; leave some for train")


def counted(contigs: int) -> str:
    """A number of contigs in words."""
    return f"{contigs} contig" + "s" * (contigs != 1)


def listed(names: Sequence[str], most: int = 8) -> str:
    """Some names in words."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
