"""Readers of the primary sources: coordinates, and errors with file and line."""

import gzip

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.gue import source_readers
from workflow_scripts.gue.source_readers import Pair
from workflow_scripts.gue.sources import parse_source, source_path


def test_tss_is_the_end_of_the_bed_interval_one_based(text):
    path = text("p.bed", "chr1 959255 959256 NOC2L_1 1 -\nchr1\t960632\t960633\tKLHL17_1\t1\t+\n")
    first, second = source_readers.read_tss(path)
    assert (first.name, first.contig, first.position, first.strand) == ("NOC2L_1", "chr1", 959255, "-")
    assert (second.position, second.where) == (960632, f"{path}:2")


def test_tata_flags_follow_the_header(text):
    path = text("m.txt", "#Name\tTATA-box\tInr\tCCAAT-box\tGC-box\nA_1\t1\t0\t0\t1\nB_1\t0\t1\t0\t0\n")
    assert source_readers.read_tata_motifs(path) == {"A_1": True, "B_1": False}


def test_the_summit_is_the_offset_or_the_centre(text):
    rows = ["chr1\t100\t200\t.\t5\t.\t1\t-1\t-1\t30", "chr1\t100\t201\t.\t5\t.\t1\t-1\t-1\t-1"]
    called, centred = source_readers.read_peaks(text("a.narrowPeak", "track name=x\n" + "\n".join(rows) + "\n"))
    assert (called.summit, centred.summit) == (130, 150)


def test_exon_boundaries_are_positions_of_the_base_after_them(text):
    row = "GENE\t0\tchr1\t+\t11\t90\t20,50,\t31,71,\n"
    (gene,) = source_readers.read_genes(text("genes.txt", row))
    assert (gene.start, gene.end, gene.exon_ends, gene.exon_starts) == (10, 90, (20, 50), (30, 70))


def test_the_histone_label_is_the_last_character_of_the_record(text):
    path = text("dataset01.txt", ">iYAL001C\nACGT\nACG1\n>b\nTTTT\n0\n")
    assert [(s, label) for s, label, _ in source_readers.read_histone(path)] == [("ACGTACG", 1), ("TTTT", 0)]


def test_pairs_from_quoted_csv_and_from_tsv_are_the_same(text, tmp_path):
    csv_path = text(
        "pairs.csv",
        "bin,enhancer_chrom,enhancer_end,enhancer_start,label,promoter_chrom,promoter_end,promoter_start\n"
        '"(1, 2]",chr1,40,10,1,chr1,90,70\n',
    )
    tsv_path = tmp_path / "pairs.tsv.gz"
    columns = "enhancer_chrom enhancer_start enhancer_end promoter_chrom promoter_start promoter_end cell label"
    tsv_path.write_bytes(gzip.compress(("\t".join(columns.split()) + "\nchr1\t10\t40\tchr1\t70\t90\tX\t1\n").encode()))
    for path in (csv_path, tsv_path):
        assert source_readers.read_pairs(path) == [Pair(("chr1", 10, 40), ("chr1", 70, 90), 1, f"{path}:2")]


PEAK = "chr1\t{}\t{}\t.\t5\t.\t1\t-1\t-1\t{}\n"
PAIRS = "enhancer_chrom,enhancer_start,enhancer_end,promoter_chrom,promoter_start,promoter_end,label\n"


@pytest.mark.parametrize(
    ("reader", "content", "complaint"),
    [
        ("read_tss", "chr1 5 6 A 1 +\nchr1 5 6 A\n", "f:2: 4 columns, expected 6"),
        ("read_tss", "chr1 5 6 A 1 .\n", "f:1: strand '.'"),
        ("read_tss", "chr1 6 6 A 1 +\n", "f:1: start 6 is not before end 6"),
        ("read_tss", "chr1 x 6 A 1 +\n", "f:1: start 'x' is not a non-negative integer"),
        ("read_tata_motifs", "#Name Inr\nA 1\n", "f:1: no column TATA-box"),
        ("read_tata_motifs", "#Name TATA-box\nA yes\n", "f:2: the TATA-box flag"),
        ("read_peaks", PEAK.format(10, 20, 10) + PEAK.format(10, 20, 11), "f:2: summit offset 11 is outside"),
        ("read_genes", "G\t0\tchr1\t+\t1\t9\t3,\t5,7,\n", "f:1: 1 exon ends but 2 exon starts"),
        ("read_genes", "G\t0\tchr1\t+\t1\t9\t6,\t5,\n", "f:1: an exon starts before"),
        ("read_histone", ">a\nACGT1\n>b\nACGT\n", "f:3: the record must end in its label"),
        ("read_histone", "ACGT1\n", "f:1: sequence before the first header"),
        ("read_pairs", PAIRS + "chr1,1,5,chr1,8,9,2\n", "f:2: label '2' is neither 0 nor 1"),
        ("read_pairs", PAIRS.replace(",label", "") + "chr1,1,5,chr1,8,9\n", "f:1: the header lacks label"),
        ("read_pairs", PAIRS + "chr1,1,5,chr1,8\n", "f:2: 5 columns where the header has 7"),
    ],
)
def test_malformed_files_are_errors_with_the_line(text, reader, content, complaint):
    with pytest.raises(UserError) as error:
        getattr(source_readers, reader)(text("f", content))
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_or_damaged_file_is_one_error(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        source_readers.read_peaks(tmp_path / "none")
    damaged = tmp_path / "a.gz"
    damaged.write_bytes(gzip.compress(("chr1 5 6 A 1 +\n" * 5000).encode())[:-30])
    with pytest.raises(UserError, match="not readable"):
        source_readers.read_tss(damaged)


def test_sources_on_the_command_line():
    source = parse_source("species_genome:Mucor_a=results/a=b.fa")
    assert (source.role, source.label, str(source.path)) == ("species_genome", "Mucor_a", "results/a=b.fa")
    for wrong in ("genome", "=x", "genome="):
        with pytest.raises(UserError, match="ROLE=PATH"):
            parse_source(wrong)
    with pytest.raises(UserError, match="needed once, given 2 times"):
        source_path([parse_source("genome=a"), parse_source("genome=b")], "genome")
