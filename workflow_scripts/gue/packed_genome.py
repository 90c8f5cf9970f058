"""Genomes in memory at two bits a base, and the windows cut from them.

Three billion bases take 0.75 GB. All coordinates in this package are 0-based and half-open; the readers convert them.
An address is a position in the concatenation of all contigs, so one array operation looks up many windows.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.labelled_examples import Example, Place

ALPHABET = b"TCAG"  # UCSC's code: T 0, C 1, A 2, G 3; the lower bit is set in G and C
BASES_A_BYTE = 4
CODES = np.arange(256, dtype=np.uint8)[:, None] >> np.array([6, 4, 2, 0], dtype=np.uint8) & 3  # byte -> its four bases
LETTERS = np.frombuffer(ALPHABET, dtype=np.uint8)
NONE = np.empty((0, 2), dtype=np.int64)  # no region


class Window(NamedTuple):
    """A sequence and the place that it was cut from."""

    sequence: str
    place: Place


class Regions:
    """A set of address intervals that windows are tested against."""

    def __init__(self, intervals: np.ndarray):
        """``intervals``: (n, 2) addresses, start and end."""
        ordered = intervals[np.lexsort(intervals.T[::-1])]
        reach = np.maximum.accumulate(ordered[:, 1])
        begins = np.ones(len(ordered), dtype=bool)
        begins[1:] = ordered[1:, 0] > reach[:-1]
        first = np.flatnonzero(begins)
        self.starts = np.append(ordered[first, 0], np.iinfo(np.int64).max)  # a sentinel after the last region
        self.ends = reach[np.append(first[1:], len(ordered))[: len(first)] - 1]
        self.bases = np.append(0, np.cumsum(self.ends - self.starts[:-1]))  # in the regions before each

    def overlaps(self, addresses: np.ndarray | int, length: int) -> np.ndarray:
        """Whether each window ``[address, address + length)`` shares a base with a region."""
        return self.starts[np.searchsorted(self.ends, addresses, side="right")] < addresses + length

    def covered(self, addresses: np.ndarray, length: int) -> np.ndarray:
        """The number of bases of each window that are in a region."""
        return self._before(addresses + length) - self._before(addresses)

    def _before(self, addresses: np.ndarray) -> np.ndarray:
        """The number of bases before each address that are in a region."""
        region = np.searchsorted(self.ends, addresses, side="right")
        return self.bases[region] + np.maximum(addresses - self.starts[region], 0)


class Genome:
    """The contigs of a genome.

    ``packed``: bytes of four bases each, the first base in the highest two bits, in UCSC's code. ``contigs``: name ->
    (address of the first base, length), in ascending order of addresses; an address is four times the index of the
    byte in ``packed`` plus the position within the byte. ``unknown``: (n, 2) addresses of the runs of other letters.
    ``masked``: those of lower case, which marks repeats; none if they were not read.
    """

    def __init__(
        self, packed: np.ndarray, contigs: dict[str, tuple[int, int]], unknown: np.ndarray, masked: np.ndarray = NONE
    ):
        self.packed, self.contigs = packed, contigs
        self.unknown, self.masked = Regions(unknown), Regions(masked)
        self.names = list(contigs)
        self.firsts = np.array([first for first, _ in contigs.values()], dtype=np.int64)
        self.lasts = self.firsts + [length for _, length in contigs.values()]

    def length(self, contig: str) -> int:
        """Bases of a contig."""
        return self.contigs[contig][1]

    def regions(self, intervals: list[tuple[str, int, int]]) -> Regions:
        """The intervals (contig, start, end) as regions, clipped to their contigs."""
        addresses = np.empty((len(intervals), 2), dtype=np.int64)
        for row, (contig, start, end) in zip(addresses, intervals, strict=True):
            first, length = self.contigs[contig]
            row[:] = first + max(start, 0), first + min(end, length)
        return Regions(addresses)

    def locate(self, address: int) -> tuple[str, int]:
        """Contig and position of an address."""
        number = int(np.searchsorted(self.firsts, address, side="right")) - 1
        return self.names[number], int(address - self.firsts[number])

    def within_contig(self, addresses: np.ndarray, length: int) -> np.ndarray:
        """Whether each window is on one contig."""
        number = np.searchsorted(self.firsts, addresses, side="right") - 1
        return (addresses >= self.firsts[number]) & (addresses + length <= self.lasts[number])

    def codes(self, addresses: np.ndarray, length: int) -> np.ndarray:
        """(n, length) base codes of windows, each within one contig; the code of an unknown base is undefined."""
        found = np.empty((len(addresses), length), dtype=np.uint8)
        begins, phases = addresses // BASES_A_BYTE, addresses % BASES_A_BYTE
        width = (length + 2 * BASES_A_BYTE - 2) // BASES_A_BYTE  # bytes that any window may touch
        for phase in range(BASES_A_BYTE):
            rows = np.flatnonzero(phases == phase)
            # a window at the end of the file may not need its last byte, which then does not exist
            indices = np.minimum(begins[rows, None] + np.arange(width), len(self.packed) - 1)
            bases = CODES[self.packed[indices]].reshape(len(rows), width * BASES_A_BYTE)
            found[rows] = bases[:, phase : phase + length]
        return found

    def window(self, address: int, length: int, strand: str = "+") -> Window:
        """The window, read along ``strand``; it must be on one contig and have no unknown base."""
        begin, phase = divmod(address, BASES_A_BYTE)
        codes = CODES[self.packed[begin : (address + length + BASES_A_BYTE - 1) // BASES_A_BYTE]].reshape(-1)
        sequence = LETTERS[codes[phase : phase + length]].tobytes().decode("ascii")
        contig, start = self.locate(address)
        place = Place(contig, start, start + length, strand)
        return Window(reverse_complement(sequence) if strand == "-" else sequence, place)


def is_acgt(sequence: str) -> bool:
    """Whether all letters are A, C, G or T."""
    return not sequence.strip("ACGT")


def gc_count(sequence: str) -> int:
    """Number of G and C."""
    return sequence.count("G") + sequence.count("C")


def encode(sequences: list[str]) -> np.ndarray:
    """(n, length) codes of sequences of the same length over ACGT."""
    codes = "".join(sequences).encode().translate(bytes.maketrans(ALPHABET, bytes(range(len(ALPHABET)))))
    return np.frombuffer(codes, dtype=np.uint8).reshape(len(sequences), -1)


def gc_counts(genome: Genome, addresses: np.ndarray, length: int) -> np.ndarray:
    """Number of G and C in each window."""
    return (genome.codes(addresses, length) & 1).sum(axis=1)


def check_position(genome: Genome, contig: str, position: int, where: str) -> None:
    """Raise UserError if an annotated position does not exist in the genome: the annotation is of another assembly."""
    if contig not in genome.contigs:
        raise UserError(f"{where}: contig {contig!r} is not in the genome; use the assembly that the annotation names")
    if not 0 <= position < genome.length(contig):
        raise UserError(
            f"{where}: position {position + 1} is outside {contig} of {genome.length(contig)} bp; use the right "
            "assembly"
        )


def cut_window(
    genome: Genome, contig: str, start: int, length: int, strand: str, dropped: Counter[str]
) -> Window | None:
    """The window ``[start, start + length)``, read along ``strand``.

    ``None`` if it leaves the contig or has a letter other than A, C, G and T, counted in ``dropped`` by that reason.
    """
    first, bases = genome.contigs[contig]
    if start < 0 or start + length > bases:
        dropped["leaves_contig"] += 1
        return None
    if genome.unknown.overlaps(first + start, length):
        dropped["non_acgt"] += 1
        return None
    return genome.window(first + start, length, strand)


def to_example(window: Window, label: int) -> Example:
    """A row of one sequence."""
    return Example((window.sequence,), label, (window.place,))


def usable_windows(
    genome: Genome, addresses: np.ndarray, length: int, avoid: Regions, reason: str, dropped: Counter[str]
) -> np.ndarray:
    """Whether each window is on one contig, has only A, C, G and T, and overlaps no region of ``avoid``.

    The others are counted in ``dropped``, those that overlap ``avoid`` as ``reason``.
    """
    good = np.ones(len(addresses), dtype=bool)
    for name, passes in (
        ("leaves_contig", genome.within_contig(addresses, length)),
        (reason, ~avoid.overlaps(addresses, length)),
        ("non_acgt", ~genome.unknown.overlaps(addresses, length)),
    ):
        dropped[name] += int((good & ~passes).sum())
        good &= passes
    return good


def random_addresses(genome: Genome, contigs: list[str], count: int, random: np.random.Generator) -> np.ndarray:
    """``count`` addresses drawn uniformly over the bases of ``contigs``."""
    firsts, lengths = np.array([genome.contigs[contig] for contig in contigs]).T
    ends = np.cumsum(lengths)
    draws = random.integers(ends[-1], size=count)
    number = np.searchsorted(ends, draws, side="right")
    return draws + (firsts - ends + lengths)[number]
