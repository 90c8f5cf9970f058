"""The rows of a data set: labelled sequences, with the places on the genome that they were cut from."""

from typing import NamedTuple


class Place(NamedTuple):
    """A stretch of a contig: 0-based, half-open, read along ``strand``."""

    contig: str
    start: int
    end: int
    strand: str


class Example(NamedTuple):
    """One row: a sequence, or an enhancer and a promoter; its label; and the place of each sequence, if known.

    ``label`` is the number of the class. In custom data sets for regression or multi-label classification it is the
    text in the CSV file. ``id`` is the row's in a user's file, if it has one.
    """

    sequences: tuple[str, ...]
    label: int | str
    places: tuple[Place, ...] = ()
    id: str = ""


Splits = dict[str, list[Example]]
"""Rows by split: "train", "dev" and "test"."""
