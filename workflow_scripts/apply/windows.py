"""Windows of long sequences, where they lie on the genome, and which window each base belongs to."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from workflow_scripts.apply.records import Place, Record
from workflow_scripts.inference.encoding import Text, sequences_of


class Window(NamedTuple):
    """A piece of a record: bases ``start`` to ``end`` of its text, counted from 0 in the direction of the text.

    ``record``: the number of the record, counted from 0. ``sequence``: the letters; of a pair both, with ``end`` the
    letters of both together. ``own``: the bases of the text that belong to this window, see :func:`owned`.
    """

    record: int
    start: int
    end: int
    sequence: Text
    own: tuple[int, int]


def spans(length: int, window: int, step: int) -> Iterator[tuple[int, int]]:
    """Start and end of the windows of a text: one, if it has up to ``window`` bases or ``window`` is 0.

    A longer text has full windows at 0, ``step``, 2 ``step`` and so on, and a last one that ends where the text does.
    Raises ValueError if ``step`` is not between 1 and ``window``, because bases would be left out.
    """
    if not window or length <= window:
        return iter([(0, length)])
    if not 1 <= step <= window:
        raise ValueError(f"a step of {step} leaves bases between windows of {window} out")
    starts = chain(range(0, length - window, step), [length - window])
    return ((start, start + window) for start in starts)


def windows_of(records: Iterable[Record], window: int, step: int) -> Iterator[Window]:
    """The windows of each record in order, see :func:`spans`; pairs are never tiled."""
    for number, record in enumerate(records):
        text = record.text
        if isinstance(text, str):
            found, again = (spans(len(text), window, step) for _ in range(2))
            for (start, end), own in zip(found, owned(again), strict=True):
                yield Window(number, start, end, text[start:end], own)
        else:
            letters = sum(map(len, sequences_of(text)))
            yield Window(number, 0, letters, text, (0, letters))


def owned(windows: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """For all windows of one text, as :func:`spans` gives them, the part (start, end) that belongs to each.

    A base belongs to the window in which it is farthest from that window's edges, to the first of two that are equal.
    The parts follow one another, none is empty, and together they are the text.
    """
    begin, before = 0, None
    for window in windows:
        if before is not None:
            # windows of one size: the farther from the edges, the nearer to the middle
            cut = (before[0] + window[1] + 1) // 2
            yield begin, cut
            begin = cut
        before = window
    if before is not None:
        yield begin, before[1]


def place_of(place: Place, start: int, end: int) -> Place:
    """Where bases ``start`` to ``end`` of a record at ``place`` lie; on the minus strand a text runs backwards."""
    if place.strand == "-":
        return place._replace(start=place.end - end, end=place.end - start)
    return place._replace(start=place.start + start, end=place.start + end)
