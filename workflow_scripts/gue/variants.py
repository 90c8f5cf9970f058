"""SARS-CoV-2 genomes, and which of the benchmark's nine variants each of them is, by its Pango lineage.

Takes what GISAID, NCBI, Nextstrain, nextclade and the pango consensus project give out: a FASTA file, and a
tab-separated table that has the lineage of every genome under one of its names.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import WHITE, read_pieces
from workflow_scripts.common.files import open_text
from workflow_scripts.gue.fasta import open_sequences
from workflow_scripts.gue.source_readers import lines

# WHO's names: a lineage stands for itself and for all that descend from it. Q. are the descendants of B.1.1.7 and AY.
# those of B.1.617.2, under a shorter name; none of the others has an alias. https://cov-lineages.org
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
# names of columns in lower case with _ for blanks; the first that a table has is taken
LINEAGE_COLUMNS = ("pango_lineage", "pangolin_lineage", "nextclade_pango", "virus_pangolin_classification", "pango")
LINEAGE_COLUMNS += ("lineage",)
# every name of a genome counts
NAME_COLUMNS = ("strain", "virus_name", "seqname", "name", "taxon", "accession", "accession_id", "gisaid_epi_isl")
NAME_COLUMNS += ("genbank_accession",)
NUCLEOTIDE_CODES = b"ACGTUNRYSWKMBDHV-"


def variant_of(lineage: str) -> str | None:
    """The variant of a Pango lineage: its own or that of an ancestor, whose name ends before one of its dots."""
    while lineage not in VARIANTS and "." in lineage:
        lineage = lineage.rpartition(".")[0]
    return VARIANTS.get(lineage)


def plain_name(text: str) -> str:
    """A genome's name as FASTA files and tables have in common: without GISAID's prefix and without blanks."""
    return "".join(text.split()).removeprefix("hCoV-19/")


def read_lineages(path: Path) -> dict[str, str]:
    """Genome name -> variant, for those that have one.

    Takes a tab-separated table with a column of Pango lineages and one or more of names, or the summary JSON of the
    pango consensus sequences, whose keys are lineages and the genomes' names in one.
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
    """(file:line, name, lineage) for each name of each row of a table; of a lineage only the first word counts."""
    rows = lines(path)
    where, header = next(rows, (f"{path}:1", ""))
    columns = [name.strip().lower().replace(" ", "_") for name in header.split("\t")]
    lineage_at = next((columns.index(name) for name in LINEAGE_COLUMNS if name in columns), None)
    names_at = [columns.index(name) for name in NAME_COLUMNS if name in columns]
    if lineage_at is None or not names_at:
        raise UserError(
            f"{where}: the header has {'no name' if lineage_at is not None else 'no lineage'} of a genome; the table "
            f"needs one of {', '.join(LINEAGE_COLUMNS)} and one of {', '.join(NAME_COLUMNS)}"
        )
    for where, text in rows:
        fields = text.split("\t")
        if len(fields) != len(columns):
            raise UserError(f"{where}: {len(fields)} columns where the header has {len(columns)}")
        lineage = "".join(fields[lineage_at].split()[:1])
        for index in names_at:
            if (name := plain_name(fields[index])) not in ("", "?"):
                yield where, name, lineage


def known_name(header: str, lineages: dict[str, str]) -> str | None:
    """The name of a FASTA header that has a variant: a part between bars, or the first word."""
    parts = [plain_name(part) for part in (*header.split("|"), *header.split()[:1])]
    return next((part for part in parts if part in lineages), None)


def read_variant_genomes(path: Path, lineages: dict[str, str]) -> dict[str, list[bytearray]]:
    """Variant -> genomes in upper case, in file order; only those of a variant are kept, however many there are."""
    genomes: dict[str, list[bytearray]] = {}
    seen, name, bases, headers = set(), None, bytearray(), 0
    for header, text in read_pieces(path, open_sequences):
        if header is not None:
            headers += 1
            name, bases = known_name(header.decode(errors="replace"), lineages), bytearray()
            if name in seen:
                raise UserError(f"{path}: genome {name!r} appears twice; names must be unique")
            if name:
                seen.add(name)
                genomes.setdefault(lineages[name], []).append(bases)
        elif not headers and text.strip():
            raise UserError(f"{path}:1: text before the first header; a FASTA file starts with >name")
        if name:
            known = text.upper().translate(None, WHITE)
            if strange := known.translate(None, NUCLEOTIDE_CODES):
                raise UserError(f"{path}: genome {name!r}: {chr(strange[0])!r} is no nucleotide code; is this DNA?")
            bases += known
    if not headers:
        raise UserError(f"{path}: no genome; expected FASTA")
    return genomes
