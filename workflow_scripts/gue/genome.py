"""Genomes at two bits a base, and the windows cut from them.

Three billion bases take 0.75 GB. Coordinates are 0-based and half-open everywhere in this room; the readers translate.
An address counts the bases of all contigs together, so that many windows of a genome are looked up at once.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.examples import Example, Place

ALPHABET = b"TCAG"  # UCSC's code: T 0, C 1, A 2, G 3; the lower bit is set in G and C
BASES_A_BYTE = 4
CODES = np.arange(256, dtype=np.uint8)[:, None] >> np.array([6, 4, 2, 0], dtype=np.uint8) & 3  # byte -> its four bases
LETTERS = np.frombuffer(ALPHABET, dtype=np.uint8)


class Window(NamedTuple):
    """A sequence and where it was cut."""

    sequence: str
    place: Place


class Regions:
    """A set of intervals of addresses that answers whether windows overlap any of them."""

    def __init__(self, intervals: np.ndarray):
        """``intervals``: (n, 2) addresses, start and end."""
        ordered = intervals[np.lexsort(intervals.T[::-1])]
        reach = np.maximum.accumulate(ordered[:, 1])
        begins = np.ones(len(ordered), dtype=bool)
        begins[1:] = ordered[1:, 0] > reach[:-1]
        first = np.flatnonzero(begins)
        self.starts = np.append(ordered[first, 0], np.iinfo(np.int64).max)  # behind the last region, one never reached
        self.ends = reach[np.append(first[1:], len(ordered))[: len(first)] - 1]

    def overlaps(self, addresses: np.ndarray | int, length: int) -> np.ndarray:
        """Whether each window ``[address, address + length)`` shares a base with a region."""
        return self.starts[np.searchsorted(self.ends, addresses, side="right")] < addresses + length


class Genome:
    """The contigs of a genome.

    ``packed``: bytes of four bases each, the first in the highest two bits, in UCSC's code. ``contigs``: name ->
    (address of the first base, length), in the order of their addresses; the address of a base is four times its
    byte's place in ``packed``, plus its place in the byte. ``unknown``: (n, 2) addresses of the runs of other letters.
    """

    def __init__(self, packed: np.ndarray, contigs: dict[str, tuple[int, int]], unknown: np.ndarray):
        self.packed, self.contigs = packed, contigs
        self.unknown = Regions(unknown)
        self.names = list(contigs)
        self.firsts = np.array([first for first, _ in contigs.values()], dtype=np.int64)
        self.lasts = self.firsts + [length for _, length in contigs.values()]

    def length(self, contig: str) -> int:
        """Bases of a contig."""
        return self.contigs[contig][1]

    def regions(self, intervals: list[tuple[str, int, int]]) -> Regions:
        """The (contig, start, end) as regions; what leaves its contig is cut off."""
        addresses = np.empty((len(intervals), 2), dtype=np.int64)
        for row, (contig, start, end) in zip(addresses, intervals, strict=True):
            first, length = self.contigs[contig]
            row[:] = first + max(start, 0), first + min(end, length)
        return Regions(addresses)

    def locate(self, address: int) -> tuple[str, int]:
        """Contig and position of an address."""
        number = int(np.searchsorted(self.firsts, address, side="right")) - 1
        return self.names[number], int(address - self.firsts[number])

    def inside(self, addresses: np.ndarray, length: int) -> np.ndarray:
        """Whether each window lies on one contig."""
        number = np.searchsorted(self.firsts, addresses, side="right") - 1
        return (addresses >= self.firsts[number]) & (addresses + length <= self.lasts[number])

    def codes(self, addresses: np.ndarray, length: int) -> np.ndarray:
        """(n, length) codes of the bases of windows that lie on one contig each; unknown bases have any code."""
        found = np.empty((len(addresses), length), dtype=np.uint8)
        begins, phases = addresses // BASES_A_BYTE, addresses % BASES_A_BYTE
        width = (length + 2 * BASES_A_BYTE - 2) // BASES_A_BYTE  # bytes that any window may touch
        for phase in range(BASES_A_BYTE):
            rows = np.flatnonzero(phases == phase)
            # at the very end of the file the last byte may not be touched, nor be there
            places = np.minimum(begins[rows, None] + np.arange(width), len(self.packed) - 1)
            bases = CODES[self.packed[places]].reshape(len(rows), width * BASES_A_BYTE)
            found[rows] = bases[:, phase : phase + length]
        return found

    def window(self, address: int, length: int, strand: str = "+") -> Window:
        """The window, read along ``strand``; it must lie on one contig and hold no unknown base."""
        begin, phase = divmod(address, BASES_A_BYTE)
        codes = CODES[self.packed[begin : (address + length + BASES_A_BYTE - 1) // BASES_A_BYTE]].reshape(-1)
        sequence = LETTERS[codes[phase : phase + length]].tobytes().decode("ascii")
        contig, start = self.locate(address)
        place = Place(contig, start, start + length, strand)
        return Window(reverse_complement(sequence) if strand == "-" else sequence, place)


def is_acgt(sequence: str) -> bool:
    """Whether every base is known."""
    return not sequence.strip("ACGT")


def gc_count(sequence: str) -> int:
    """Number of G and C."""
    return sequence.count("G") + sequence.count("C")


def encode(sequences: list[str]) -> np.ndarray:
    """(n, length) codes of sequences of one length over ACGT."""
    codes = "".join(sequences).encode().translate(bytes.maketrans(ALPHABET, bytes(range(len(ALPHABET)))))
    return np.frombuffer(codes, dtype=np.uint8).reshape(len(sequences), -1)


def gc_counts(genome: Genome, addresses: np.ndarray, length: int) -> np.ndarray:
    """Number of G and C of each window."""
    return (genome.codes(addresses, length) & 1).sum(axis=1)


def check_place(genome: Genome, chrom: str, position: int, where: str) -> None:
    """Raise UserError where an annotated position does not exist in the genome: annotation and genome do not match."""
    if chrom not in genome.contigs:
        raise UserError(f"{where}: contig {chrom!r} is not in the genome; use the assembly that the annotation names")
    if not 0 <= position < genome.length(chrom):
        raise UserError(
            f"{where}: position {position + 1} is outside {chrom} of {genome.length(chrom)} bp; use the right assembly"
        )


def cut(genome: Genome, chrom: str, start: int, length: int, strand: str, dropped: Counter) -> Window | None:
    """The window ``[start, start + length)`` read along ``strand``; ``None`` where it leaves the contig or holds
    a base other than ACGT, counted in ``dropped`` under that reason."""
    first, bases = genome.contigs[chrom]
    if start < 0 or start + length > bases:
        dropped["leaves_contig"] += 1
        return None
    if genome.unknown.overlaps(first + start, length):
        dropped["non_acgt"] += 1
        return None
    return genome.window(first + start, length, strand)


def labelled(window: Window, label: int) -> Example:
    """A row of one sequence."""
    return Example((window.sequence,), label, (window.place,))


def free(
    genome: Genome, addresses: np.ndarray, length: int, avoid: Regions, reason: str, dropped: Counter
) -> np.ndarray:
    """Whether each window lies on its contig, holds ACGT alone and overlaps no region of ``avoid``.

    The others are counted in ``dropped``, those in ``avoid`` under ``reason``.
    """
    good = np.ones(len(addresses), dtype=bool)
    for name, passes in (
        ("leaves_contig", genome.inside(addresses, length)),
        (reason, ~avoid.overlaps(addresses, length)),
        ("non_acgt", ~genome.unknown.overlaps(addresses, length)),
    ):
        dropped[name] += int((good & ~passes).sum())
        good &= passes
    return good


def random_addresses(genome: Genome, chroms: list[str], count: int, random: np.random.Generator) -> np.ndarray:
    """``count`` addresses drawn uniformly over the bases of ``chroms``."""
    firsts, lengths = np.array([genome.contigs[chrom] for chrom in chroms]).T
    ends = np.cumsum(lengths)
    draws = random.integers(ends[-1], size=count)
    number = np.searchsorted(ends, draws, side="right")
    return draws + (firsts - ends + lengths)[number]
