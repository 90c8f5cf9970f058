"""Genomes, whose pieces are read by name and place."""

from typing import Protocol


class Genome(Protocol):
    """A genome that is open for reading."""

    lengths: dict[str, int]

    def fetch(self, contig: str, start: int, end: int) -> str:
        """The letters of a piece in upper case, T for U."""
