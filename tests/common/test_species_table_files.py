"""The files of the genomes in a species table."""

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.species_table import genome_files


@pytest.fixture
def table(tmp_path):
    """A table of two genomes with one file each and a species without assembly, and a file of another genome."""
    path = tmp_path / "species.tsv"
    path.write_text("accession\torganism\nGCF_2.1\tAus\n\tBus\nGCF_1.1\tCus\n")
    for name in ("GCF_1.1.npy", "GCF_2.1.npy", "GCF_1.1.index.npy", "other.npy"):
        (tmp_path / name).touch()
    return path


def test_a_folder_means_the_genomes_of_the_table_in_their_order(table, tmp_path):
    one = tmp_path / "other.npy"
    files = genome_files([tmp_path, one], ".npy", table)
    assert files == [tmp_path / "GCF_2.1.npy", tmp_path / "GCF_1.1.npy", one]
    assert genome_files([one], ".npy", None) == [one]


def test_missing_tables_and_files_are_named(table, tmp_path):
    with pytest.raises(UserError, match="give the table of its genomes by --species"):
        genome_files([tmp_path], ".npy", None)
    with pytest.raises(UserError, match=r"GCF_2\.1\.parquet: no such file"):
        genome_files([tmp_path], ".parquet", table)
    table.write_text(table.read_text() + "GCF_1.1\tDus\n")
    with pytest.raises(UserError, match=r"GCF_1\.1 is listed twice"):
        genome_files([tmp_path], ".npy", table)
