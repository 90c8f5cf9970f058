"""The genomes of a species table, and their files."""

from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table


def read_species(path: Path) -> list[dict[str, str]]:
    """The rows of the species table that name an accession; each may stand in it once."""
    species = [genome for genome in read_table(path) if genome["accession"]]
    seen: set[str] = set()
    for genome in species:
        if genome["accession"] in seen:
            raise UserError(f"{path}: {genome['accession']} is listed twice; keep one row")
        seen.add(genome["accession"])
    return species


def genome_files(places: Iterable[Path], suffix: str, table: Path | None) -> list[Path]:
    """The files at ``places``; a folder stands for the ``{accession}{suffix}`` in it of the table's genomes, in order.

    So a corpus of any size is two words of a command line, which Linux cuts off at 128 kB. Raises UserError for a
    folder without a table, and for a file that is not there.
    """
    files: list[Path] = []
    for place in places:
        if place.is_dir() and table is None:
            raise UserError(f"{place}: a folder; say with --species which genomes are meant, or name the files")
        files += [place / f"{row['accession']}{suffix}" for row in read_species(table)] if place.is_dir() else [place]
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such file; check the path, or run the step that makes it")
    return files
