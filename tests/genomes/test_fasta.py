"""A zoo of FASTA files."""

import gzip

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.genomes.fasta import read_fasta

TWO = [("one", b"ACGTacgtNN"), ("two", b"GGGRY")]


def write(tmp_path, data: bytes):
    path = tmp_path / "genome.fa"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data",
    [
        b">one first contig\nACGTac\ngtNN\n>two\nGGGRY\n",
        b">one\r\nACGTac\r\ngtNN\r\n>two\r\nGGGRY\r\n",
        b"\n\n>one\nACGTac\n\ngtNN\n\n>two\n\nGGGRY\n\n",
        b">one\nACGTacgtNN\n>two\nGGGRY",
        b">one\tof\xc3\xa9 \xff\xfe\nACGTacgtNN  \n>two\nGGGRY\n",
        gzip.compress(b">one\nACGTacgtNN\n>two\nGGGRY\n"),
        gzip.compress(b">one\nACGT") + gzip.compress(b"acgtNN\n>two\n") + gzip.compress(b"GGGRY") + gzip.compress(b""),
    ],
    ids=["wrapped", "crlf", "blank-lines", "no-last-line-end", "non-ascii-header", "gzip", "gzip-of-members"],
)
def test_the_same_two_contigs(tmp_path, data):
    assert list(read_fasta(write(tmp_path, data))) == TWO


def test_names_that_are_not_utf8_stay_distinct(tmp_path):
    names = [name for name, _ in read_fasta(write(tmp_path, b">chr\xfe\nA\n>chr\xff\nC\n>chr\xc3\xa9\nG\n"))]
    assert names == ["chr\\xfe", "chr\\xff", "chré"]


def test_contigs_come_one_at_a_time(tmp_path):
    """The first contig is there before the fault in the third is reached."""
    contigs = read_fasta(write(tmp_path, b">one\nACGT\n>two\nA\n>one\nA\n"))
    assert next(contigs) == ("one", b"ACGT")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no FASTA record"),
        (b"\n \n", "no FASTA record"),
        (gzip.compress(b""), "no FASTA record"),
        (b">one\n", "contig one has no sequence"),
        (b">one\n>two\nA\n", "contig one has no sequence"),
        (b"ACGT\n", ":1: text before the first header"),
        (b"<html>\n", ":1: text before the first header"),
        (b">\nACGT\n", ":1: header without a name"),
        (b">one\nA\n> two\nACGT\n", ":3: header without a name"),
        (b">one\nA\n>two\nC\n>one again\nG\n", ":5: contig one occurs twice"),
        (b">NP_414542.1 thr operon leader\nMKRISTTITTTITITTGNGAG\n", "contig NP_414542.1 holds 'I', no nucleotide"),
        (b">protein\nMELF*\n", "contig protein holds '\\*EFL', no nucleotide codes"),
        (b">gapped\nAC--GT\n", "contig gapped holds '-'"),
        (gzip.compress(b">one\n" + b"ACGT" * 50000)[:-40], "damaged or truncated"),
        (gzip.compress(b">one\nACGT\n")[:-3], "damaged or truncated"),
        (gzip.compress(b">one\nACGT\n")[:-8] + bytes(8), "damaged or truncated"),
        (gzip.compress(b">one\nACGT\n") + b"rubbish", "damaged or truncated"),
    ],
)
def test_refused_in_one_line_that_names_the_place(tmp_path, data, message):
    path = write(tmp_path, data)
    with pytest.raises(UserError, match=message) as caught:
        list(read_fasta(path))
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text


def test_absent_file(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        list(read_fasta(tmp_path / "absent.fa"))
