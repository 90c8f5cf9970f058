"""Readers of the primary sources, each in the format its publisher uses.

Every reader takes a path (plain or gzip) and gives plain records with 0-based half-open coordinates and ``where``
(file:line), so that a later complaint can name the place. A malformed line is a one-line UserError.
"""

import csv
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import open_text


@dataclass(frozen=True, slots=True)
class Source:
    """A file a data set is made of: what it is, the class it stands for (species genomes), and where it lies."""

    role: str
    label: str
    path: Path


@dataclass(frozen=True, slots=True)
class Tss:
    """A transcription start site; ``position`` is the first transcribed base."""

    name: str
    chrom: str
    position: int
    strand: str
    where: str


@dataclass(frozen=True, slots=True)
class Peak:
    """A ChIP-seq peak; ``summit`` is the base of highest signal, or the centre where none was called."""

    chrom: str
    start: int
    end: int
    summit: int
    where: str


@dataclass(frozen=True, slots=True)
class Gene:
    """A transcript. ``exon_ends`` and ``exon_starts`` are the boundaries between bases (0-based) on the left and on
    the right of each intron, in genome order; transcript ends are not among them."""

    name: str
    chrom: str
    strand: str
    start: int
    end: int
    exon_ends: tuple[int, ...]
    exon_starts: tuple[int, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Pair:
    """An enhancer and a promoter interval and whether they interact (1) or not (0)."""

    enhancer: tuple[str, int, int]
    promoter: tuple[str, int, int]
    label: int
    where: str


def parse_source(text: str) -> Source:
    """Read ``ROLE=PATH`` or ``ROLE:LABEL=PATH`` as given on a command line."""
    key, equals, path = text.partition("=")
    role, _, label = key.partition(":")
    if not equals or not role or not path:
        raise UserError(f"--source {text!r}: write ROLE=PATH or ROLE:LABEL=PATH")
    return Source(role, label, Path(path))


def one(sources: list[Source], role: str) -> Path:
    """The path of the one source with this role."""
    paths = [source.path for source in sources if source.role == role]
    if len(paths) != 1:
        raise UserError(f"--source {role}=PATH: needed once, given {len(paths)} times; check the sources table")
    return paths[0]


def label_of(sources: list[Source], role: str) -> str:
    """The label of the one source with this role, which must have one."""
    one(sources, role)
    label = next(source.label for source in sources if source.role == role)
    if not label:
        raise UserError(f"--source {role}:LABEL=PATH: the label is missing; say what it is, e.g. {role}:GISAID")
    return label


def maybe_one(sources: list[Source], role: str) -> Path | None:
    """The path of the source with this role, or ``None`` where it was not given."""
    return one(sources, role) if any(source.role == role for source in sources) else None


def integer(text: str, where: str, what: str) -> int:
    """Read a non-negative integer."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise UserError(f"{where}: {what} {text!r} is not a non-negative integer")
    return value


def interval(start: str, end: str, where: str) -> tuple[int, int]:
    """Read a half-open interval of at least one base."""
    first, last = integer(start, where, "start"), integer(end, where, "end")
    if first >= last:
        raise UserError(f"{where}: start {first} is not before end {last}; expected 0-based half-open coordinates")
    return first, last


def strand_of(text: str, where: str) -> str:
    """Read a strand."""
    if text not in ("+", "-"):
        raise UserError(f"{where}: strand {text!r} is neither + nor -")
    return text


def all_lines(path: Path) -> Iterator[tuple[str, str]]:
    """(file:line, text) of every line that is not empty."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file")
    number = 0
    try:
        with open_text(path) as handle:
            for number, line in enumerate(handle, start=1):
                text = line.rstrip("\n")
                if text.strip():
                    yield f"{path}:{number}", text
    except (EOFError, OSError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable after line {number} ({error}); download it again") from error


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """(file:line, text) of every line that is neither empty nor a comment nor a browser header."""
    return (line for line in all_lines(path) if not line[1].startswith(("#", "track ", "browser ")))


def columns(path: Path, count: int, names: str, separator: str | None = "\t") -> Iterator[tuple[str, list[str]]]:
    """(file:line, fields) of a headerless table that has exactly ``count`` columns and a row or more."""
    where = None
    for where, text in lines(path):
        fields = text.split(separator)
        if len(fields) != count:
            raise UserError(f"{where}: {len(fields)} columns where {count} belong ({names})")
        yield where, fields
    if where is None:
        raise UserError(f"{path}: no row; expected {names}")


def read_tss(path: Path) -> list[Tss]:
    """EPDnew promoters, BED6 separated by blanks or tabs: the 0-based start of the one-base interval is the TSS.

    EPD writes end = start + 1; ``end`` is the 1-based position of the TSS.
    """
    found = []
    for where, (chrom, start, end, name, _, strand) in columns(path, 6, "BED6", separator=None):
        _, last = interval(start, end, where)
        found.append(Tss(name, chrom, last - 1, strand_of(strand, where), where))
    return found


def read_tata_motifs(path: Path) -> dict[str, bool]:
    """EPD ``promoter_motifs.txt``: promoter name -> whether it has a TATA box (column ``TATA-box``, 1 or 0)."""
    flags: dict[str, bool] = {}
    rows = all_lines(path)  # the header begins with #
    where, header = next(rows, (f"{path}:1", ""))
    if "TATA-box" not in header.split():
        raise UserError(f"{where}: no column TATA-box in the header; is this EPD's promoter_motifs.txt?")
    column = header.split().index("TATA-box")
    for where, text in rows:
        fields = text.split()
        flag = fields[column] if column < len(fields) else ""
        if flag not in ("0", "1"):
            raise UserError(f"{where}: the TATA-box flag must be 0 or 1, not {flag!r}")
        flags[fields[0]] = flag == "1"
    return flags


def read_peaks(path: Path) -> list[Peak]:
    """ENCODE narrowPeak (ten columns): column 10 is the summit's offset from start, -1 where none was called."""
    found = []
    for where, fields in columns(path, 10, "narrowPeak"):
        start, end = interval(fields[1], fields[2], where)
        if fields[9] == "-1":
            summit = (start + end) // 2
        else:
            offset = integer(fields[9], where, "summit offset")
            if offset > end - start:
                raise UserError(f"{where}: summit offset {offset} is outside the peak of {end - start} bp")
            summit = min(start + offset, end - 1)  # some released peaks have offset = length
        found.append(Peak(fields[0], start, end, summit, where))
    return found


def read_genes(path: Path) -> list[Gene]:
    """SpliceAI's gene table: name, paralog, chrom, strand, start, end, exon ends, exon starts (1-based lists)."""
    found = []
    for where, fields in columns(path, 8, "name paralog chrom strand start end exon_ends exon_starts"):
        name, _, chrom, strand, start, end, left, right = fields
        first, last = interval(start, end, where)
        exon_ends = tuple(integer(text, where, "exon end") for text in left.split(",") if text)
        exon_starts = tuple(integer(text, where, "exon start") - 1 for text in right.split(",") if text)
        if len(exon_ends) != len(exon_starts):
            raise UserError(
                f"{where}: {len(exon_ends)} exon ends but {len(exon_starts)} exon starts; one of each an intron"
            )
        if first == 0:
            raise UserError(f"{where}: start 0; positions in a gene table count from 1")
        if any(a >= b for a, b in zip(exon_ends, exon_starts, strict=True)):
            raise UserError(f"{where}: an exon starts before the one before it ends")
        if outside := [at for at in (*exon_ends, *(start + 1 for start in exon_starts)) if not first <= at <= last]:
            raise UserError(f"{where}: an exon ends or starts at {outside[0]}, outside the gene, {first} to {last}")
        found.append(Gene(name, chrom, strand_of(strand, where), first - 1, last, exon_ends, exon_starts, where))
    return found


def read_histone(path: Path) -> list[tuple[str, int, str]]:
    """JAIST histone FASTA -> (sequence, label, file:line): the last character of a record is its label, 0 or 1."""
    found = []
    header, body = "", ""

    def close() -> None:
        if not header:
            return
        if body[-1:] not in ("0", "1") or len(body) < 2:
            raise UserError(f"{header}: the record must end in its label, 0 or 1; it ends in {body[-1:]!r}")
        found.append((body[:-1].upper(), int(body[-1]), header))

    for where, text in lines(path):
        if text.startswith(">"):
            close()
            header, body = where, ""
        elif not header:
            raise UserError(f"{where}: sequence before the first header; a FASTA file starts with >name")
        else:
            body += text.strip()
    close()
    if not found:
        raise UserError(f"{path}: no record; expected FASTA")
    return found


def csv_fields(text: str, separator: str, where: str) -> list[str]:
    """The fields of one line of CSV, which may be quoted."""
    try:
        return next(csv.reader([text], delimiter=separator), [])
    except csv.Error as error:
        raise UserError(f"{where}: not CSV ({error})") from error


def read_pairs(path: Path) -> list[Pair]:
    """TargetFinder pairs: ``pairs.csv`` or ``training.csv`` as released, or the same columns separated by tabs."""
    keys = [f"{element}_{part}" for element in ("enhancer", "promoter") for part in ("chrom", "start", "end")]
    found = []
    rows = lines(path)
    where, header = next(rows, (str(path), ""))
    separator = "\t" if "\t" in header else ","
    names = csv_fields(header, separator, where)
    if missing := [key for key in [*keys, "label"] if key not in names]:
        raise UserError(f"{where}: the header lacks {', '.join(missing)}; expected TargetFinder pairs")
    picked = [names.index(key) for key in [*keys, "label"]]
    for where, text in rows:
        fields = csv_fields(text, separator, where)
        if len(fields) != len(names):
            raise UserError(f"{where}: {len(fields)} columns where the header has {len(names)}")
        e_chrom, e_start, e_end, p_chrom, p_start, p_end, label = (fields[index] for index in picked)
        if label not in ("0", "1"):
            raise UserError(f"{where}: label {label!r} is neither 0 nor 1")
        enhancer = (e_chrom, *interval(e_start, e_end, where))
        found.append(Pair(enhancer, (p_chrom, *interval(p_start, p_end, where)), int(label), where))
    if not found:
        raise UserError(f"{path}: no pair below the header; expected TargetFinder pairs")
    return found
