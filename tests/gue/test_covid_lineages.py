"""SARS-CoV-2 sources: the variant of a lineage, and the names of genomes in tables and FASTA files."""

import gzip
import json
from pathlib import Path

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table
from workflow_scripts.gue import build_dataset
from workflow_scripts.gue.covid_lineages import VARIANTS, read_lineages, read_variant_genomes, variant_of


@pytest.mark.parametrize(
    ("lineage", "variant"),
    [
        ("B.1.1.7", "Alpha"),
        ("B.1.1.7.1", "Alpha"),
        ("Q.1", "Alpha"),
        ("B.1.351", "Beta"),
        ("B.1.351.2", "Beta"),
        ("P.1", "Gamma"),
        ("P.1.14", "Gamma"),
        ("P.1.10.2", "Gamma"),
        ("B.1.617.2", "Delta"),
        ("AY.4.2.1", "Delta"),
        ("B.1.525", "Eta"),
        ("B.1.526", "Iota"),
        ("B.1.526.2", "Iota"),
        ("B.1.617.1", "Kappa"),
        ("C.37.1", "Lambda"),
        ("P.2", "Zeta"),
    ],
)
def test_a_lineage_and_its_descendants_have_the_same_variant(lineage, variant):
    assert variant_of(lineage) == variant


@pytest.mark.parametrize(
    "lineage",
    ["B.1.1.70", "B.1.1", "B.1", "A", "B.1.3511", "P.10", "P.20.1", "P", "AYX.1", "C.370", "B.1.617", "B.1.617.3"],
)
def test_a_lineage_with_a_similar_name_has_no_variant(lineage):
    assert variant_of(lineage) is None


def test_the_variants_are_the_classes_of_the_registry():
    (row,) = [row for row in read_table(Path(__file__).parents[2] / "config/gue.tsv") if row["task"] == "covid"]
    assert row["classes"].split(";") == sorted(set(VARIANTS.values()))


GISAID = "Virus name\tAccession ID\tPango lineage\nhCoV-19/South Africa/X1/2021\tEPI_ISL_1\tB.1.351.3\n"
NEXTSTRAIN = "strain\tgisaid_epi_isl\tgenbank_accession\tpango_lineage\nSouthAfrica/X1/2021\tEPI_ISL_1\t?\tB.1.351\n"
NCBI = "Accession\tVirus Pangolin Classification\tLength\nEPI_ISL_1\tB.1.351\t29903\n"
NEXTCLADE = "index\tseqName\tclade\tNextclade_pango\n0\tSouthAfrica/X1/2021\t20H\tB.1.351\n"
PANGOLIN = "taxon\tlineage\nSouthAfrica/X1/2021\tB.1.351\n"
HEADERS = {
    "full": "hCoV-19/South Africa/X1/2021|EPI_ISL_1|2021-03-01",
    "accession": "EPI_ISL_1 Severe acute respiratory syndrome coronavirus 2, complete genome",
    "name": "SouthAfrica/X1/2021",
}


@pytest.mark.parametrize(
    ("table", "headers"),
    [
        (GISAID, ["full", "accession", "name"]),
        (NEXTSTRAIN, ["full", "accession", "name"]),
        (NCBI, ["full", "accession"]),
        (NEXTCLADE, ["full", "name"]),
        (PANGOLIN, ["full", "name"]),
    ],
    ids=["GISAID", "Nextstrain", "NCBI", "nextclade", "pangolin"],
)
def test_tables_of_all_publishers_match_headers_of_all_forms(text, table, headers):
    lineages = read_lineages(text("metadata.tsv", table))
    for header in headers:
        path = text("v.fa", f">other|x\nGGGG\n>{HEADERS[header]}\nACgt\nnn\n")
        assert read_variant_genomes(path, lineages) == {"Beta": [b"ACGTNN"]}


def test_rows_without_a_lineage_or_of_another_lineage_have_no_variant(text):
    table = "name\tpango\na\t\nb\tNone\nc\tUnassigned\nd\tA.1\ne\tP.1 (consensus call)\n?\tP.2\n"
    assert read_lineages(text("l.tsv", table)) == {"e": "Gamma"}


def test_lineages_of_a_summary_are_its_keys(text):
    summary = {name: {"nextstrainClade": "20X"} for name in ("B.1.1.7", "AY.4", "P.2", "A", "P.20")}
    expected = {"B.1.1.7": "Alpha", "AY.4": "Delta", "P.2": "Zeta"}
    assert read_lineages(text("s.json", json.dumps(summary))) == expected


@pytest.mark.parametrize(
    ("table", "expected", "warning"),
    [
        ("name\taccession\tpango\nA\t1\tP.1\nA\t2\tP.1\n", {"A": "Gamma", "1": "Gamma", "2": "Gamma"}, "1 rows repeat"),
        ("name\taccession\tpango\nA\t1\tP.1\nA\t2\tP.2\n", {"A": "Gamma", "1": "Gamma"}, "1 rows give a name a sec"),
        ("name\tpango\nA\tP.1\nB\tP.2\ttab\nC\tP.2\n", {"A": "Gamma", "C": "Zeta"}, "1 rows have other columns"),
        ('name\tpango\n"A"\t"P.1"\n', {"A": "Gamma"}, ""),
        ('"name",where,pango\nA,"here, there",P.1\n', {"A": "Gamma"}, ""),
        ("\ufeffname;pango\r\nA;P.1\r\n", {"A": "Gamma"}, ""),
    ],
    ids=["repeated", "two-variants", "tab-in-a-name", "quoted", "commas", "semicolons"],
)
def test_tables_as_people_have_them(text, capsys, table, expected, warning):
    assert read_lineages(text("l.tsv", table)) == expected
    error = capsys.readouterr().err
    assert warning in error and error.count("\n") == bool(warning)


def test_of_genomes_with_one_name_the_first_is_used(text, capsys):
    path = text("v.fa", ">A\nACGT\n>B\nGG\n>A|again\nTTTT\n")
    assert read_variant_genomes(path, {"A": "Alpha"}) == {"Alpha": [b"ACGT"]}
    assert "v.fa: 1 genomes repeat a name" in capsys.readouterr().err


def test_only_genomes_of_a_variant_are_read(text):
    """An export of millions needs no more memory than the genomes that are used."""
    path = text("v.fa", ">other\nnot DNA at all!\n>P.2\nGG\nTT\n>B.1.1.7|x|20I|Alpha\nACGT\n")
    found = read_variant_genomes(path, {"B.1.1.7": "Alpha", "P.2": "Zeta"})
    assert found == {"Zeta": [b"GGTT"], "Alpha": [b"ACGT"]}


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("l.tsv", "name\tclade\nA\t20I\n", "l.tsv:1: the header has no column of lineages"),
        ("l.tsv", "id\tpango\nA\tP.1\n", "l.tsv:1: the header has no column of names"),
        ("l.tsv", "name\tpango\nA\tP.1\n" + "B\n" * 11, "l.tsv:3: 1 columns where the header has 2, and 11 rows"),
        ("l.tsv", "", "l.tsv:1: the header has no column of lineages"),
        ("l.json", "{", "l.json: not a summary of pango lineages"),
        ("l.json", "[1]", "l.json: not a summary of pango lineages"),
    ],
)
def test_malformed_tables_are_errors_with_the_line(text, name, content, complaint):
    with pytest.raises(UserError) as error:
        read_lineages(text(name, content))
    assert complaint in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (">other\nEEE\n>A\nACGE\n", "v.fa:4: contig A has 'E', which are not nucleotide codes"),
        ("ACGT\n>A\nACGT\n", "v.fa:1: text before the first header"),
        ("", "v.fa: no FASTA record"),
    ],
)
def test_malformed_genomes_are_errors_with_the_name(text, content, complaint):
    with pytest.raises(UserError) as error:
        read_variant_genomes(text("v.fa", content), {"A": "Alpha"})
    assert complaint in str(error.value) and "\n" not in str(error.value)


def test_the_name_of_the_data_set_has_the_origin_of_its_genomes(text, bases, registry, tmp_path):
    """With a GISAID export, through the command line."""
    header = "hCoV-19/X/{0}/2021|EPI_ISL_{0}|2021-03-01"
    genomes = "".join(f">{header.format(n)}\n{bases(3000, n)}\n" for n in range(4))
    variants = tmp_path / "gisaid.fasta.gz"
    variants.write_bytes(gzip.compress(genomes.encode()))
    rows = "".join(f"hCoV-19/X/{n}/2021\tEPI_ISL_{n}\t{'AY.4' if n % 2 else 'Q.1'}\n" for n in range(4))
    lineages = text("gisaid.tsv", "Virus name\tAccession ID\tPango lineage\n" + rows)
    table = registry(task="covid", dataset="variants", name="SARS-CoV-2 variants", classes="Alpha;Delta", length=100)
    for label in ("GISAID", "open consensus genomes"):
        out = tmp_path / label
        arguments = ["--task", "covid", "--dataset", "variants", "--registry", str(table), "--out", str(out)]
        sources = [f"--source=variants:{label}={variants}", f"--source=lineages={lineages}"]
        assert build_dataset.main([*arguments, *sources]) == 0
        sheet = json.loads((out / "datasheet.json").read_text())
        assert sheet["name"] == f"SARS-CoV-2 variants ({label})"
        assert label in [source.get("label") for source in sheet["sources"]]
