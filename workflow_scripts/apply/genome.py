"""Genomes, FASTA or .2bit, whose pieces are read by contig and place.

A FASTA file is indexed once, in a folder of ours, because that of the user may not be writable. A file that has no
index, such as one that is gzipped but not by bgzip, has an indexed copy there instead.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pysam

from workflow_scripts.apply.contig_names import chromosome_of, missing_contig
from workflow_scripts.common import twobit
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import read_letters, read_pieces
from workflow_scripts.common.files import read_json, readable, write_json
from workflow_scripts.common.progress import Progress

COPY, FAI, GZI, CHROMOSOMES = "genome.fa.gz", "genome.fai", "genome.gzi", "chromosomes.json"
BGZIP = b"BC\x02\x00"  # the field of its gzip headers, at FIELD
FIELD = slice(12, 16)
QUICK: Any = "wb2"  # ten times as fast as the default for 7% more bytes; the stub of pysam lacks levels
BLANKS = b" \t\v\f"
END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")  # the block that ends such a file


@dataclass(frozen=True)
class Genome:
    """A genome that is open for reading; each process must open its own.

    ``lengths``: bases of each contig that has any. ``chromosomes``: of some contigs the chromosome that their header
    names. ``read``: the letters of a piece that exists, in upper case.
    """

    path: Path
    lengths: dict[str, int]
    chromosomes: dict[str, str]
    read: Callable[[str, int, int], str]

    def fetch(self, contig: str, start: int, end: int) -> str:
        """Bases ``start`` to ``end`` of a contig, counted from 0, in upper case with T for U, IUPAC codes kept.

        Raises UserError for a contig that the genome lacks, and a piece that is empty or not within the contig.
        """
        if contig not in self.lengths:
            raise UserError(missing_contig(contig, self.path.name, self.lengths, self.chromosomes))
        if start >= end:
            raise UserError(f"start {start:,} is not less than end {end:,}; an interval has at least one base")
        if start < 0 or end > self.lengths[contig]:
            raise UserError(
                f"{contig}:{start:,}-{end:,} is not within contig {contig!r} of {self.path.name}, which has "
                f"{self.lengths[contig]:,} bases; cut the interval, or give the genome that was used"
            )
        return self.read(contig, start, end)


def open_genome(path: Path, index: Path) -> Genome:
    """Open a genome; ``index``: the folder for indices, which many genomes and processes may share.

    Raises UserError for a file that is missing, damaged, no genome, or has two contigs of one name.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such genome; check the path")
    if order := twobit.byte_order(path):
        return open_twobit(path, order)
    folder = indexed(path, index)
    copy, gzi = folder / COPY, folder / GZI
    fasta = pysam.FastaFile(
        str(copy if copy.exists() else path),
        filepath_index=str(folder / FAI),
        filepath_index_compressed=str(gzi) if gzi.exists() else None,
    )
    lengths = {name: length for name, length in zip(fasta.references, fasta.lengths, strict=True) if length}
    return Genome(path, lengths, read_json(folder / CHROMOSOMES), partial(read_fasta, fasta))


def read_fasta(fasta: pysam.FastaFile, contig: str, start: int, end: int) -> str:
    return fasta.fetch(contig, start, end).upper().replace("U", "T")


def open_twobit(path: Path, order: str) -> Genome:
    """Open a .2bit file of this byte order."""
    reader = twobit.Reader(path, order, path)
    records = {name: record for name, record in twobit.read_records(reader, masks=False) if record.length}

    def read(contig: str, start: int, end: int) -> str:
        return twobit.bases(reader, records[contig], start, end).decode("ascii")

    return Genome(path, {name: record.length for name, record in records.items()}, {}, read)


def indexed(path: Path, index: Path) -> Path:
    """The folder with the index of a FASTA file as it is now; made if it is not there."""
    status = path.stat()
    identity = f"{path.resolve()}\n{status.st_size}\n{status.st_mtime_ns}"
    folder = index / hashlib.sha256(identity.encode()).hexdigest()[:16]
    if folder.is_dir():
        return folder
    index.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=index, prefix=".") as temporary:
        made = Path(temporary) / "made"
        made.mkdir()
        make_index(path, made)
        readable(made)
        try:
            made.rename(folder)
        except OSError:
            # another process was first; its index is the same
            if not folder.is_dir():
                raise
    return folder


def make_index(path: Path, folder: Path) -> None:
    """Check all letters of a FASTA file, and index it, or a copy of it if its lines are not as an index needs them."""
    lengths, chromosomes = survey(path)
    write_json(folder / CHROMOSOMES, chromosomes)
    if index_fasta(path, folder) != lengths or has_blanks(path):
        with pysam.BGZFile(str(folder / COPY), QUICK, None) as copy:
            write_copy(path, copy)
        index_fasta(folder / COPY, folder)


def survey(path: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Bases of each contig that has any, and the chromosomes that headers name.

    Raises UserError as read_letters does, which refuses damaged files and other letters, and for a repeated name.
    """
    refuse_cut(path)
    lengths: dict[str, int] = {}
    chromosomes = {}
    name = ""
    with Progress(None, "base", f"indexing {path.name}") as progress:
        for header, letters in read_letters(path):
            if header is not None:
                name = header.split()[0]
                if name in lengths:
                    raise UserError(f"{path}: contig {name!r} appears twice; names must be unique, rename one")
                lengths[name] = 0
                if chromosome := chromosome_of(header):
                    chromosomes[name] = chromosome
            if letters:
                lengths[name] += len(letters)
                progress.step(len(letters))
    return {name: length for name, length in lengths.items() if length}, chromosomes


def refuse_cut(path: Path) -> None:
    """Raise UserError if a file of bgzip lacks its last block: gzip does not notice that it was cut between blocks."""
    with path.open("rb") as handle:
        if handle.read(FIELD.stop)[FIELD] != BGZIP:
            return
        handle.seek(-len(END), os.SEEK_END)
        if handle.read() != END:
            raise UserError(f"{path}: the last block of bgzip is missing; the file was cut short, download it again")


def has_blanks(path: Path) -> bool:
    """Whether lines have white space besides their ends; an index would find wrong letters in them."""
    return any(len(lines.translate(None, BLANKS)) < len(lines) for _, lines in read_pieces(path, path))


def index_fasta(fasta: Path, folder: Path) -> dict[str, int]:
    """Write FAI, and GZI if the file is one of bgzip; the length of each contig, nothing if that is not possible."""
    verbosity = pysam.set_verbosity(0)
    try:
        pysam.faidx("--fai-idx", str(folder / FAI), "--gzi-idx", str(folder / GZI), str(fasta))
    except pysam.SamtoolsError:
        return {}
    finally:
        pysam.set_verbosity(verbosity)
    rows = [line.split("\t") for line in (folder / FAI).read_text(encoding="utf-8", errors="replace").splitlines()]
    return {name: int(length) for name, length, *_ in rows}


def write_copy(path: Path, copy: pysam.BGZFile) -> None:
    """Write the contigs that have letters, each in one line and upper case, which is small and quick to read."""
    name, written = "", ""
    for header, letters in read_letters(path):
        name = name if header is None else header.split()[0]
        if letters:
            if name != written:
                separator = "\n" if written else ""
                copy.write(f"{separator}>{name}\n".encode())
                written = name
            copy.write(letters.upper())
    copy.write(b"\n")
