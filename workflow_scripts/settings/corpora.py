"""The corpora that have a name, and the species table that a run uses."""

from collections.abc import Iterator
from pathlib import Path

from workflow_scripts.common.files import read_table
from workflow_scripts.settings.genomes import Genomes
from workflow_scripts.settings.tables import table_errors

CORPORA = {"nt850": "config/species_850.tsv", "dnabert2_135": "config/species_135.tsv"}
CORPUS_NOTES = {  # file name of the table -> what a reader of the report must know
    "species_850.tsv": "850 species is the size of the Nucleotide Transformer's corpus, not of DNABERT-2's, which has "
    "135. Neither list of accessions is available: these 850 are a documented draw with the groups and numbers of the "
    "Nucleotide Transformer.",
    "species_135.tsv": "DNABERT-2 was trained on 135 species (32.49 billion bases), of which only names were "
    "published. Each row of the table says whether its assembly is of the very species or stands in for it.",
}


def table_path(name: str) -> str:
    """The path of a table: of the corpus of that name, or the path that is given."""
    return CORPORA.get(name, name)


def corpus_note(table: str | Path) -> str:
    """What a reader must know about the corpus of a table; empty for a user's own."""
    return CORPUS_NOTES.get(Path(table).name, "")


def lock_of(table: str | Path) -> str:
    """The lock of a species table lies beside it: species_850.tsv, species_850.lock.tsv."""
    return str(Path(table).with_suffix(".lock.tsv"))


def species_in_use(table: str | Path) -> str:
    """The lock of a species table where there is one, else the table itself."""
    lock = lock_of(table)
    return lock if Path(lock).is_file() else str(table)


def species_errors(genomes: Genomes) -> Iterator[str]:
    """Mistakes in the species table and its lock, and keys that name what the table does not have."""
    table, used = genomes.corpus, species_in_use(genomes.corpus)
    mistakes = [line for path in {table: None, used: None} for line in table_errors(path, "species", ["accession"])]
    yield from mistakes
    if mistakes:
        return
    rows = read_table(used)
    accessions = [row["accession"] for row in rows if row["accession"]]
    if not accessions:
        yield f"{used}: no row has an accession; 'snakemake lock_species' looks for assemblies by name"
    if used != table:
        yield from _lock_errors(table, used)
    groups = {row["group"] for row in rows}
    for group in genomes.max_group_bases:
        if group not in groups:
            known = ", ".join(sorted(groups))
            yield f"config genomes.max_group_bases: no genome of {group!r} in {used}; it has {known}"
    for accession in genomes.validation.genomes:
        if accession not in accessions:
            yield f"config genomes.validation.genomes: no genome {accession!r} in {used}"


def _lock_errors(table: str, lock: str) -> Iterator[str]:
    """One line when a lock is out of date with its table: other species, groups, or files on this machine."""

    def asked(row: dict[str, str], name: str | None) -> tuple[str | None, ...]:
        own = (row.get("url", ""), row.get("md5", "")) if status.get(name) == "local" else ()
        return (name, row["group"], *own)

    locked = read_table(lock)
    status = {row.get("requested"): row.get("status") for row in locked}
    wanted = [asked(row, row["accession"] or row.get("name") or row["organism"]) for row in read_table(table)]
    if wanted != [asked(row, row.get("requested")) for row in locked]:
        yield f"{lock}: is out of date with {table}; delete it and run 'snakemake lock_species'"
