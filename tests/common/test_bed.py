"""Intervals of BED files, and the contigs of the genomes that they are on."""

import gzip

import pytest

from workflow_scripts.common.bed import read_bed
from workflow_scripts.common.contigs import contig_lengths, other_name
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.interval_set import site


def test_bed_of_any_number_of_columns_with_comments_and_browser_lines(tmp_path):
    lines = ["# made by hand", "track name=x", "", "chr1\t5\t9", "chr1 5 9 a 0 -", "chr2\t0\t1\tb\t3\t.\t0\t1\t0,0,0"]
    (tmp_path / "a.bed").write_text("\r\n".join(lines) + "\r\n")
    found = read_bed(tmp_path / "a.bed")
    assert [tuple(interval)[:6] for interval in found] == [
        ("chr1", 5, 9, "+", "", None),
        ("chr1", 5, 9, "-", "a", None),
        ("chr2", 0, 1, "+", "b", None),
    ]
    assert [interval.where for interval in found] == [f"{tmp_path}/a.bed:{line}" for line in (4, 5, 6)]
    (tmp_path / "b.bed").write_bytes(gzip.compress((tmp_path / "a.bed").read_bytes()))
    assert [interval[:6] for interval in read_bed(tmp_path / "b.bed")] == [interval[:6] for interval in found]


@pytest.mark.parametrize(("offset", "summit"), [("-1", None), ("0", 100), ("30", 130), ("50", 149)])
def test_summits_of_narrow_peak(tmp_path, offset, summit):
    (tmp_path / "a.narrowPeak").write_text(f"chr1\t100\t150\t.\t0\t.\t1\t-1\t-1\t{offset}\n")
    (peak,) = read_bed(tmp_path / "a.narrowPeak", summits=True)
    assert peak.summit == summit
    assert site(peak, 21)[1:3] == ((125 if summit is None else summit) - 10, (125 if summit is None else summit) + 11)


@pytest.mark.parametrize("offset", ["51", "-2", "x"])
def test_a_summit_outside_its_peak_is_refused(tmp_path, offset):
    (tmp_path / "a.narrowPeak").write_text(f"chr1\t100\t150\t.\t0\t.\t1\t-1\t-1\t{offset}\n")
    with pytest.raises(UserError, match=r"a\.narrowPeak:1: summit offset"):
        read_bed(tmp_path / "a.narrowPeak", summits=True)


@pytest.mark.parametrize("width", range(1, 60))
def test_an_interval_of_the_width_stays_as_it_is_and_any_other_is_centred(tmp_path, width):
    (tmp_path / "a.bed").write_text(f"c\t100\t{100 + width}\nc\t{100 + width // 2}\t{101 + width // 2}\n")
    whole, point = (site(interval, width) for interval in read_bed(tmp_path / "a.bed"))
    assert (whole.start, whole.end) == (100, 100 + width) == (point.start, point.end)


def test_contigs_have_other_names_elsewhere():
    ensembl, ucsc = ("1", "X", "MT"), ("chr1", "chrX", "chrM")
    assert [other_name(name, ensembl) for name in ucsc] == list(ensembl)
    assert [other_name(name, ucsc) for name in ensembl] == list(ucsc)
    assert other_name("chr2", ensembl) is None and other_name("scaffold_1", ucsc) is None


def test_lengths_are_those_of_the_contigs_whatever_the_line_ends(tmp_path):
    (tmp_path / "g.fa").write_bytes(b">a one\r\nACGT\r\nNN\r\n>b\nacg\n")
    assert contig_lengths(tmp_path / "g.fa") == {"a": 6, "b": 3}
    (tmp_path / "g.fa").write_bytes(b">a\nAC\n>a\nAC\n")
    with pytest.raises(UserError, match="contig 'a' appears twice"):
        contig_lengths(tmp_path / "g.fa")
