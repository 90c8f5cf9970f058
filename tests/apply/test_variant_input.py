"""Every allele of a VCF comes with what it changes, or with the reason why it has no score."""

import gzip

import pysam
import pytest

from tests.apply.variant_files import genome_of, write_vcf
from workflow_scripts.apply import variant_input
from workflow_scripts.apply.variant_input import Allele, edit_of, read_alleles
from workflow_scripts.common.errors import UserError

BASES = "ACGTACGTAAAACCCCGGGGTTTTNACGT"
GENOME = genome_of({"1": BASES})
ROWS = [
    (1, "A", "G"),
    (2, "c", "t,a"),
    (3, "GT", "CA"),
    (4, "T", "TGG"),
    (9, "AAA", "A"),
    (9, "AAA", "ACC"),
    (9, "A", "."),
    (10, "A", "<DEL>"),
    (10, "A", "*"),
    (10, "A", "A]1:20],G"),
    (11, "A", "N"),
    (25, "N", "A"),
    (29, "T", "C"),
    (2, "C", "C"),
]
EDITS = [(0, "A", "G"), (1, "C", "T"), (1, "C", "A"), (2, "GT", "CA"), (4, "", "GG"), (8, "AA", ""), (9, "AA", "CC")]

COLUMNS = b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def test_alleles_are_in_order_with_what_they_change_or_a_reason(tmp_path):
    alleles = list(read_alleles(write_vcf(tmp_path / "a.vcf", ROWS), GENOME))
    assert [allele.record for allele in alleles] == [0, 1, 1, *range(2, 9), 9, 9, *range(10, 14)]
    assert [allele.number for allele in alleles] == [1, 1, 2, 1, 1, 1, 1, 0, 1, 1, 1, 2, 1, 1, 1, 1]
    assert [tuple(edit_of(allele)) for allele in alleles[:7]] == EDITS
    kinds = [edit_of(allele).kind for allele in [*alleles[:7], alleles[-1]]]
    assert kinds == ["SNV", "SNV", "SNV", "MNV", "insertion", "deletion", "MNV", "none"]
    assert [allele.reason for allele in alleles[7:]] == [
        variant_input.NO_ALTERNATIVE,
        variant_input.SYMBOLIC,
        variant_input.OVERLAPPED,
        variant_input.BREAKEND,
        "",
        variant_input.UNKNOWN,
        variant_input.UNKNOWN,
        "",
        "",
    ]


def test_an_indel_with_other_bases_is_no_insertion():
    assert edit_of(Allele(0, 1, "1", 0, "ACG", "ATTTG")) == (1, "C", "TTT")
    assert edit_of(Allele(0, 1, "1", 0, "ACG", "ATTTG")).kind == "indel"


@pytest.mark.parametrize("form", ["gzip", "bgzip", "bcf"])
def test_every_form_gives_the_same_alleles(tmp_path, form):
    plain = write_vcf(tmp_path / "a.vcf", ROWS)
    other = tmp_path / {"gzip": "a.vcf.gz", "bgzip": "b.vcf.gz", "bcf": "a.bcf"}[form]
    if form == "gzip":
        other.write_bytes(gzip.compress(plain.read_bytes()))
    else:
        source = pysam.VariantFile(str(plain))
        source.header.info.add("END", 1, "Integer", "of symbolic alleles, which the library writes")
        with pysam.VariantFile(str(other), "wz" if form == "bgzip" else "wb", header=source.header) as out:
            for record in source:
                out.write(record)
    assert list(read_alleles(other, GENOME)) == list(read_alleles(plain, GENOME))


def test_a_reference_that_disagrees_is_refused_with_its_line_or_counted(tmp_path):
    path = write_vcf(tmp_path / "a.vcf", [(1, "A", "G"), (2, "G", "T,A"), (3, "G", "T")])
    line = path.read_text().splitlines().index("1\t2\tv1\tG\tT,A\t.\tPASS\t.\tGT\t0/1") + 1
    with pytest.raises(UserError, match=rf"a\.vcf:{line}: REF G at 1:2, where the genome has C; .*--mismatches skip"):
        list(read_alleles(path, GENOME))
    found = list(read_alleles(path, GENOME, "skip"))
    assert [allele.reason for allele in found] == ["", variant_input.MISMATCH, variant_input.MISMATCH, ""]


@pytest.mark.parametrize(("position", "reference"), [(29, "TA"), (30, "A"), (1000, "A"), (0, "A")])
def test_a_reference_off_the_contig_disagrees(tmp_path, position, reference):
    path = write_vcf(tmp_path / "a.vcf", [(position, reference, "C")])
    with pytest.raises(UserError, match="where the genome has 29 bases"):
        list(read_alleles(path, GENOME))
    assert [allele.reason for allele in read_alleles(path, GENOME, "skip")] == [variant_input.MISMATCH]


def test_a_contig_of_another_name_is_told_with_the_match(tmp_path):
    path = write_vcf(tmp_path / "a.vcf", [(1, "A", "G")])
    with pytest.raises(UserError, match=r"a\.vcf:9: .*'1'.*'chr1'"):
        list(read_alleles(path, genome_of({"chr1": BASES})))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b">a\nACGT\n", "not VCF or BCF"),
        (b"", "not VCF or BCF"),
        (
            b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\tten\t.\tA\tC\t.\t.\t.\n",
            ":3: not a",
        ),
        (b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n1\t1\n", ":3: not a"),
    ],
)
def test_what_is_no_vcf_is_refused_in_one_line(tmp_path, content, problem):
    (tmp_path / "a.vcf").write_bytes(content)
    with pytest.raises(UserError, match=problem):
        list(read_alleles(tmp_path / "a.vcf", GENOME))


def test_a_vcf_without_records_has_no_alleles(tmp_path):
    assert list(read_alleles(write_vcf(tmp_path / "a.vcf", []), GENOME)) == []
