"""Readers of the primary sources, each in the format of its publisher.

A reader takes a path, plain or compressed, and returns records with 0-based half-open coordinates and ``where``
(file:line), the place that later error messages name. A malformed line is a UserError.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.common.annotation_lines import (
    data_lines,
    nonempty_lines,
    parse_interval,
    parse_non_negative,
    parse_strand,
)
from workflow_scripts.common.errors import UserError


@dataclass(frozen=True, slots=True)
class Tss:
    """A transcription start site; ``position`` is the first transcribed base."""

    name: str
    contig: str
    position: int
    strand: str
    where: str


@dataclass(frozen=True, slots=True)
class Peak:
    """A ChIP-seq peak; ``summit`` is the base of the highest signal, or the middle base if no summit was called."""

    contig: str
    start: int
    end: int
    summit: int
    where: str


@dataclass(frozen=True, slots=True)
class Gene:
    """A transcript. ``exon_ends`` and ``exon_starts`` are the left and right boundaries of each intron.

    A boundary is the 0-based position of the first base after it. Both are in genome order, without transcript ends.
    """

    name: str
    contig: str
    strand: str
    start: int
    end: int
    exon_ends: tuple[int, ...]
    exon_starts: tuple[int, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Pair:
    """An enhancer and a promoter, as (contig, start, end), and whether they interact (1) or not (0)."""

    enhancer: tuple[str, int, int]
    promoter: tuple[str, int, int]
    label: int
    where: str


def headerless_rows(
    path: Path, count: int, names: str, separator: str | None = "\t"
) -> Iterator[tuple[str, list[str]]]:
    """(file:line, fields) of a table without a header, which must have ``count`` columns and at least one row."""
    where = None
    for where, text in data_lines(path):
        fields = text.split(separator)
        if len(fields) != count:
            raise UserError(f"{where}: {len(fields)} columns, expected {count} ({names})")
        yield where, fields
    if where is None:
        raise UserError(f"{path}: no row; expected {names}")


def read_tss(path: Path) -> list[Tss]:
    """EPDnew promoters: BED6 separated by blanks or tabs, with end = start + 1, the 1-based position of the TSS."""
    found = []
    for where, (contig, start, end, name, _, strand) in headerless_rows(path, 6, "BED6", separator=None):
        _, last = parse_interval(start, end, where)
        found.append(Tss(name, contig, last - 1, parse_strand(strand, where), where))
    return found


def read_tata_motifs(path: Path) -> dict[str, bool]:
    """EPD's ``promoter_motifs.txt``: promoter name -> whether it has a TATA box (column ``TATA-box``, 1 or 0)."""
    flags: dict[str, bool] = {}
    rows = nonempty_lines(path)  # the header starts with #
    where, header = next(rows, (f"{path}:1", ""))
    if "TATA-box" not in header.split():
        raise UserError(f"{where}: no column TATA-box in the header; expected EPD's promoter_motifs.txt")
    column = header.split().index("TATA-box")
    for where, text in rows:
        fields = text.split()
        flag = fields[column] if column < len(fields) else ""
        if flag not in ("0", "1"):
            raise UserError(f"{where}: the TATA-box flag must be 0 or 1, not {flag!r}")
        flags[fields[0]] = flag == "1"
    return flags


def read_peaks(path: Path) -> list[Peak]:
    """ENCODE narrowPeak, ten columns: column 10 is the offset of the summit from start, -1 if none was called."""
    found = []
    for where, fields in headerless_rows(path, 10, "narrowPeak"):
        start, end = parse_interval(fields[1], fields[2], where)
        if fields[9] == "-1":
            summit = (start + end) // 2
        else:
            offset = parse_non_negative(fields[9], where, "summit offset")
            if offset > end - start:
                raise UserError(f"{where}: summit offset {offset} is outside the peak of {end - start} bp")
            summit = min(start + offset, end - 1)  # some released peaks have offset = length
        found.append(Peak(fields[0], start, end, summit, where))
    return found


def read_genes(path: Path) -> list[Gene]:
    """SpliceAI's gene table: name, paralog, chrom, strand, start, end, exon ends, exon starts (1-based lists)."""
    found = []
    for where, fields in headerless_rows(path, 8, "name paralog chrom strand start end exon_ends exon_starts"):
        name, _, contig, strand, start, end, left, right = fields
        first, last = parse_interval(start, end, where)
        exon_ends = tuple(parse_non_negative(text, where, "exon end") for text in left.split(",") if text)
        exon_starts = tuple(parse_non_negative(text, where, "exon start") - 1 for text in right.split(",") if text)
        if len(exon_ends) != len(exon_starts):
            raise UserError(
                f"{where}: {len(exon_ends)} exon ends but {len(exon_starts)} exon starts; each intron needs one of each"
            )
        if first == 0:
            raise UserError(f"{where}: start 0; positions in a gene table count from 1")
        if any(a >= b for a, b in zip(exon_ends, exon_starts, strict=True)):
            raise UserError(f"{where}: an exon starts before the previous one ends")
        positions = (*exon_ends, *(start + 1 for start in exon_starts))
        if outside := [position for position in positions if not first <= position <= last]:
            raise UserError(f"{where}: an exon ends or starts at {outside[0]}, outside the gene, {first} to {last}")
        found.append(Gene(name, contig, parse_strand(strand, where), first - 1, last, exon_ends, exon_starts, where))
    return found


def read_histone(path: Path) -> list[tuple[str, int, str]]:
    """JAIST's histone FASTA: (sequence, label, file:line) of each record, whose last character is the label, 0 or 1."""
    found = []
    header, body = "", ""

    def close() -> None:
        if not header:
            return
        if body[-1:] not in ("0", "1") or len(body) < 2:
            raise UserError(f"{header}: the record must end in its label, 0 or 1; it ends in {body[-1:]!r}")
        found.append((body[:-1].upper(), int(body[-1]), header))

    for where, text in data_lines(path):
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
    """The fields of one line of CSV; fields may be quoted."""
    try:
        return next(csv.reader([text], delimiter=separator, strict=True), [])
    except csv.Error as error:
        raise UserError(f"{where}: not CSV ({error})") from error


def read_pairs(path: Path) -> list[Pair]:
    """TargetFinder's ``pairs.csv`` or ``training.csv``, or the same columns separated by tabs."""
    keys = [f"{element}_{part}" for element in ("enhancer", "promoter") for part in ("chrom", "start", "end")]
    found = []
    rows = data_lines(path)
    where, header = next(rows, (str(path), ""))
    separator = "\t" if "\t" in header else ","
    names = csv_fields(header, separator, where)
    if missing := [key for key in [*keys, "label"] if key not in names]:
        raise UserError(f"{where}: the header lacks {', '.join(missing)}; expected TargetFinder pairs")
    indices = [names.index(key) for key in [*keys, "label"]]
    for where, text in rows:
        fields = csv_fields(text, separator, where)
        if len(fields) != len(names):
            raise UserError(f"{where}: {len(fields)} columns where the header has {len(names)}")
        e_contig, e_start, e_end, p_contig, p_start, p_end, label = (fields[index] for index in indices)
        if label not in ("0", "1"):
            raise UserError(f"{where}: label {label!r} is neither 0 nor 1")
        enhancer = (e_contig, *parse_interval(e_start, e_end, where))
        found.append(Pair(enhancer, (p_contig, *parse_interval(p_start, p_end, where)), int(label), where))
    if not found:
        raise UserError(f"{path}: no pair below the header; expected TargetFinder pairs")
    return found
