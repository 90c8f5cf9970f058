"""The genomes of a species table, and their files."""

from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table


def read_species(path: Path) -> list[dict[str, str]]:
    """The rows of a species table that have an accession. Raises UserError for an accession in two rows."""
    species = [genome for genome in read_table(path) if genome["accession"]]
    seen: set[str] = set()
    for genome in species:
        if genome["accession"] in seen:
            raise UserError(f"{path}: {genome['accession']} is listed twice; keep one row")
        seen.add(genome["accession"])
    return species


def genome_files(places: Iterable[Path], suffix: str, table: Path | None) -> list[Path]:
    """The files at ``places``; a folder means its ``{accession}{suffix}`` of each genome of the table, in order.

    So a corpus of any size needs only two words of a command line, which Linux limits to 128 kB. Raises UserError for
    a folder without a table, and for a missing file.
    """
    files: list[Path] = []
    for place in places:
        if not place.is_dir():
            files.append(place)
        elif table is None:
            raise UserError(f"{place}: a folder; give the table of its genomes by --species, or name the files")
        else:
            files += [place / f"{row['accession']}{suffix}" for row in read_species(table)]
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such file; check the path, or run the step that writes it")
    return files
