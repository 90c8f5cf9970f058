"""The corpora that have a name, and the species table that a run uses."""

from pathlib import Path

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
