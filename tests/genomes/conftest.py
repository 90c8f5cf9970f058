"""A small NCBI, and a lock of species tables against it."""

import pytest

from tests.genomes.ncbi import Ncbi
from workflow_scripts.common.files import read_table
from workflow_scripts.genomes.lock_species import main


@pytest.fixture
def ncbi(tmp_path):
    return Ncbi(tmp_path / "ncbi")


@pytest.fixture
def lock(tmp_path, ncbi):
    """Locks rows of a species table; returns the lock's rows by the column requested."""

    def run(*rows, mirror=None, more=()):
        write_species(tmp_path / "species.tsv", rows)
        out = tmp_path / "out" / "lock.tsv"
        arguments = ["--species", str(tmp_path / "species.tsv"), "--out", str(out)]
        if main([*arguments, "--mirror", mirror or str(ncbi.root), *more]) == 0:
            return {row["requested"]: row for row in read_table(out)}
        return None

    run.path = tmp_path / "out" / "lock.tsv"
    return run


def write_species(path, rows):
    columns = list(dict.fromkeys(["accession", "organism", "group", *(name for row in rows for name in row)]))
    lines = [columns, *([row.get(column, "") for column in columns] for row in rows)]
    path.write_text("# a table\n" + "".join("\t".join(line) + "\n" for line in lines))
