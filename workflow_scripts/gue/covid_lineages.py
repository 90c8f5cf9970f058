"""SARS-CoV-2 genomes by variant: each genome belongs to one of the benchmark's nine variants by its Pango lineage.

Reads what GISAID, NCBI, Nextstrain, nextclade and the pango consensus project publish: a FASTA file, and a
table with the lineage of each genome and one or more of its names.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.common.compression import DAMAGE
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import read_letters
from workflow_scripts.common.files import open_text, too_many
from workflow_scripts.gue.source_readers import csv_fields, data_lines

# WHO's names. An entry covers the lineage and all its descendants. Q is the alias of the descendants of B.1.1.7, AY
# that of B.1.617.2; the others have no alias. https://cov-lineages.org
VARIANTS = {
    "B.1.1.7": "Alpha",
    "Q": "Alpha",
    "B.1.351": "Beta",
    "P.1": "Gamma",
    "B.1.617.2": "Delta",
    "AY": "Delta",
    "B.1.525": "Eta",
    "B.1.526": "Iota",
    "B.1.617.1": "Kappa",
    "C.37": "Lambda",
    "P.2": "Zeta",
}
# Column names in lower case with _ for blanks. A table's lineage is in the first of these columns that it has ...
LINEAGE_COLUMNS = (
    *("pango_lineage", "pangolin_lineage", "nextclade_pango", "virus_pangolin_classification", "pango"),
    "lineage",
)
# ... and a genome is known by all of its names.
NAME_COLUMNS = (
    *("strain", "virus_name", "seqname", "name", "taxon", "accession", "accession_id", "gisaid_epi_isl"),
    "genbank_accession",
)


def variant_of(lineage: str) -> str | None:
    """The variant of a Pango lineage or of its closest ancestor that has one; ``None`` if there is none."""
    while lineage not in VARIANTS and "." in lineage:
        lineage = lineage.rpartition(".")[0]
    return VARIANTS.get(lineage)


def normalized_name(text: str) -> str:
    """The name of a genome without GISAID's prefix and without blanks, so that FASTA files and tables agree."""
    return "".join(text.split()).removeprefix("hCoV-19/")


def read_lineages(path: Path) -> dict[str, str]:
    """Genome name -> variant, for genomes that have a variant.

    ``path`` is a table with a column of Pango lineages and one or more columns of names, or the summary JSON of the
    pango consensus sequences, whose keys are both lineages and names. If a name has rows of two variants, the first row
    counts and the others are left out. Their number, and that of rows that repeat a name, are printed.
    """
    variants: dict[str, str] = {}
    repeated, contradicting = Skipped("rows repeat a name"), Skipped("rows give a name a second variant")
    for where, names, lineage in summary_lineages(path) if ".json" in Path(path).suffixes else table_lineages(path):
        variant = variant_of(lineage)
        if variant is None:
            continue
        known = [name for name in names if name in variants]
        if other := [name for name in known if variants[name] != variant]:
            contradicting.add(where, f"{other[0]} is {variant} here and {variants[other[0]]} above")
            continue
        if known:
            repeated.add(where, known[0])
        variants.update(dict.fromkeys(names, variant))
    for skipped in (repeated, contradicting):
        skipped.warn(path, "the first row counts")
    return variants


@dataclass
class Skipped:
    """Counts what is left out of a source, and remembers the first for the log."""

    what: str
    count: int = 0
    first: str = ""

    def add(self, where: str, which: str) -> None:
        self.first = self.first or f"{where}: {which}"
        self.count += 1

    def warn(self, path: Path, then: str) -> None:
        """Print a line if anything was left out."""
        if self.count:
            print(f"warning: {path}: {self.count:,} {self.what}; {then} (first: {self.first})", file=sys.stderr)


def summary_lineages(path: Path) -> Iterator[tuple[str, list[str], str]]:
    """(file, [name], lineage) for each key of the summary."""
    try:
        with open_text(path) as handle:
            summary = json.load(handle)
    except (*DAMAGE, ValueError) as error:
        raise UserError(f"{path}: not a summary of pango lineages ({error}); download it again") from error
    if not isinstance(summary, dict) or not summary:
        raise UserError(f"{path}: not a summary of pango lineages; its keys must be the lineages")
    return ((str(path), [lineage], lineage) for lineage in summary)


def table_lineages(path: Path) -> Iterator[tuple[str, list[str], str]]:
    """(file:line, names, lineage) of each row of a table; a lineage ends at the first blank.

    The table is separated by tabs, commas or semicolons, and fields may be quoted. Rows with other columns than the
    header, as of a name with a tab, are left out and counted; UserError if they are many.
    """
    rows = data_lines(path)
    where, header = next(rows, (f"{path}:1", ""))
    separator = max("\t,;", key=header.count)
    columns = [name.strip().lower().replace(" ", "_") for name in csv_fields(header, separator, where)]
    lineage_column = next((columns.index(name) for name in LINEAGE_COLUMNS if name in columns), None)
    name_columns = [columns.index(name) for name in NAME_COLUMNS if name in columns]
    if lineage_column is None or not name_columns:
        raise UserError(
            f"{where}: the header has no column of {'names' if lineage_column is not None else 'lineages'}; the table "
            f"needs one of {', '.join(LINEAGE_COLUMNS)} and one of {', '.join(NAME_COLUMNS)}"
        )
    damaged = Skipped("rows have other columns than the header")
    for number, (where, text) in enumerate(rows, start=1):
        fields = csv_fields(text, separator, where)
        if len(fields) != len(columns):
            damaged.add(where, f"{len(fields)} columns where the header has {len(columns)}")
            if too_many(damaged.count, number):
                raise UserError(f"{damaged.first}, and {damaged.count} rows like it; the table is damaged")
            continue
        names = [normalized_name(fields[index]) for index in name_columns]
        yield where, [name for name in names if name not in ("", "?")], "".join(fields[lineage_column].split()[:1])
    damaged.warn(path, "they are left out")


def known_name(header: str, lineages: dict[str, str]) -> str | None:
    """The part of a FASTA header, between bars or the first word, that is a key of ``lineages``."""
    parts = [normalized_name(part) for part in (*header.split("|"), *header.split()[:1])]
    return next((part for part in parts if part in lineages), None)


def read_variant_genomes(path: Path, lineages: dict[str, str]) -> dict[str, list[bytearray]]:
    """Variant -> genomes in upper case, in file order.

    Genomes without a variant are skipped, so memory grows only with the genomes that are used. Of genomes with the same
    name the first is used, and the number of the others is printed.
    """
    genomes: dict[str, list[bytearray]] = {}
    seen: set[str] = set()
    repeated, bases = Skipped("genomes repeat a name"), bytearray()
    for header, letters in read_letters(path, wanted=lambda header: known_name(header, lineages) is not None):
        if header is not None:
            name, bases = known_name(header, lineages), bytearray()
            if name in seen:
                repeated.add(str(path), name)
            elif name:
                seen.add(name)
                genomes.setdefault(lineages[name], []).append(bases)
        bases += letters.upper()
    repeated.warn(path, "the first of each name is used")
    return genomes
