"""Readers of the primary sources, each in the format its publisher uses.

Every reader takes a path (plain or gzip) and gives plain records with 0-based half-open coordinates and ``where``
(file:line), so that a later complaint can name the place. A malformed line is a one-line UserError.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import open_text, read_table
from workflow_scripts.gue.fasta import read_contigs


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


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """(file:line, text) of every line that is neither empty nor a comment nor a browser header."""
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file")
    number = 0
    try:
        with open_text(path) as handle:
            for number, line in enumerate(handle, start=1):
                text = line.rstrip("\n")
                if text.strip() and not text.startswith(("#", "track ", "browser ")):
                    yield f"{path}:{number}", text
    except (EOFError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable after line {number} ({error}); download it again") from error


def columns(path: Path, count: int, names: str, separator: str | None = "\t") -> Iterator[tuple[str, list[str]]]:
    """(file:line, fields) of a headerless table that has exactly ``count`` columns."""
    for where, text in lines(path):
        fields = text.split(separator)
        if len(fields) != count:
            raise UserError(f"{where}: {len(fields)} columns where {count} belong ({names})")
        yield where, fields


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
    column = None
    with open_text(path) as handle:
        for number, line in enumerate(handle, start=1):
            fields = line.split()
            if not fields:
                continue
            if column is None:
                if "TATA-box" not in fields:
                    raise UserError(
                        f"{path}:{number}: no column TATA-box in the header; is this EPD's promoter_motifs.txt?"
                    )
                column = fields.index("TATA-box")
                continue
            if len(fields) <= column or fields[column] not in ("0", "1"):
                raise UserError(f"{path}:{number}: the TATA-box flag must be 0 or 1")
            flags[fields[0]] = fields[column] == "1"
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
        if any(a >= b for a, b in zip(exon_ends, exon_starts, strict=True)):
            raise UserError(f"{where}: an exon starts before the one before it ends")
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


# Nextstrain's clades that WHO named; Zeta (P.2) has no clade of its own. https://clades.nextstrain.org
CLADE_VARIANTS = {
    **{"20I": "Alpha", "20H": "Beta", "20J": "Gamma", "21A": "Delta", "21I": "Delta", "21J": "Delta"},
    **{"21B": "Kappa", "21D": "Eta", "21F": "Iota", "21G": "Lambda"},
}


def read_lineages(path: Path) -> dict[str, str]:
    """Genome or lineage name -> variant, for those that have one.

    Takes a table with the columns ``name`` and ``gue_covid_class`` (empty for other lineages), or the summary JSON of
    the pango consensus sequences, whose ``nextstrainClade`` gives the variant.
    """
    if ".json" not in Path(path).suffixes:
        rows = read_table(path)
        if not rows or not {"name", "gue_covid_class"} <= rows[0].keys():
            raise UserError(f"{path}: the table needs the columns name and gue_covid_class")
        return {row["name"]: row["gue_covid_class"] for row in rows if row["gue_covid_class"]}
    try:
        with open_text(path) as handle:
            clades = {name: entry["nextstrainClade"].split(" ")[0] for name, entry in json.load(handle).items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{path}: not a summary of pango lineages with nextstrainClade ({error!r})") from error
    variants = {name: CLADE_VARIANTS[clade] for name, clade in clades.items() if clade in CLADE_VARIANTS}
    return variants | {name: "Zeta" for name in clades if name == "P.2" or name.startswith("P.2.")}


def read_variant_genomes(path: Path, lineages: dict[str, str]) -> dict[str, list[tuple[str, bytes]]]:
    """Variant -> [(name, genome)] in file order; a FASTA header's name ends at the first ``|``. Others are left out."""
    genomes: dict[str, list[tuple[str, bytes]]] = {}
    for header, sequence in read_contigs(path):
        name = header.split("|")[0]
        if name in lineages:
            genomes.setdefault(lineages[name], []).append((name, sequence))
    return genomes


def read_pairs(path: Path) -> list[Pair]:
    """TargetFinder pairs: ``pairs.csv`` or ``training.csv`` as released, or the same columns separated by tabs."""
    keys = [f"{element}_{part}" for element in ("enhancer", "promoter") for part in ("chrom", "start", "end")]
    found = []
    rows = lines(path)
    where, header = next(rows, (str(path), ""))
    separator = "\t" if "\t" in header else ","
    names = next(csv.reader([header], delimiter=separator), [])
    if missing := [key for key in [*keys, "label"] if key not in names]:
        raise UserError(f"{where}: the header lacks {', '.join(missing)}; expected TargetFinder pairs")
    picked = [names.index(key) for key in [*keys, "label"]]
    for where, text in rows:
        fields = next(csv.reader([text], delimiter=separator))
        if len(fields) != len(names):
            raise UserError(f"{where}: {len(fields)} columns where the header has {len(names)}")
        e_chrom, e_start, e_end, p_chrom, p_start, p_end, label = (fields[index] for index in picked)
        if label not in ("0", "1"):
            raise UserError(f"{where}: label {label!r} is neither 0 nor 1")
        enhancer = (e_chrom, *interval(e_start, e_end, where))
        found.append(Pair(enhancer, (p_chrom, *interval(p_start, p_end, where)), int(label), where))
    return found
