"""The table of DNABERT-2's 135 species: complete, valid, and with its substitutes marked."""

import csv
import gzip
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.genomes.ncbi import assembly
from workflow_scripts.common.addresses import parent_folder
from workflow_scripts.common.files import read_table
from workflow_scripts.genomes.assemblies import name_words
from workflow_scripts.settings.tables import table_errors

TABLE = Path(__file__).resolve().parents[2] / "config" / "species_135.tsv"
GROUPS = {
    "bacteria": 100,
    "fungi": 11,
    "invertebrate": 10,
    "protozoa": 2,
    "vertebrate_mammalian": 7,
    "vertebrate_other": 5,
}


def test_the_table_follows_its_schema():
    assert list(table_errors(TABLE, "species", ["name"])) == []


def test_names_and_accessions_are_complete_and_unique():
    rows = read_table(TABLE)
    assert Counter(row["group"] for row in rows) == GROUPS
    assert len({row["name"] for row in rows}) == 135
    accessions = [row["accession"] for row in rows if row["accession"]]
    # compared by digits, because versions and copies of an assembly must not be listed twice
    assert len({accession[4:13] for accession in accessions}) == len(accessions)


def test_the_verdict_says_whether_there_is_an_assembly():
    for row in read_table(TABLE):
        assert (row["verdict"] == "unresolved") == (row["accession"] == ""), row["name"]
        if row["verdict"] == "unresolved":
            assert row["url"] == row["taxid"] == row["genome_size_bp"] == "", row["name"]
        else:
            assert row["taxid"], row["name"]
            assert row["genome_size_bp"], row["name"]
        if row["verdict"] != "exact":
            assert row["note"], row["name"]
        if row["url"]:
            assert row["url"].startswith(f"{parent_folder(row['accession'])}/{row['accession']}_")
            assert not row["url"].endswith("/")


def test_an_exact_row_is_of_the_named_species():
    exact = [row for row in read_table(TABLE) if row["verdict"] == "exact"]
    for row in exact:
        if row["name"] != "Human":
            assert set(row["organism"].lower().split()[:2]) <= set(row["name"].lower().split()), row["name"]
    assert [row["organism"] for row in exact if row["name"] == "Human"] == ["Homo sapiens"]


def test_a_substitute_names_the_species_that_a_lock_should_search():
    rows = read_table(TABLE)
    assert {row["verdict"] for row in rows if row["species"]} == {"substitute"}
    for row in rows:
        words, printed = name_words(row["species"]), name_words(row["name"])
        if row["species"]:
            assert len(words) >= 2, row["name"]
            # the first word is the genus, except in one name
            assert row["genus"].lower() == words[-1 if words[0] == "paulownia" else 0], row["name"]
            # except a leading word of the group, and a word that the publication omits
            assert printed in (words, [printed[0], *words], [word for word in words if word != "broom"]), row["name"]
            assert words != name_words(row["organism"])[: len(words)], row["name"]
        elif row["verdict"] == "substitute":
            assert len(printed) == 1 or "bacterium" in printed, row["name"]
    (count,) = re.findall(r"species: in (\d+) of the substitutes' rows", comments())
    assert int(count) == sum(1 for row in rows if row["species"])


def test_a_lock_finds_the_species_and_keeps_other_substitutes(ncbi, lock):
    rows = read_table(TABLE)
    latest = {group: [] for group in GROUPS}
    for number, row in enumerate(rows):
        if row["accession"]:
            latest[row["group"]].append(assembly(row["accession"], row["organism"]))
        if row["species"]:
            genus, strain = row["species"].split(" ", 1)
            latest[row["group"]].append(assembly(f"GCA_99999{number:04d}.1", f"{genus} sp. {strain} X"))
    for group in GROUPS:
        ncbi.table("refseq", group, [])
        ncbi.table("genbank", group, latest[group])
    found = lock(*rows)
    for row in rows:
        named = found[row["accession"] or row["name"]]
        if row["species"]:
            assert named["reason"] == f"found by name, in place of the substitute {row['accession']}"
            assert name_words(named["organism"]) == [*name_words(row["species"]), "x"]
        elif row["accession"]:
            assert (named["accession"], named["status"], named["reason"]) == (row["accession"], "current", "")


def comments():
    return " ".join(line[2:] for line in TABLE.read_text().splitlines() if line.startswith("#"))


def test_the_counts_in_the_comments_are_right():
    text = comments()
    counts = Counter(row["verdict"] for row in read_table(TABLE))
    assert {
        verdict: int(count) for count, verdict in re.findall(r"(\d+) (exact|substitute|unresolved)\b", text)
    } == counts
    for verdict in ("exact", "substitute"):
        size = sum(int(row["genome_size_bp"]) for row in read_table(TABLE) if row["verdict"] == verdict)
        assert f"{size / 1e9:.2f} billion" in text


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("REAL_DATA"), reason="REAL_DATA does not name the folder of real data")
def test_names_are_those_of_the_source_and_accessions_are_in_ncbis_tables():
    folder = Path(os.environ["REAL_DATA"]) / "species"
    rows = read_table(TABLE)
    source = plain_rows(folder / "dnabert2_species_135.tsv")
    assert [(row["group"], row["name"]) for row in rows] == [(row["group"], row["name_as_printed"]) for row in source]
    for row, given in zip(rows, source, strict=True):
        if row["species"] and "broom" not in row["species"]:
            assert row["species"].lower() == given["name_clean"].lower()
    known = {}
    for name, organism in (
        ("selection_850.tsv", "organism_name"),
        ("bolinas_metazoa_499_refseq.tsv", "Organism Name"),
        ("ncbi_genome_reports_eukaryotes_2021-03.txt.gz", "#Organism/Name"),
        ("ncbi_genome_reports_prokaryotes_2021-05_truncated.txt.gz", "#Organism/Name"),
    ):
        for row in plain_rows(folder / name):
            known[row.get("assembly_accession") or row["Assembly Accession"]] = row[organism]
    for row in rows:
        assert not row["accession"] or known[row["accession"]] == row["organism"], row["name"]


def plain_rows(path: Path) -> list[dict]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as handle:
        return list(csv.DictReader(handle, delimiter="\t", quoting=csv.QUOTE_NONE))
