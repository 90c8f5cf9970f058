"""SARS-CoV-2 genomes by variant: each genome belongs to one of the benchmark's nine variants by its Pango lineage.

Reads what GISAID, NCBI, Nextstrain, nextclade and the pango consensus project publish: a FASTA file, and a
tab-separated table with the lineage of each genome and one or more of its names.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import read_pieces
from workflow_scripts.common.files import open_text
from workflow_scripts.gue.fasta_reader import nucleotides, open_compressed_fasta
from workflow_scripts.gue.source_readers import data_lines

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

    ``path`` is a tab-separated table with a column of Pango lineages and one or more columns of names, or the summary
    JSON of the pango consensus sequences, whose keys are both lineages and names.
    """
    pairs = summary_lineages(path) if ".json" in Path(path).suffixes else table_lineages(path)
    variants: dict[str, str] = {}
    for where, name, lineage in pairs:
        variant = variant_of(lineage)
        if variant and variants.setdefault(name, variant) != variant:
            raise UserError(f"{where}: {name} is {variant} here and {variants[name]} above; a genome has one lineage")
    return variants


def summary_lineages(path: Path) -> Iterator[tuple[str, str, str]]:
    """(file, name, lineage) for each key of the summary."""
    try:
        with open_text(path) as handle:
            summary = json.load(handle)
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: not a summary of pango lineages ({error}); download it again") from error
    if not isinstance(summary, dict) or not summary:
        raise UserError(f"{path}: not a summary of pango lineages; its keys must be the lineages")
    return ((str(path), lineage, lineage) for lineage in summary)


def table_lineages(path: Path) -> Iterator[tuple[str, str, str]]:
    """(file:line, name, lineage) for each name in each row of a table; a lineage ends at the first blank."""
    rows = data_lines(path)
    where, header = next(rows, (f"{path}:1", ""))
    columns = [name.strip().lower().replace(" ", "_") for name in header.split("\t")]
    lineage_column = next((columns.index(name) for name in LINEAGE_COLUMNS if name in columns), None)
    name_columns = [columns.index(name) for name in NAME_COLUMNS if name in columns]
    if lineage_column is None or not name_columns:
        raise UserError(
            f"{where}: the header has no column of {'names' if lineage_column is not None else 'lineages'}; the table "
            f"needs one of {', '.join(LINEAGE_COLUMNS)} and one of {', '.join(NAME_COLUMNS)}"
        )
    for where, text in rows:
        fields = text.split("\t")
        if len(fields) != len(columns):
            raise UserError(f"{where}: {len(fields)} columns where the header has {len(columns)}")
        lineage = "".join(fields[lineage_column].split()[:1])
        for index in name_columns:
            if (name := normalized_name(fields[index])) not in ("", "?"):
                yield where, name, lineage


def known_name(header: str, lineages: dict[str, str]) -> str | None:
    """The part of a FASTA header, between bars or the first word, that is a key of ``lineages``."""
    parts = [normalized_name(part) for part in (*header.split("|"), *header.split()[:1])]
    return next((part for part in parts if part in lineages), None)


def read_variant_genomes(path: Path, lineages: dict[str, str]) -> dict[str, list[bytearray]]:
    """Variant -> genomes in upper case, in file order.

    Genomes without a variant are skipped, so memory grows only with the genomes that are used.
    """
    genomes: dict[str, list[bytearray]] = {}
    seen, name, bases, headers = set(), None, bytearray(), 0
    for header, lines in read_pieces(path, open_compressed_fasta):
        if header is not None:
            headers += 1
            name, bases = known_name(header.decode(errors="replace"), lineages), bytearray()
            if name in seen:
                raise UserError(f"{path}: genome {name!r} appears twice; names must be unique")
            if name:
                seen.add(name)
                genomes.setdefault(lineages[name], []).append(bases)
        elif not headers and lines.strip():
            raise UserError(f"{path}:1: text before the first header; a FASTA file starts with >name")
        if name:
            bases += nucleotides(lines, f"{path}: genome {name!r}")
    if not headers:
        raise UserError(f"{path}: no genome; expected FASTA")
    return genomes
