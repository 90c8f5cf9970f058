"""The lock of accessions that stand in for another species, or that their section no longer has."""

import pytest

from tests.genomes.ncbi import assembly, md5_of, outcome, row, tables_read


def stand_in(accession, species, organism="Mucor albus", group="fungi", **more):
    """A row whose assembly is of another organism than the target species."""
    return row(accession, organism, group, species=species, verdict="substitute", **more)


@pytest.mark.parametrize("section", ["refseq", "genbank"])
def test_the_target_species_has_priority_over_its_stand_in(ncbi, lock, section):
    prefix = {"refseq": "GCF", "genbank": "GCA"}[section]
    # the stand-in is the better assembly, and its accession is current
    own = assembly("GCA_000000001.1", "Mucor albus", refseq_category="reference genome")
    target = assembly(f"{prefix}_000000002.1", "Mucor ruber CBS 7", assembly_level="Contig", taxid="77")
    ncbi.table("refseq", "fungi", [target] if section == "refseq" else [])
    ncbi.table("genbank", "fungi", [own, target] if section == "genbank" else [own])
    given = stand_in("GCA_000000001.1", "Mucor Ruber", genus="Mucor", genome_size_bp="99", taxid="1")
    found = lock(given)["GCA_000000001.1"]
    assert (found["accession"], found["status"]) == (f"{prefix}_000000002.1", "current")
    assert found["reason"] == "found by name, in place of the substitute GCA_000000001.1"
    # no value of the stand-in is left
    assert (found["organism"], found["taxid"], found["genome_size_bp"]) == ("Mucor ruber CBS 7", "77", "1234")
    assert found["md5"] == md5_of(ncbi.genome(f"{prefix}_000000002.1"))


def test_refseqs_assembly_of_the_species_has_priority_over_genbanks(ncbi, lock):
    ncbi.table("refseq", "fungi", [assembly("GCF_000000003.1", "Mucor ruber", assembly_level="Contig")])
    better = assembly("GCA_000000002.1", "Mucor ruber", assembly_level="Complete Genome")
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.1", "Mucor albus"), better])
    rows = [stand_in("GCA_000000001.1", "Mucor ruber")]
    assert outcome(lock(*rows)) == {"GCA_000000001.1": ("GCF_000000003.1", "current")}


def test_genbank_is_not_read_if_refseq_has_the_species_and_the_accession(ncbi, lock):
    refseq = [assembly("GCF_000000001.1", "Mucor albus"), assembly("GCF_000000002.1", "Mucor ruber")]
    ncbi.table("refseq", "fungi", refseq)
    assert outcome(lock(stand_in("GCF_000000001.1", "Mucor ruber"))) == {
        "GCF_000000001.1": ("GCF_000000002.1", "current")
    }
    assert [line.split()[0] for line in tables_read(lock)] == ["refseq/fungi/assembly_summary.txt"]


def test_without_an_assembly_of_the_species_the_accession_decides(ncbi, lock):
    names = ["Mucor albus", "Mucor ater", "Mucor niger"]
    latest = [assembly(f"GCA_00000000{n}.{n}", name) for n, name in enumerate(names, 1)]
    # Rhizopus has no other assembly, and that of Mucor is of another strain than the target
    latest.append(assembly("GCA_000000009.1", "Mucor sp. BC16", assembly_level="Contig"))
    ncbi.table("genbank", "fungi", latest)
    suppressed = [assembly(f"GCA_00000000{n}.1", "any", version_status="suppressed") for n in (4, 5)]
    ncbi.table("genbank", "fungi", suppressed, historical=True)
    ncbi.table("refseq", "fungi", [])
    found = lock(
        stand_in("GCA_000000001.1", "Mucor ruber"),
        stand_in("GCA_000000002.1", "Mucor BC15", "Mucor ater"),
        stand_in("GCA_000000004.1", "Mucor ruber CBS 1"),
        stand_in("GCA_000000005.1", "Rhizopus ater", "Rhizopus albus"),
    )
    assert {name: (row["accession"], row["status"], row["reason"]) for name, row in found.items()} == {
        "GCA_000000001.1": ("GCA_000000001.1", "current", "stands for Mucor ruber"),
        "GCA_000000002.1": ("GCA_000000002.2", "replaced", "replaced by GCA_000000002.2; stands for Mucor BC15"),
        "GCA_000000004.1": ("GCA_000000003.3", "substitute", "GCA_000000004.1 suppressed; another of the genus"),
        "GCA_000000005.1": ("", "suppressed", "GCA_000000005.1 suppressed; none within the genus"),
    }


@pytest.mark.parametrize(
    ("target", "listed", "similar"),
    [
        ("Bacillus Bc15", "Bacillus sp. BC15", "Bacillus sp. BC156"),
        ("Bacillus Bs3 2021", "Bacillus sp. BS3(2021)", "Bacillus sp. BS3(2022)"),
        ("Bacillus Cag 505", "Bacillus sp. CAG:505", "Bacillus sp. CAG:50"),
        ("Bacillus Zj-F75", "Bacillus sp. ZJ-f75", "Bacillus sp. ZJ"),
        ("Bacillus mobilis", "[Bacillus] mobilis DSM 1", "Bacillus mobilior"),
        (
            "Bacillus symbiont of Polyplax serrata",
            "Bacillus symbiont of Polyplax serrata",
            "Bacillus symbiont of Polyplax",
        ),
        # the name does not begin with the genus
        ("Paulownia broom bacillus", "Paulownia broom bacillus", "Paulownia bacillus"),
    ],
)
def test_names_of_strains_are_found(ncbi, lock, target, listed, similar):
    own = assembly("GCA_000000001.1", "Bacillus albus", refseq_category="reference genome")
    named = assembly("GCA_000000002.1", listed, assembly_level="Contig")
    ncbi.table("refseq", "bacteria", [])
    ncbi.table("genbank", "bacteria", [own, named, assembly("GCA_000000003.1", similar)])
    found = lock(stand_in("GCA_000000001.1", target, "Bacillus albus", "bacteria", genus="Bacillus"))
    assert outcome(found) == {"GCA_000000001.1": ("GCA_000000002.1", "current")}


def test_a_row_without_target_species_keeps_its_assembly(ncbi, lock):
    listed = [assembly("GCA_000000001.1", "Mucor albus", assembly_level="Contig"), assembly("GCA_000000002.1", "Mucor")]
    ncbi.table("genbank", "fungi", listed)
    found = lock(stand_in("GCA_000000001.1", "", name="Mucor"))["GCA_000000001.1"]
    assert (found["accession"], found["status"], found["reason"]) == ("GCA_000000001.1", "current", "")
    assert [line.split()[0] for line in tables_read(lock)] == ["genbank/fungi/assembly_summary.txt"]


def test_replacing_a_stand_in_changes_no_other_row(ncbi, lock):
    own = assembly("GCA_000000001.1", "Mucor ater", refseq_category="reference genome")
    others = [assembly("GCA_000000003.1", "Mucor niger"), assembly("GCA_000000004.1", "Mucor sp. X")]
    target = assembly("GCA_000000002.1", "Mucor ruber")
    rows = [
        row("", "Mucor ater"),
        stand_in("GCA_000000001.1", "Mucor ruber", "Mucor ater"),
        row("GCA_000000009.1", "Mucor ater"),
    ]
    ncbi.table("refseq", "fungi", [])
    locks = []
    for listed in ([own, *others], [own, *others, target]):
        ncbi.table("genbank", "fungi", listed)
        locks.append(outcome(lock(*rows)))
    assert locks[0].pop("GCA_000000001.1") == ("GCA_000000001.1", "current")
    assert locks[1].pop("GCA_000000001.1") == ("GCA_000000002.1", "current")
    assert locks[0] == locks[1]


def test_an_assembly_of_a_species_serves_one_row_and_the_other_keeps_its_stand_in(ncbi, lock):
    ncbi.table("refseq", "fungi", [assembly("GCF_000000003.1", "Mucor ruber CBS 7")])
    # the same assembly in GenBank
    listed = [assembly("GCA_000000003.1", "Mucor ruber CBS 7")]
    listed += [assembly(f"GCA_00000000{n}.1", "Mucor albus") for n in (1, 2)]
    ncbi.table("genbank", "fungi", listed)
    rows = [stand_in("GCA_000000001.1", "Mucor ruber"), stand_in("GCA_000000002.1", "Mucor ruber CBS 7")]
    assert outcome(lock(*rows)) == {
        "GCA_000000001.1": ("GCF_000000003.1", "current"),
        "GCA_000000002.1": ("GCA_000000002.1", "current"),
    }
    assert outcome(lock(*reversed(rows))) == {
        "GCA_000000002.1": ("GCF_000000003.1", "current"),
        "GCA_000000001.1": ("GCA_000000001.1", "current"),
    }


# -- the two copies of an assembly --------------------------------------------------------------------------------


def test_a_suppressed_refseq_assembly_is_replaced_by_its_own_copy_in_genbank(ncbi, lock):
    ncbi.table("refseq", "fungi", [assembly("GCF_000000002.1", "Mucor albus", refseq_category="reference genome")])
    suppressed = [assembly("GCF_000000001.1", "Mucor albus", version_status="suppressed")]
    ncbi.table("refseq", "fungi", suppressed, historical=True)
    listed = [assembly("GCA_000000001.2", "Mucor albus"), assembly("GCA_000000003.1", "Mucor albus")]
    ncbi.table("genbank", "fungi", listed)
    found = lock(row("GCF_000000001.1", "Mucor albus"))["GCF_000000001.1"]
    assert (found["accession"], found["status"]) == ("GCA_000000001.2", "replaced")
    assert found["reason"] == "replaced by GCA_000000001.2"


@pytest.mark.parametrize("prefix", ["GCF", "GCA"])
def test_an_accession_has_priority_over_its_copy_in_the_other_section(ncbi, lock, prefix):
    ncbi.table("refseq", "fungi", [assembly("GCF_000000001.5", "Mucor albus")])
    ncbi.table("genbank", "fungi", [assembly("GCA_000000001.3", "Mucor albus")])
    # both sections are read for the target species
    found = outcome(lock(stand_in(f"{prefix}_000000001.1", "Mucor ruber")))
    version = {"GCF": 5, "GCA": 3}[prefix]
    assert found == {f"{prefix}_000000001.1": (f"{prefix}_000000001.{version}", "replaced")}
