"""NCBI's tables of assemblies are streamed, and assemblies are matched by name and ranked."""

import os
import random
import tracemalloc
from pathlib import Path

import pytest

from tests.genomes.ncbi import HEADS, NEW, assembly, summary
from workflow_scripts.common.errors import UserError
from workflow_scripts.genomes.assemblies import (
    Assembly,
    genus_of,
    name_words,
    preference,
    read_assemblies,
    read_latest,
    searches_for,
)


@pytest.mark.parametrize("style", ["old", "new"])
def test_columns_are_found_by_name(tmp_path, style):
    given = assembly("GCF_000000001.2", "Mucor albus", excluded_from_refseq="partial")
    path = tmp_path / "assembly_summary.txt"
    path.write_text(summary([given], style))
    (read,) = read_assemblies(path, "table")
    expected = {name: given[name] for name in Assembly._fields}
    assert read._asdict() == expected | ({} if style == "new" else {"genome_size": ""})


def test_line_ends_and_quotes_are_part_of_values(tmp_path):
    path = tmp_path / "assembly_summary.txt"
    text = summary([assembly("GCF_000000001.2", 'Mucor "albus\r x', asm_name='say "')])
    path.write_bytes(text.replace("\n", "\r\n").encode() + "GCF_\udcff".encode(errors="surrogateescape"))
    with pytest.raises(UserError, match="table:4: 1 columns where the header has 38"):
        list(read_assemblies(path, "table"))
    path.write_bytes(text.replace("\n", "\r\n").replace("albus", "\u00e4lbus").encode("latin-1"))
    (read,) = read_assemblies(path, "table")
    assert read.organism_name == 'Mucor "\ufffdlbus\r x'


def test_a_row_with_a_tab_in_a_name_is_left_out_and_many_are_refused(tmp_path, capsys):
    path = tmp_path / "assembly_summary.txt"
    good = assembly("GCA_000000002.1", "Mucor albus")
    bad = assembly("GCA_000000001.1", "Mucor albus", asm_submitter="a\ttab")
    path.write_text(summary([bad, good]))
    assert [row.assembly_accession for row in read_assemblies(path, "table")] == ["GCA_000000002.1"]
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("warning: table:3: 39 columns where the header has 38") and "GCA_000000001.1" in warning
    path.write_text(summary([*[bad] * 11, good]))
    with pytest.raises(UserError, match=r"table:13: 39 columns .* damaged"):
        list(read_assemblies(path, "table"))


@pytest.mark.parametrize(
    "accession", ["../../../x", "GCA_000000001.1/../x", "GCA_00000001.1", "GCA_000000001.1\r", "na"]
)
def test_rows_with_invalid_accessions_are_left_out(tmp_path, accession):
    path = tmp_path / "assembly_summary.txt"
    good = assembly("GCA_000000002.1", "Mucor albus")
    path.write_text(summary([good | {"assembly_accession": accession}, good]))
    assert [row.assembly_accession for row in read_assemblies(path, "table")] == ["GCA_000000002.1"]


@pytest.mark.parametrize(
    ("organism", "genus", "words"),
    [
        ("Homo sapiens", "homo", ["homo", "sapiens"]),
        ("[Clostridium] nexile", "clostridium", ["clostridium", "nexile"]),
        ("Candidatus Phytoplasma mali", "phytoplasma", ["phytoplasma", "mali"]),
        ("uncultured Candidatus Saccharibacteria bacterium", "saccharibacteria", ["saccharibacteria", "bacterium"]),
        ("'Nostoc azollae' 0708", "nostoc", ["nostoc", "azollae", "0708"]),
        ("Bacillus sp. BC15", "bacillus", ["bacillus", "bc15"]),
        ("", "", []),
    ],
)
def test_genus_and_words_of_organism_names(organism, genus, words):
    assert (genus_of(organism), name_words(organism)) == (genus, words)


def ranked(**differences):
    values = assembly("GCA_000000001.1", "Mucor albus", **differences)
    return preference(Assembly(**{name: values[name] for name in Assembly._fields}))


def test_assemblies_are_ranked_in_the_order_of_preference():
    order = [
        ranked(refseq_category="reference genome", assembly_level="Contig", excluded_from_refseq="derived"),
        ranked(refseq_category="representative genome", assembly_level="Contig"),
        ranked(assembly_level="Complete Genome", excluded_from_refseq="derived from metagenome"),
        ranked(assembly_level="Chromosome"),
        ranked(assembly_level="Scaffold", seq_rel_date="2021/01/01"),
        ranked(assembly_level="Scaffold", seq_rel_date="2020/12/31"),
        ranked(assembly_level="Scaffold", seq_rel_date="2020/12/31", assembly_accession="GCA_000000002.1"),
        ranked(assembly_level="Scaffold", seq_rel_date="na"),
        ranked(assembly_level="Scaffold", seq_rel_date="2022/01/01", excluded_from_refseq="partial"),
        ranked(assembly_level="Contig", seq_rel_date="2022/01/01", excluded_from_refseq=""),
    ]
    assert sorted(random.Random(0).sample(order, len(order))) == order


@pytest.mark.slow
def test_a_large_table_is_streamed(tmp_path):
    line = "\t".join(
        assembly("GCA_999999999.1", "Salmonella enterica").get(column, "na" * 12) for column in NEW.split()
    )
    path = tmp_path / "assembly_summary.txt"
    with path.open("w") as out:
        out.write(HEADS["new"] + "\t".join(NEW.split()) + "\n")
        for number in range(60_000):
            out.write(line.replace("999999999", f"{number:09d}") + "\n")
    assert path.stat().st_size > 40_000_000
    species = [
        {"accession": "GCA_000000007.1", "organism": "Salmonella bongori", "group": "bacteria"},
        {"accession": "", "organism": "Salmonella enterica", "group": "bacteria"},
    ]
    searches = searches_for(species)
    by_accession = {"GCA_000000007.1": searches[0]}
    tracemalloc.start()
    read_latest(read_assemblies(path, "x"), 1, searches, by_accession, {"000000007"})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000
    assert searches[0].assembly.assembly_accession == "GCA_000000007.1"
    assert [len(search.candidates) for search in searches] == [4, 4]
    assert searches[1].candidates[0][1].assembly_accession == "GCA_000000000.1"


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("REAL_DATA"), reason="REAL_DATA does not name the folder of real data")
@pytest.mark.parametrize(
    "name", ["refseq_fungi_assembly_summary_sample20.txt", "refseq_all_assembly_summary_sample.txt"]
)
def test_ncbis_own_tables_are_read(name):
    path = Path(os.environ["REAL_DATA"]) / "species" / name
    rows = list(read_assemblies(path, name))
    lines = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("#")]
    assert [row.assembly_accession for row in rows] == [line[0] for line in lines]
    for row in rows:
        assert row.ftp_path.rstrip("/").rsplit("/", 1)[-1].startswith(f"{row.assembly_accession}_")
        assert int(row.genome_size) > 0
        assert preference(row)[3] < -20000000
