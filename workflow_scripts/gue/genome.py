"""Genomes as FASTA files and the windows cut from them.

A genome is a dict from contig name to upper-case bytes, one byte a base, so three billion bases take three gigabytes.
Coordinates are 0-based and half-open everywhere in this room; the readers translate.
"""

import gzip
import io
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement

Genome = dict[str, bytes]

NUCLEOTIDE_CODES = b"ACGTUNRYSWKMBDHV-"


def open_sequence(path: Path) -> BinaryIO:
    """Open a plain, gzip or zstd file for reading bytes, told by its first bytes."""
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    with path.open("rb") as raw:
        magic = raw.read(4)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path, "rb")
    if magic == b"\x28\xb5\x2f\xfd":
        import pyarrow  # only the released SARS-CoV-2 consensus file is zstd

        return io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd"))
    return path.open("rb")


def read_fasta(path: str | Path) -> Genome:
    """Read a FASTA file: the name is the first word of the header, bases become upper case.

    Raises UserError with file and line for a missing or repeated header and for characters outside the IUPAC codes.
    """
    path = Path(path)
    contigs: Genome = {}
    name, bases, number = "", bytearray(), 0
    try:
        with open_sequence(path) as handle:
            for number, line in enumerate(handle, start=1):
                text = line.rstrip().upper()
                if line.startswith(b">"):
                    if name:
                        contigs[name] = bytes(bases)
                    name, bases = contig_name(line, contigs, f"{path}:{number}"), bytearray()
                elif text and not name:
                    raise UserError(f"{path}:{number}: bases before the first header; a FASTA file starts with >name")
                elif strange := text.translate(None, NUCLEOTIDE_CODES):
                    raise UserError(f"{path}:{number}: {chr(strange[0])!r} is no nucleotide code; is this a DNA FASTA?")
                else:
                    bases += text
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{path}: damaged after line {number} ({error}); download it again") from error
    if not name:
        raise UserError(f"{path}: no sequence; expected FASTA")
    contigs[name] = bytes(bases)
    return contigs


def contig_name(header: bytes, contigs: Genome, where: str) -> str:
    """The first word of a FASTA header, which must be new."""
    words = header[1:].decode(errors="replace").split()
    if not words:
        raise UserError(f"{where}: header without a name; write >name")
    if words[0] in contigs:
        raise UserError(f"{where}: contig {words[0]!r} appears twice; names must be unique")
    return words[0]


def is_acgt(sequence: str) -> bool:
    """Whether every base is known."""
    return not sequence.strip("ACGT")


def gc_count(sequence: str) -> int:
    """Number of G and C."""
    return sequence.count("G") + sequence.count("C")


def check_place(genome: Genome, chrom: str, position: int, where: str) -> None:
    """Raise UserError where an annotated position does not exist in the genome: annotation and genome do not match."""
    if chrom not in genome:
        raise UserError(f"{where}: contig {chrom!r} is not in the genome; use the assembly that the annotation names")
    if not 0 <= position < len(genome[chrom]):
        raise UserError(
            f"{where}: position {position + 1} is outside {chrom} of {len(genome[chrom])} bp; use the right assembly"
        )


def cut(genome: Genome, chrom: str, start: int, length: int, strand: str, dropped: Counter) -> str | None:
    """The window ``[start, start + length)`` read along ``strand``; ``None`` where it leaves the contig or holds
    a base other than ACGT, counted in ``dropped`` under that reason."""
    contig = genome[chrom]
    if start < 0 or start + length > len(contig):
        dropped["leaves_contig"] += 1
        return None
    sequence = contig[start : start + length].decode("ascii")
    if not is_acgt(sequence):
        dropped["non_acgt"] += 1
        return None
    return reverse_complement(sequence) if strand == "-" else sequence


def random_places(
    genome: Genome, chroms: list[str], count: int, random: np.random.Generator
) -> Iterator[tuple[str, int]]:
    """``count`` positions drawn uniformly over the bases of ``chroms``."""
    ends = np.cumsum([len(genome[chrom]) for chrom in chroms])
    draws = random.integers(ends[-1], size=count)
    for index, draw in zip(np.searchsorted(ends, draws, side="right").tolist(), draws.tolist(), strict=True):
        yield chroms[index], draw - int(ends[index]) + len(genome[chroms[index]])


class Regions:
    """A set of intervals that answers whether a window overlaps any of them."""

    def __init__(self, intervals: list[tuple[str, int, int]]):
        self.merged: dict[str, list[tuple[int, int]]] = {}
        for chrom, start, end in sorted(intervals):
            runs = self.merged.setdefault(chrom, [])
            if runs and start <= runs[-1][1]:
                runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
            else:
                runs.append((start, end))
        self.ends = {chrom: [end for _, end in runs] for chrom, runs in self.merged.items()}

    def overlaps(self, chrom: str, start: int, end: int) -> bool:
        """Whether ``[start, end)`` shares a base with a region."""
        ends = self.ends.get(chrom, ())
        index = bisect_right(ends, start)
        return index < len(ends) and self.merged[chrom][index][0] < end
