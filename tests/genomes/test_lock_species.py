"""The lock of a species table: which assembly is chosen for each row, from a small NCBI."""

import os
from pathlib import Path

import pytest

from tests.genomes.ncbi import assembly, md5_of, outcome, row, tables_read
from workflow_scripts.common.addresses import NCBI
from workflow_scripts.common.files import read_table
from workflow_scripts.genomes.assemblies import read_assemblies
from workflow_scripts.genomes.lock_species import COLUMNS
from workflow_scripts.settings.tables import table_errors

# -- accessions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["old", "new"])
def test_a_current_accession_gets_md5_bytes_and_ncbis_values(ncbi, lock, style):
    path = f"ftp://ftp.ncbi.nlm.nih.gov/genomes/all/GCF/000/000/001/GCF_000000001.2_ASM{'/' if style == 'new' else ''}"
    ncbi.table("refseq", "fungi", [assembly("GCF_000000001.2", "Mucor albus CBS 1", ftp_path=path)], style)
    ncbi.folder(f"{NCBI}{path.removeprefix('ftp://ftp.ncbi.nlm.nih.gov')}")
    table = row(
        "GCF_000000001.2", "Mucor albus", genus="Mucor", genome_size_bp="99", taxid="7", url=f"{NCBI}/old/place"
    )
    genome = ncbi.genome("GCF_000000001.2")
    assert lock(table)["GCF_000000001.2"] == {
        "accession": "GCF_000000001.2",
        "organism": "Mucor albus CBS 1",
        "taxid": "1",
        "group": "fungi",
        "genus": "Mucor",
        # a column that old tables lack
        "genome_size_bp": {"new": "1234", "old": "99"}[style],
        "url": f"{NCBI}/genomes/all/GCF/000/000/001/GCF_000000001.2_ASM",
        "bytes": str(genome.stat().st_size),
        "md5": md5_of(genome),
        "requested": "GCF_000000001.2",
        "status": "current",
        "reason": "",
    }


def test_the_lock_is_a_species_table_in_the_same_order(ncbi, lock):
    rows = [row(f"GCA_00000000{n}.1", f"Mucor {n}us") for n in (3, 1, 2)] + [row("", "Rhizopus ater")]
    ncbi.table("genbank", "fungi", [assembly(f"GCA_00000000{n}.1", f"Mucor {n}us") for n in (1, 2, 3)])
    ncbi.table("refseq", "fungi", [])
    lock(*rows)
    assert list(table_errors(lock.path, "species", ["requested"])) == []
    table = read_table(lock.path)
    assert list(table[0]) == COLUMNS
    assert [row["requested"] for row in table] == [row["accession"] or row["organism"] for row in rows]
    # and it can be locked again
    again = lock(*table)
    assert outcome(again) == {row["requested"]: (row["accession"], row["status"]) for row in table}


def test_an_accession_is_replaced_by_a_newer_version(ncbi, lock):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.3", "Mucor albus")])
    old = [assembly(f"GCA_000000001.{n}", "Mucor albus", version_status="replaced") for n in (1, 2)]
    ncbi.table("genbank", "fungi", old, historical=True)
    found = lock(row("GCA_000000001.1", "Mucor albus", genome_size_bp="5"))["GCA_000000001.1"]
    assert (found["accession"], found["status"]) == ("GCA_000000001.3", "replaced")
    assert found["reason"] == "replaced by GCA_000000001.3"
    assert found["md5"] == md5_of(ncbi.genome("GCA_000000001.3"))


@pytest.mark.parametrize("table", ["historical", "latest"])
def test_a_suppressed_accession_without_relatives_has_no_assembly(ncbi, lock, table):
    suppressed = assembly("GCA_000000001.1", "Mucor albus", version_status="suppressed")
    other = assembly("GCA_000000002.1", "Rhizopus ater")
    ncbi.table("genbank", "fungi", [other, suppressed] if table == "latest" else [other])
    ncbi.table("genbank", "fungi", [suppressed] if table == "historical" else [], historical=True)
    found = lock(row("GCA_000000001.1", "Mucor albus", taxid="1"))["GCA_000000001.1"]
    assert (found["accession"], found["url"], found["status"]) == ("", "", "suppressed")
    assert "GCA_000000001.1 suppressed" in found["reason"]
    assert found["organism"] == "Mucor albus"


def test_a_replaced_accession_without_successor_is_suppressed(ncbi, lock):
    ncbi.table("genbank", "fungi", [])
    old = [assembly("GCA_000000001.1", "Mucor albus", version_status="replaced")]
    old.append(assembly("GCA_000000001.2", "Mucor albus", version_status="suppressed"))
    ncbi.table("genbank", "fungi", old, historical=True)
    assert outcome(lock(row("GCA_000000001.1", "Mucor albus"))) == {"GCA_000000001.1": ("", "suppressed")}


def test_an_unlisted_accession_is_missing(ncbi, lock):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000002.1", "Rhizopus ater")])
    ncbi.table("genbank", "fungi", [], historical=True)
    found = lock(row("GCA_000000001.1", "Mucor albus"))["GCA_000000001.1"]
    assert (found["accession"], found["status"]) == ("", "missing")
    assert found["reason"] == "none within the genus; GCA_000000001.1 not listed in fungi; is the group right?"


def test_a_missing_historical_table_is_reported_but_no_error(ncbi, lock, capsys):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000002.1", "Rhizopus ater")])
    assert outcome(lock(row("GCA_000000001.1", "Mucor albus"))) == {"GCA_000000001.1": ("", "missing")}
    assert "assembly_summary_historical.txt: absent" in capsys.readouterr().err
    assert tables_read(lock)[1:] == ["genbank/fungi/assembly_summary_historical.txt absent"]


def test_the_historical_table_is_read_only_if_an_accession_is_not_the_latest(ncbi, lock):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.1", "Mucor albus")])
    ncbi.table("genbank", "fungi", [], historical=True)
    lock(row("GCA_000000001.1", "Mucor albus"))
    assert [line.split()[0] for line in tables_read(lock)] == ["genbank/fungi/assembly_summary.txt"]


def test_local_rows_are_copied(ncbi, lock):
    rows = [
        row("my_isolate", "Mucor mine", url="data/mine.fa", md5="a" * 32, bytes="7", taxid="1", genome_size_bp="9"),
        row("GCA_000000009.1", "Mucor yours", url="/lab/yours.fna.gz"),
        row("hg38_piece", "Homo sapiens", "vertebrate_mammalian", url="results/mirror/piece"),
        # folders outside NCBI
        row("GCA_000000008.1", "Mucor ours", url="/lab/GCA_000000008.1_ASM"),
        row("GCA_000000007.1", "Mucor ours", url="https://lab.org/GCA_000000007.1_ASM/"),
        row("GCA_000000006.1", "Mucor ours", url="https://lab.org/ftp.ncbi.nlm.nih.gov/x"),
    ]
    found = lock(*rows)
    for given in rows:
        kept = {name: value for name, value in given.items() if value}
        empty = dict.fromkeys(COLUMNS, "")
        expected = empty | kept | {"requested": given["accession"], "status": "local"}
        assert found[given["accession"]] == expected
    # nothing was read from NCBI, whose folder does not exist
    assert not ncbi.root.exists()


# -- substitutes --------------------------------------------------------------------------------------------------


def test_a_substitute_is_of_the_species_if_possible_else_of_the_genus(ncbi, lock):
    latest = [
        assembly("GCA_000000002.1", "Mucor ater", refseq_category="reference genome", assembly_level="Complete Genome"),
        assembly("GCA_000000003.1", "Mucor albus strain Y", assembly_level="Contig"),
    ]
    ncbi.table("genbank", "fungi", latest)
    suppressed = [assembly(f"GCA_00000000{n}.1", "Mucor", version_status="suppressed") for n in (1, 4)]
    ncbi.table("genbank", "fungi", suppressed, historical=True)
    found = lock(row("GCA_000000001.1", "Mucor ruber"), row("GCA_000000004.1", "Mucor albus strain X"))
    assert outcome(found) == {
        "GCA_000000001.1": ("GCA_000000002.1", "substitute"),
        "GCA_000000004.1": ("GCA_000000003.1", "substitute"),
    }
    assert found["GCA_000000001.1"]["reason"] == "GCA_000000001.1 suppressed; another of the genus"
    assert found["GCA_000000004.1"]["reason"] == "GCA_000000004.1 suppressed; another of the species"
    assert found["GCA_000000001.1"]["organism"] == "Mucor ater"
    assert found["GCA_000000001.1"]["md5"] == md5_of(ncbi.genome("GCA_000000002.1"))


def test_an_assembly_serves_a_row_of_its_species_before_one_of_its_genus(ncbi, lock):
    best = assembly("GCA_000000002.1", "Mucor albus strain Y", refseq_category="reference genome")
    ncbi.table("genbank", "fungi", [best, assembly("GCA_000000003.1", "Mucor ater")])
    rows = [row("GCA_000000001.1", "Mucor ruber"), row("GCA_000000004.1", "Mucor albus strain X")]
    assert [accession for accession, _ in outcome(lock(*rows)).values()] == ["GCA_000000003.1", "GCA_000000002.1"]


def test_no_assembly_serves_two_rows(ncbi, lock):
    ncbi.table(
        "refseq",
        "fungi",
        [
            # reserved for the third row, as its newer version
            assembly("GCF_000000003.2", "Mucor niger", refseq_category="reference genome"),
            assembly("GCF_000000005.1", "Mucor ater", assembly_level="Chromosome"),
        ],
    )
    ncbi.table(
        "genbank",
        "fungi",
        [
            # the same two in GenBank
            assembly("GCA_000000003.2", "Mucor niger", refseq_category="reference genome"),
            assembly("GCA_000000005.1", "Mucor ater", assembly_level="Chromosome"),
            assembly("GCA_000000006.1", "Mucor ruber", assembly_level="Contig"),
        ],
    )
    rows = [row(f"GCF_00000000{n}.1", "Mucor albus") for n in (1, 2, 3, 4)]
    assert outcome(lock(*rows)) == {
        "GCF_000000001.1": ("GCF_000000005.1", "substitute"),
        "GCF_000000002.1": ("GCA_000000006.1", "substitute"),
        "GCF_000000003.1": ("GCF_000000003.2", "replaced"),
        "GCF_000000004.1": ("", "missing"),
    }


def test_an_organism_in_brackets_is_not_of_the_genus(ncbi, lock):
    names = ["[Clostridium] innocuum", "[Clostridium] nexile"]
    ncbi.table("genbank", "bacteria", [assembly(f"GCA_00000000{n}.1", name) for n, name in enumerate(names, 2)])
    ncbi.table("refseq", "bacteria", [])
    found = lock(row("GCA_000000001.1", "Clostridium album", "bacteria"), row("", "Clostridium innocuum", "bacteria"))
    assert outcome(found) == {
        "GCA_000000001.1": ("", "missing"),
        "Clostridium innocuum": ("GCA_000000002.1", "current"),
    }


def test_groups_are_searched_separately(ncbi, lock):
    # the name of a bacterium is also that of a stick insect
    ncbi.table("genbank", "bacteria", [])
    insects = [assembly("GCA_000000002.1", "Bacillus rossius"), assembly("GCA_000000003.1", "Apis mellifera")]
    ncbi.table("genbank", "invertebrate", insects)
    rows = [row("GCA_000000002.1", "Bacillus rossius", "bacteria"), row("GCA_000000003.1", "Apis", "invertebrate")]
    rows.append(row("", "Bacillus rossius", "bacteria"))
    ncbi.table("refseq", "bacteria", [])
    found = lock(*rows)
    assert outcome(found)["GCA_000000002.1"] == ("", "missing")
    assert "GCA_000000002.1 not listed in bacteria; is the group right?" in found["GCA_000000002.1"]["reason"]
    name = "no assembly under the name Bacillus rossius in bacteria; is the group right?"
    assert name in found["Bacillus rossius"]["reason"]


# -- rows with a name only ----------------------------------------------------------------------------------------


def test_names_are_searched_in_refseq_then_in_genbank_then_within_the_genus(ncbi, lock):
    ncbi.table(
        "refseq",
        "fungi",
        [
            assembly("GCF_000000001.1", "Mucor albus CBS 7", assembly_level="Contig"),
            assembly("GCF_000000002.1", "Mucor niger", assembly_level="Complete Genome"),
        ],
    )
    ncbi.table(
        "genbank",
        "fungi",
        [
            assembly("GCA_000000009.1", "Mucor albus CBS 8", assembly_level="Complete Genome"),
            assembly("GCA_000000003.1", "Mucor ruber", assembly_level="Contig"),
            assembly("GCA_000000004.1", "Mucor sp. AG-402-L19", assembly_level="Contig"),
        ],
    )
    names = ["Mucor albus", "Mucor ruber", "Mucor Ag-402-L19", "Mucor absens", "Rhizopus ater"]
    found = lock(*(row("", name, name=f"printed {name}") for name in names))
    assert outcome(found) == {
        "printed Mucor albus": ("GCF_000000001.1", "current"),
        "printed Mucor ruber": ("GCA_000000003.1", "current"),
        "printed Mucor Ag-402-L19": ("GCA_000000004.1", "current"),
        "printed Mucor absens": ("GCF_000000002.1", "substitute"),
        "printed Rhizopus ater": ("", "missing"),
    }
    assert found["printed Mucor albus"]["reason"] == "found by name"
    assert found["printed Mucor absens"]["reason"] == "no assembly under the name Mucor absens; another of the genus"


def test_genbank_is_not_read_if_refseq_has_the_names(ncbi, lock):
    ncbi.table("refseq", "fungi", [assembly("GCF_000000001.1", "Mucor albus")])
    lock(row("", "Mucor albus"))
    assert [line.split()[0] for line in tables_read(lock)] == ["refseq/fungi/assembly_summary.txt"]


def test_a_genus_only_gives_a_substitute(ncbi, lock):
    rows = [
        assembly("GCF_000000001.1", "Mucor albus"),
        assembly("GCF_000000002.1", "Mucor ater", assembly_level="Contig"),
    ]
    ncbi.table("refseq", "fungi", rows)
    ncbi.table("genbank", "fungi", [])
    found = lock(row("", "Mucor"))["Mucor"]
    assert (found["accession"], found["status"]) == ("GCF_000000001.1", "substitute")
    assert found["reason"] == "no species named; another of the genus"


# -- NCBI's own tables ------------------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("REAL_DATA"), reason="REAL_DATA does not name the folder of real data")
def test_a_lock_from_ncbis_own_table(ncbi, lock):
    name = "refseq_fungi_assembly_summary_sample20.txt"
    text = (Path(os.environ["REAL_DATA"]) / "species" / name).read_text()
    table = ncbi.root / "genomes/refseq/fungi/assembly_summary.txt"
    table.parent.mkdir(parents=True)
    table.write_text(text)
    ncbi.table("genbank", "fungi", [])
    listed = list(read_assemblies(table, name))
    found = lock(*(row(entry.assembly_accession, entry.organism_name) for entry in listed))
    latest = {entry.assembly_accession for entry in listed if entry.version_status == "latest"}
    assert latest
    assert {name for name, row in found.items() if row["status"] == "current"} == latest
    for entry in listed:
        accession = entry.assembly_accession
        assert (found[accession]["accession"] == accession) == (accession in latest)
