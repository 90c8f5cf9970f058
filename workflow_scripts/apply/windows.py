"""Windows of long sequences, where they lie on the genome, and which window each base belongs to."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
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


def spans(length: int, window: int, step: int) -> list[tuple[int, int]]:
    """Start and end of the windows of a text: one, if it has up to ``window`` bases or ``window`` is 0.

    A longer text has full windows at 0, ``step``, 2 ``step`` and so on, and a last one that ends where the text does.
    Raises ValueError if ``step`` is not between 1 and ``window``, because bases would be left out.
    """
    if not window or length <= window:
        return [(0, length)]
    if not 1 <= step <= window:
        raise ValueError(f"a step of {step} leaves bases between windows of {window} out")
    starts = [*range(0, length - window, step), length - window]
    return [(start, start + window) for start in starts]


def windows_of(records: Iterable[Record], window: int, step: int) -> Iterator[Window]:
    """The windows of each record in order, see :func:`spans`; pairs are never tiled."""
    for number, record in enumerate(records):
        text = record.text
        if isinstance(text, str):
            found = spans(len(text), window, step)
            for (start, end), own in zip(found, owned(found), strict=True):
                yield Window(number, start, end, text[start:end], own)
        else:
            letters = sum(map(len, sequences_of(text)))
            yield Window(number, 0, letters, text, (0, letters))


def owned(windows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """For all windows of one text, as :func:`spans` gives them, the part (start, end) that belongs to each.

    A base belongs to the window in which it is farthest from that window's edges, to the first of two that are equal.
    The parts follow one another, none is empty, and together they are the text.
    """
    size = windows[0][1] - windows[0][0]
    # windows of one size: the farther from the edges, the nearer to the middle
    cuts = [(first + second + size + 1) // 2 for (first, _), (second, _) in pairwise(windows)]
    return list(zip([0, *cuts], [*cuts, windows[-1][1]], strict=True))


def place_of(place: Place, start: int, end: int) -> Place:
    """Where bases ``start`` to ``end`` of a record at ``place`` lie; on the minus strand a text runs backwards."""
    if place.strand == "-":
        return place._replace(start=place.end - end, end=place.end - start)
    return place._replace(start=place.start + start, end=place.start + end)
