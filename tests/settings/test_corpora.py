"""The species table and its lock: mistakes have their line, and a lock is used while it is of the table."""

from pathlib import Path

import pytest

from tests.settings.conftest import REPOSITORY
from workflow_scripts.common.files import read_table
from workflow_scripts.settings.configuration import mistakes
from workflow_scripts.settings.corpora import lock_of, species_in_use, table_path


def test_rows_of_tables_are_named_by_file_and_line(quick):
    path = Path(quick["genomes"]["corpus"])
    header, first, second, third = path.read_text().splitlines()
    accession = first.split("\t")[0]
    without = second.replace(second.split("\t")[1], "", 1)
    columns = third.split("\t")
    columns[header.split("\t").index("group")] = "fish"
    path.write_text("\n".join(["# made up", header, first, without, first, "\t".join(columns)]) + "\n")
    told = mistakes(quick)
    assert told[:2] == [
        f"{path}:4 organism: '' should be non-empty",
        f"{path}:5: {accession} is already in line 3",
    ]
    assert told[2].startswith(f"{path}:6 group: 'fish' is not one of bacteria, fungi,") and len(told) == 3
    path.write_text("\n".join([header, first, second + "\tmore"]) + "\n")
    assert mistakes(quick) == [f"{path}:3: 8 columns where the header has 7"]


def test_column_that_a_table_lacks_is_named(quick):
    path = Path(quick["genomes"]["corpus"])
    rows = [line.split("\t")[1:] for line in path.read_text().splitlines()]
    path.write_text("\n".join("\t".join(row) for row in rows) + "\n")
    assert mistakes(quick)[0] == f"{path}:2: accession missing; config/README.md lists the columns"


def test_corpora_have_names():
    for name in ("nt850", "dnabert2_135"):
        assert (REPOSITORY / table_path(name)).is_file()
    assert table_path("my/table.tsv") == "my/table.tsv"


def test_rows_that_wait_for_an_assembly_are_sound_unless_all_do(quick):
    path = Path(quick["genomes"]["corpus"])
    header, *rows = path.read_text().splitlines()
    waiting = ["\t".join(["", *row.split("\t")[1:]]) for row in rows]
    path.write_text("\n".join([header, *waiting[:2], rows[2]]) + "\n")
    assert mistakes(quick) == []
    path.write_text("\n".join([header, *waiting]) + "\n")
    assert mistakes(quick) == [
        f"{path}: no row has an accession; 'snakemake lock_species' looks for assemblies by name"
    ]


def test_a_lock_is_used_when_it_is_of_the_same_species(quick):
    path = Path(quick["genomes"]["corpus"])
    lock = Path(lock_of(path))
    assert lock.name == "species.lock.tsv" and species_in_use(path) == str(path)
    rows = read_table(path)
    columns = [*rows[0], "requested", "status"]
    lines = ["\t".join([*row.values(), row["accession"], "current"]) for row in rows]
    lock.write_text("\n".join(["\t".join(columns), *lines]) + "\n")
    assert species_in_use(path) == str(lock) and mistakes(quick) == []
    lock.write_text("\n".join(["\t".join(columns), *lines[1:]]) + "\n")
    (told,) = mistakes(quick)
    assert told.startswith(f"{lock}: is out of date with {path};") and "lock_species" in told
    lock.write_text("\n".join(["\t".join(columns), *(line + "x" for line in lines)]) + "\n")
    assert (
        all(line.startswith(f"{lock}:") and "status" in line for line in mistakes(quick)) and len(mistakes(quick)) == 3
    )
    lock.write_text(path.read_text())  # a table, not a lock
    (told,) = mistakes(quick)
    assert told.startswith(f"{lock}: is out of date with {path};")


@pytest.mark.parametrize(("column", "noticed"), [("url", True), ("md5", True), ("group", True), ("organism", False)])
def test_an_edit_of_the_table_behind_the_lock_is_noticed(quick, column, noticed):
    path = Path(quick["genomes"]["corpus"])
    lock = Path(lock_of(path))
    row = {"accession": "mine", "organism": "Aus bus", "group": "fungi", "url": "/data/a.fa", "md5": "0" * 32}
    locked = row | {"requested": "mine", "status": "local"}
    edited = row | {column: {"url": "/data/b.fa", "md5": "1" * 32, "group": "viral", "organism": "Aus cus"}[column]}
    for file, content in ((lock, locked), (path, row)):
        file.write_text("\n".join("\t".join(line) for line in (content, content.values())) + "\n")
    assert mistakes(quick) == []
    path.write_text("\n".join("\t".join(line) for line in (edited, edited.values())) + "\n")
    assert len(mistakes(quick)) == noticed
