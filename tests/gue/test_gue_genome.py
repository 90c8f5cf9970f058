"""FASTA files, windows on both strands, intervals."""

import gzip
from collections import Counter

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.randomness import generator
from workflow_scripts.gue.genome import Regions, check_place, cut, random_places, read_fasta


def test_fasta_is_read_whole_and_upper_case(text):
    path = text("a.fa", ">chr1 first\nacgt\nNNac\r\n\n>chr2\nGG\n")
    assert read_fasta(path) == {"chr1": b"ACGTNNAC", "chr2": b"GG"}


def test_compressed_fasta_reads_the_same(text, tmp_path):
    plain = text("a.fa", ">a\nACGT\n>b\nTTTT\n")
    packed = tmp_path / "a.fa.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    zstd = tmp_path / "a.fa.zst"
    with pyarrow.output_stream(str(zstd), compression="zstd") as out:
        out.write(plain.read_bytes())
    assert read_fasta(packed) == read_fasta(zstd) == read_fasta(plain)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("ACGT\n", "a.fa:1: bases before the first header"),
        (">a\nAC\n>a\nGT\n", "a.fa:3: contig 'a' appears twice"),
        (">a\nACGT\nAC*T\n", "a.fa:3: '*' is no nucleotide code"),
        (">\nACGT\n", "a.fa:1: header without a name"),
        ("", "no sequence"),
    ],
)
def test_malformed_fasta_is_named_by_line(text, content, complaint):
    with pytest.raises(UserError) as error:
        read_fasta(text("a.fa", content))
    assert complaint in str(error.value)


def test_truncated_gzip_is_one_error(tmp_path):
    path = tmp_path / "a.fa.gz"
    path.write_bytes(gzip.compress(b">a\n" + b"ACGTTGCA" * 5000)[:-20])
    with pytest.raises(UserError, match="damaged"):
        read_fasta(path)


def test_windows_at_the_ends_of_a_contig():
    genome, dropped = {"c": b"AACCGGTTNA"}, Counter()
    assert cut(genome, "c", 0, 4, "+", dropped) == "AACC"
    assert cut(genome, "c", 0, 4, "-", dropped) == "GGTT"
    assert cut(genome, "c", 4, 4, "+", dropped) == "GGTT"
    assert cut(genome, "c", -1, 4, "+", dropped) is None
    assert cut(genome, "c", 7, 4, "+", dropped) is None
    assert cut(genome, "c", 6, 4, "-", dropped) is None
    assert dropped == {"leaves_contig": 2, "non_acgt": 1}


def test_a_place_that_does_not_exist_is_a_wrong_assembly():
    genome = {"chr1": b"ACGT"}
    check_place(genome, "chr1", 3, "x:1")
    with pytest.raises(UserError, match="x:7: contig 'chr2' is not in the genome"):
        check_place(genome, "chr2", 0, "x:7")
    with pytest.raises(UserError, match="x:8: position 5 is outside chr1"):
        check_place(genome, "chr1", 4, "x:8")


intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 15)), max_size=8)


@given(intervals, st.integers(0, 70), st.integers(1, 10))
def test_overlap_is_a_shared_base(pieces, start, length):
    regions = Regions([("c", at, at + size) for at, size in pieces])
    covered = {base for at, size in pieces for base in range(at, at + size)}
    assert regions.overlaps("c", start, start + length) == bool(covered & set(range(start, start + length)))
    assert not regions.overlaps("other", start, start + length)


def test_places_are_uniform_over_the_bases():
    genome = {"short": b"A" * 100, "long": b"A" * 900}
    places = list(random_places(genome, ["long", "short"], 20_000, generator(1, "places")))
    assert all(0 <= at < len(genome[chrom]) for chrom, at in places)
    assert 1800 < sum(chrom == "short" for chrom, _ in places) < 2200
    assert {at for chrom, at in places if chrom == "short"} == set(range(100))
