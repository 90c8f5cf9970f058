"""The sets that need no annotation, built by the program from real sequences (REAL_DATA).

Histone marks, SARS-CoV-2 variants, species.
"""

import csv

import pytest

from tests.real.gue_sets import fasta, of_label, released
from workflow_scripts.common.files import open_text
from workflow_scripts.gue import covid_lineages

pytestmark = pytest.mark.real

MARKS = ["H3", "H3K14ac", "H3K36me3", "H3K4me1", "H3K4me2", "H3K4me3", "H3K79me3", "H3K9ac", "H4", "H4ac"]


@pytest.mark.parametrize("mark", MARKS)
def test_histone_rows_are_unchanged(real, make, tmp_path, mark):
    """JAIST's files are not available: the test writes one from the released rows, or from those of H3 if missing."""
    folder = real / "gue/EMP" / mark
    unmarked, marked, _ = released(real, f"EMP/{mark if folder.is_dir() else 'H3'}")
    rows = [(window, label) for label, windows in enumerate((unmarked, marked)) for window in windows]
    path = tmp_path / "dataset.txt"
    path.write_text("".join(f">{n}\n{w[:60]}\n{w[60:]}\n{label}\n" for n, (w, label) in enumerate(rows)))
    sheet, splits = make("emp", mark, {"histone": path}, balanced=False)
    both = unmarked.keys() & marked.keys()
    assert sheet["dropped"].get("conflicting_labels", 0) == 2 * len(both)
    built = {(sequences[0], label) for found in splits.values() for sequences, label in found}
    assert built == {(window, label) for window, label in rows if window not in both}
    assert sheet["length"]["max"] == 500


def test_variants(real, make):
    folder = real / "annotation/sars_cov_2"
    roles = {
        "variants:open consensus genomes": folder / "pango_lineage_consensus_2849.fasta.gz",
        "lineages": folder / "pango_lineage_consensus_2849.tsv.gz",
    }
    sheet, splits = make("covid", "variants", roles, "--max-rows", "720", "90", "90")
    assert sheet["name"] == "SARS-CoV-2 variants (open consensus genomes)"
    genomes = fasta(roles["variants:open consensus genomes"])
    members = {name: [] for name in sheet["classes"]}
    for header, bases in genomes.items():
        if variant := covid_lineages.variant_of(header.split("|")[0]):
            members[variant].append(bases)
    assert {name: len(found) for name, found in members.items()} == dict(
        zip(sheet["classes"], (7, 5, 201, 1, 20, 1, 1, 2, 1), strict=True)
    )
    for label, name in enumerate(sheet["classes"]):
        windows = of_label(splits, label)
        assert len(windows) == 100 and all(len(window) == 999 for window in windows)
        right, wrong = "|".join(members[name]), "|".join(members[sheet["classes"][label - 1]])
        assert all(window in right for window in windows) and not all(window in wrong for window in windows)


def test_variants_agree_with_nextstrain_s_clades(real):
    path = real / "annotation/sars_cov_2/pango_lineage_consensus_2849.tsv.gz"
    with open_text(path) as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert len(rows) == 2849
    assert all((covid_lineages.variant_of(row["pango"]) or "") == row["gue_covid_class"] for row in rows)
    assert covid_lineages.read_lineages(path) == {r["name"]: r["gue_covid_class"] for r in rows if r["gue_covid_class"]}


def test_genomes_are_found_by_the_names_in_their_metadata(real, tmp_path):
    """418 genomes of early 2020, to which the test assigns lineages, by strain and by accession."""
    folder = real / "annotation/sars_cov_2"
    with open_text(folder / "ncov_example_metadata.tsv.gz") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    genomes = fasta(folder / "ncov_example_sequences.fasta.gz")
    assert len(genomes) == 418
    lineages = ["B.1.1.7", "AY.4", "A"]
    table = tmp_path / "metadata.tsv"
    lines = [
        f"{row['strain']}\t{row['genbank_accession']}\t{lineages[number % 3]}\n" for number, row in enumerate(rows)
    ]
    table.write_text("strain\tgenbank_accession\tpango_lineage\n" + "".join(lines))
    lineages_by_name = covid_lineages.read_lineages(table)
    found = covid_lineages.read_variant_genomes(folder / "ncov_example_sequences.fasta.gz", lineages_by_name)
    expected = {name: [] for name in ("Alpha", "Delta")}
    wanted = {row["strain"]: ("Alpha", "Delta", None)[number % 3] for number, row in enumerate(rows)}
    for name, bases in genomes.items():
        if variant := wanted.get(name):
            expected[variant].append(bases.encode())
    assert found == expected and all(len(members) > 100 for members in found.values())


VIRUSES = [
    *("chikungunya", "ebola_bundibugyo", "ebola_sudan", "ebola_zaire", "hav", "hiv1_hxb2", "hmpv", "lambda_phage"),
    *("marburg", "measles", "mers_NC_019843", "mpox_NC_063383", "phiX174", "rubella", "sars_cov_2_NC_045512", "zika"),
]


def check_species(splits, genomes, length):
    """Every window has the wanted length and is from the genome of its label."""
    for label, name in enumerate(sorted(genomes)):
        for window in of_label(splits, label):
            assert len(window) == length and any(window in contig for contig in genomes[name])


def test_viruses(real, make):
    """At the released size, with the 16 of 25 species that are available."""
    paths = {name: real / f"genomes/viral/{name}.fa.gz" for name in VIRUSES}
    _, splits = make("species", "virus", {f"species_genome:{name}": path for name, path in paths.items()})
    assert [len(rows) for rows in splits.values()] == [4000, 500, 500]
    check_species(splits, {name: list(fasta(path).values()) for name, path in paths.items()}, 5000)


def test_fungi(real, make, tmp_path):
    """One fungus is available; its chromosomes serve as species."""
    chromosomes = fasta(real / "genomes/fungi/s_cerevisiae_R64-1-1.fa.gz")
    genomes = {name: [bases] for name, bases in chromosomes.items() if len(bases) > 600_000}
    assert len(genomes) == 10
    for name, (bases,) in genomes.items():
        (tmp_path / f"{name}.fa").write_text(f">{name}\n{bases}\n")
    roles = {f"species_genome:{name}": tmp_path / f"{name}.fa" for name in genomes}
    _, splits = make("species", "fungi", roles, "--max-rows", "800", "100", "100")
    assert [len(rows) for rows in splits.values()] == [800, 100, 100]
    check_species(splits, genomes, 10_000)
