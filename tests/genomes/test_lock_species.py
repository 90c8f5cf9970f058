"""The lock of a species table: which assembly NCBI has for each row, decided from a small NCBI of our own."""

import os
from pathlib import Path

import pytest

from tests.genomes.ncbi import assembly, md5_of, outcome, row, tables_read
from workflow_scripts.common.addresses import NCBI
from workflow_scripts.common.files import read_table
from workflow_scripts.genomes.assemblies import read_assemblies
from workflow_scripts.genomes.lock_species import COLUMNS
from workflow_scripts.settings.tables import table_errors

# -- what becomes of an accession ---------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["old", "new"])
def test_current_with_md5_bytes_and_what_ncbi_says_of_it(ncbi, lock, style):
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
        # a column of today's tables; the old ones had no such
        "genome_size_bp": {"new": "1234", "old": "99"}[style],
        "url": f"{NCBI}/genomes/all/GCF/000/000/001/GCF_000000001.2_ASM",
        "bytes": str(genome.stat().st_size),
        "md5": md5_of(genome),
        "requested": "GCF_000000001.2",
        "status": "current",
        "reason": "",
    }


def test_the_lock_is_a_species_table_in_the_order_of_the_first(ncbi, lock):
    rows = [row(f"GCA_00000000{n}.1", f"Mucor {n}us") for n in (3, 1, 2)] + [row("", "Rhizopus ater")]
    ncbi.table("genbank", "fungi", [assembly(f"GCA_00000000{n}.1", f"Mucor {n}us") for n in (1, 2, 3)])
    ncbi.table("refseq", "fungi", [])
    lock(*rows)
    assert list(table_errors(lock.path, "species", ["requested"])) == []
    table = read_table(lock.path)
    assert list(table[0]) == COLUMNS
    assert [row["requested"] for row in table] == [row["accession"] or row["organism"] for row in rows]
    # and can be locked again
    again = lock(*table)
    assert outcome(again) == {row["requested"]: (row["accession"], row["status"]) for row in table}


def test_replaced_by_a_newer_version(ncbi, lock):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.3", "Mucor albus")])
    old = [assembly(f"GCA_000000001.{n}", "Mucor albus", version_status="replaced") for n in (1, 2)]
    ncbi.table("genbank", "fungi", old, historical=True)
    found = lock(row("GCA_000000001.1", "Mucor albus", genome_size_bp="5"))["GCA_000000001.1"]
    assert (found["accession"], found["status"]) == ("GCA_000000001.3", "replaced")
    assert found["reason"] == "replaced by GCA_000000001.3"
    assert found["md5"] == md5_of(ncbi.genome("GCA_000000001.3"))


@pytest.mark.parametrize("said_in", ["historical", "latest"])
def test_suppressed_and_nothing_else(ncbi, lock, said_in):
    gone = assembly("GCA_000000001.1", "Mucor albus", version_status="suppressed")
    other = assembly("GCA_000000002.1", "Rhizopus ater")
    ncbi.table("genbank", "fungi", [other, gone] if said_in == "latest" else [other])
    ncbi.table("genbank", "fungi", [gone] if said_in == "historical" else [], historical=True)
    found = lock(row("GCA_000000001.1", "Mucor albus", taxid="1"))["GCA_000000001.1"]
    assert (found["accession"], found["url"], found["status"]) == ("", "", "suppressed")
    assert "GCA_000000001.1 suppressed" in found["reason"]
    assert found["organism"] == "Mucor albus"


def test_replaced_without_a_successor_is_no_longer_there(ncbi, lock):
    ncbi.table("genbank", "fungi", [])
    old = [assembly("GCA_000000001.1", "Mucor albus", version_status="replaced")]
    old.append(assembly("GCA_000000001.2", "Mucor albus", version_status="suppressed"))
    ncbi.table("genbank", "fungi", old, historical=True)
    assert outcome(lock(row("GCA_000000001.1", "Mucor albus"))) == {"GCA_000000001.1": ("", "suppressed")}


def test_missing(ncbi, lock):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000002.1", "Rhizopus ater")])
    ncbi.table("genbank", "fungi", [], historical=True)
    found = lock(row("GCA_000000001.1", "Mucor albus"))["GCA_000000001.1"]
    assert (found["accession"], found["status"]) == ("", "missing")
    assert found["reason"] == "none within the genus; GCA_000000001.1 not listed in fungi; is the group right?"


def test_no_historical_table_is_said_and_lived_with(ncbi, lock, capsys):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000002.1", "Rhizopus ater")])
    assert outcome(lock(row("GCA_000000001.1", "Mucor albus"))) == {"GCA_000000001.1": ("", "missing")}
    assert "assembly_summary_historical.txt: absent" in capsys.readouterr().err
    assert tables_read(lock)[1:] == ["genbank/fungi/assembly_summary_historical.txt absent"]


def test_historical_is_read_only_where_something_is_not_the_latest(ncbi, lock):
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.1", "Mucor albus")])
    ncbi.table("genbank", "fungi", [], historical=True)
    lock(row("GCA_000000001.1", "Mucor albus"))
    assert [line.split()[0] for line in tables_read(lock)] == ["genbank/fungi/assembly_summary.txt"]


def test_local_rows_pass_unchanged(ncbi, lock):
    rows = [
        row("my_isolate", "Mucor mine", url="data/mine.fa", md5="a" * 32, bytes="7", taxid="1", genome_size_bp="9"),
        row("GCA_000000009.1", "Mucor yours", url="/lab/yours.fna.gz"),
        row("hg38_piece", "Homo sapiens", "vertebrate_mammalian", url="results/mirror/piece"),
        # folders of the user's own
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
    # nothing was asked of NCBI, which is not even there
    assert not ncbi.root.exists()


# -- substitutes --------------------------------------------------------------------------------------------------


def test_a_substitute_is_of_the_species_before_it_is_of_the_genus(ncbi, lock):
    latest = [
        assembly("GCA_000000002.1", "Mucor ater", refseq_category="reference genome", assembly_level="Complete Genome"),
        assembly("GCA_000000003.1", "Mucor albus strain Y", assembly_level="Contig"),
    ]
    ncbi.table("genbank", "fungi", latest)
    gone = [assembly(f"GCA_00000000{n}.1", "Mucor", version_status="suppressed") for n in (1, 4)]
    ncbi.table("genbank", "fungi", gone, historical=True)
    found = lock(row("GCA_000000001.1", "Mucor ruber"), row("GCA_000000004.1", "Mucor albus strain X"))
    assert outcome(found) == {
        "GCA_000000001.1": ("GCA_000000002.1", "substitute"),
        "GCA_000000004.1": ("GCA_000000003.1", "substitute"),
    }
    assert found["GCA_000000001.1"]["reason"] == "GCA_000000001.1 suppressed; another of the genus"
    assert found["GCA_000000004.1"]["reason"] == "GCA_000000004.1 suppressed; another of the species"
    assert found["GCA_000000001.1"]["organism"] == "Mucor ater"
    assert found["GCA_000000001.1"]["md5"] == md5_of(ncbi.genome("GCA_000000002.1"))


def test_an_assembly_goes_to_the_row_of_its_species_first(ncbi, lock):
    best = assembly("GCA_000000002.1", "Mucor albus strain Y", refseq_category="reference genome")
    ncbi.table("genbank", "fungi", [best, assembly("GCA_000000003.1", "Mucor ater")])
    rows = [row("GCA_000000001.1", "Mucor ruber"), row("GCA_000000004.1", "Mucor albus strain X")]
    assert [accession for accession, _ in outcome(lock(*rows)).values()] == ["GCA_000000003.1", "GCA_000000002.1"]


def test_no_assembly_stands_for_two_rows(ncbi, lock):
    ncbi.table(
        "refseq",
        "fungi",
        [
            # in use by the third row, in its newer version
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


def test_a_misplaced_organism_is_not_of_the_genus(ncbi, lock):
    names = ["[Clostridium] innocuum", "[Clostridium] nexile"]
    ncbi.table("genbank", "bacteria", [assembly(f"GCA_00000000{n}.1", name) for n, name in enumerate(names, 2)])
    ncbi.table("refseq", "bacteria", [])
    found = lock(row("GCA_000000001.1", "Clostridium album", "bacteria"), row("", "Clostridium innocuum", "bacteria"))
    assert outcome(found) == {
        "GCA_000000001.1": ("", "missing"),
        "Clostridium innocuum": ("GCA_000000002.1", "current"),
    }


def test_groups_are_kept_apart(ncbi, lock):
    # a stick insect bears the bacterium's name
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


# -- rows that have a name only -----------------------------------------------------------------------------------


def test_found_by_name_in_refseq_then_in_genbank_then_within_the_genus(ncbi, lock):
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


def test_genbank_is_not_read_where_refseq_has_the_names(ncbi, lock):
    ncbi.table("refseq", "fungi", [assembly("GCF_000000001.1", "Mucor albus")])
    lock(row("", "Mucor albus"))
    assert [line.split()[0] for line in tables_read(lock)] == ["refseq/fungi/assembly_summary.txt"]


def test_a_genus_alone_names_no_species(ncbi, lock):
    rows = [
        assembly("GCF_000000001.1", "Mucor albus"),
        assembly("GCF_000000002.1", "Mucor ater", assembly_level="Contig"),
    ]
    ncbi.table("refseq", "fungi", rows)
    ncbi.table("genbank", "fungi", [])
    found = lock(row("", "Mucor"))["Mucor"]
    assert (found["accession"], found["status"]) == ("GCF_000000001.1", "substitute")
    assert found["reason"] == "no species named; another of the genus"


# -- NCBI's own -------------------------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.skipif(not os.environ.get("REAL_DATA"), reason="REAL_DATA does not name the folder of real data")
def test_a_lock_by_ncbi_s_own_table(ncbi, lock):
    name = "refseq_fungi_assembly_summary_sample20.txt"
    text = (Path(os.environ["REAL_DATA"]) / "species" / name).read_text()
    table = ncbi.root / "genomes/refseq/fungi/assembly_summary.txt"
    table.parent.mkdir(parents=True)
    table.write_text(text)
    ncbi.table("genbank", "fungi", [])
    listed = list(read_assemblies(table, name))
    found = lock(*(row(one.assembly_accession, one.organism_name) for one in listed))
    latest = {one.assembly_accession for one in listed if one.version_status == "latest"}
    assert latest
    assert {name for name, row in found.items() if row["status"] == "current"} == latest
    for one in listed:
        assert (found[one.assembly_accession]["accession"] == one.assembly_accession) == (
            one.assembly_accession in latest
        )
