"""What all inputs become: sequences with their names, the other columns of their lines, and where they lie."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from workflow_scripts.inference.encoding import Text


class Place(NamedTuple):
    """Where a sequence lies: bases of a contig from 0, the end not included; ``strand`` is "+", "-" or "."."""

    contig: str
    start: int
    end: int
    strand: str = "."


@dataclass(frozen=True)
class Record:
    """A sequence, or a pair of them, of an input.

    ``text``: its letters in the direction of its strand, checked and canonical (upper case, T for U). ``columns``: the
    other cells of its line as they were written, see Input.columns. ``place``: None if it is no interval.
    """

    name: str
    text: Text
    columns: tuple[str, ...] = ()
    place: Place | None = None


@dataclass(frozen=True)
class Input:
    """An input that can be read again and again.

    ``columns``: the names of what each record keeps of its line beside its name. ``records``: a fresh iterator over all
    records, in their order; raises UserError with file and line for one that is wrong. ``places``: whether the records
    are intervals.
    """

    columns: tuple[str, ...]
    records: Callable[[], Iterator[Record]]
    places: bool = False
