"""FASTA files in all their variants, and refused ones."""

import gzip
from functools import partial

import pytest

from workflow_scripts.common import fasta_blocks
from workflow_scripts.common.errors import UserError
from workflow_scripts.genomes.contigs import read_fasta, replicon

# Without a timestamp: pytest names parameters by their bytes, which must be the same in each of its processes.
compress = partial(gzip.compress, mtime=0)
TWO = [("one", b"ACGTacgtNN"), ("two", b"GGGRY")]


def bgzf(data: bytes) -> bytes:
    """A gzip member of bgzip, with an extra field for its size."""
    member = compress(data)
    size = (len(member) + 8 - 1).to_bytes(2, "little")
    return member[:3] + b"\x04" + member[4:10] + b"\x06\x00BC\x02\x00" + size + member[10:]


def write(tmp_path, data: bytes):
    path = tmp_path / "genome.fa"
    path.write_bytes(data)
    return path


def read(path):
    return [(contig.name, contig.sequence) for contig in read_fasta(path)]


@pytest.mark.parametrize(
    "data",
    [
        b">one first contig\nACGTac\ngtNN\n>two\nGGGRY\n",
        b">one\r\nACGTac\r\ngtNN\r\n>two\r\nGGGRY\r\n",
        b"\n\n>one\nACGTac\n\ngtNN\n\n>two\n\nGGGRY\n\n",
        b">one\nACGTacgtNN\n>two\nGGGRY",
        b">one\tof\xc3\xa9 \xff\xfe\nACGTacgtNN  \n>two\nGGGRY\n",
        compress(b">one\nACGTacgtNN\n>two\nGGGRY\n"),
        compress(b">one\nACGT") + compress(b"acgtNN\n>two\n") + compress(b"GGGRY") + compress(b""),
        bgzf(b">one\nACGTacgt") + bgzf(b"NN\n>two\nGGGRY\n") + bgzf(b""),
        b">one with > within\nACGTacgtNN\n>two >three\nGGGRY\n",
    ],
    ids=[
        *["wrapped", "crlf", "blank-lines", "no-last-line-end", "non-ascii-header", "gzip", "gzip-of-members"],
        *["bgzip", "angle-in-header"],
    ],
)
@pytest.mark.parametrize("buffer", [1, 2, 3, 7, 1 << 20])
def test_all_variants_give_the_same_contigs_with_any_block_size(tmp_path, monkeypatch, data, buffer):
    monkeypatch.setattr(fasta_blocks, "BUFFER", buffer)
    assert read(write(tmp_path, data)) == TWO


def test_description_is_the_rest_of_the_header(tmp_path):
    path = write(tmp_path, b">NC_1.1 Homo sapiens  mitochondrion, complete genome \r\nAC\r\n>bare\r\nG\r\n")
    assert [(contig.name, contig.description) for contig in read_fasta(path)] == [
        ("NC_1.1", "Homo sapiens  mitochondrion, complete genome"),
        ("bare", ""),
    ]


def test_repeated_names_are_yielded_repeatedly(tmp_path):
    assert read(write(tmp_path, b">one\nAC\n>one again\nG\n")) == [("one", b"AC"), ("one", b"G")]


@pytest.mark.parametrize(
    "data", [b">none\n>one\nA\n>last\n", b">none\n\n\n>one\nA\n>last", b">none\r\n>one\r\nA\r\n>last\r\n"]
)
def test_records_without_sequence_are_contigs_of_no_bases(tmp_path, data):
    assert read(write(tmp_path, data)) == [("none", b""), ("one", b"A"), ("last", b"")]


def test_names_that_are_not_utf8_stay_distinct(tmp_path):
    names = [name for name, _ in read(write(tmp_path, b">chr\xfe\nA\n>chr\xff\nC\n>chr\xc3\xa9\nG\n"))]
    assert names == ["chr\\xfe", "chr\\xff", "chré"]


def test_contigs_are_yielded_one_at_a_time(tmp_path):
    """The first contig is yielded before the error in the third is reached."""
    contigs = read_fasta(write(tmp_path, b">one\nACGT\n>two\nA\n>three\nX\n"))
    assert next(contigs) == ("one", "", b"ACGT")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no FASTA record"),
        (b"\n \n", "no FASTA record"),
        (compress(b""), "no FASTA record"),
        (b">one\n", "no record has a sequence"),
        (b">one\n\n>two\n", "no record has a sequence"),
        (b"ACGT\n", "text before the first header"),
        (b"ACGT\n>one\nA\n", "text before the first header"),
        (b"<html>\n", "text before the first header"),
        (b">\nACGT\n", ":1: the header has no name"),
        (b">one\nA\n> two\nACGT\n", ":3: the header has no name"),
        (b">one\nAC>two\nGT\n", "contig one has '>o', which are not nucleotide codes"),
        (
            b">NP_414542.1 thr operon leader\nMKRISTTITTTITITTGNGAG\n",
            "contig NP_414542.1 has 'I', which are not nucleotide",
        ),
        (b">protein\nMELF*\n", "contig protein has '\\*EFL', which are not nucleotide codes"),
        (b">gapped\nAC--GT\n", ":2: contig gapped has '-'"),
        (b">one\nACGT\n>gapped\rACGT\rNN\r\n; AC-GT\nA C\nAC-GT\n", ":8: contig gapped has '-'"),
        (compress(b"\xef\xbb\xbf\n>one\nACGT*\n"), ":3: contig one has '\\*'"),
        (compress(b">one\n" + b"ACGT" * 50000)[:-40], "damaged or truncated"),
        (compress(b">one\nACGT\n")[:-3], "damaged or truncated"),
        (compress(b">one\nACGT\n")[:-8] + bytes(8), "damaged or truncated"),
        (compress(b">one\nACGT\n") + b"rubbish", "damaged or truncated"),
    ],
)
def test_invalid_files_are_refused_in_one_line_that_names_the_file(tmp_path, data, message):
    path = write(tmp_path, data)
    with pytest.raises(UserError, match=message) as caught:
        list(read_fasta(path))
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        list(read_fasta(tmp_path / "absent.fa"))


@pytest.mark.parametrize(
    ("description", "kind"),
    [
        ("Homo sapiens mitochondrion, complete genome", "organelle"),
        ("Arabidopsis thaliana chloroplast, complete genome", "organelle"),
        ("Plasmodium falciparum 3D7 apicoplast, complete genome", "organelle"),
        ("Silene conica mitochondrion chromosome 12, complete sequence", "organelle"),
        ("Some moth mitochondrial scaffold 3, whole genome shotgun sequence", "organelle"),
        ("Some moth mitochondrion unplaced genomic scaffold, ASM1v1, whole genome shotgun sequence", "organelle"),
        ("Leishmania tarentolae kinetoplast maxicircle DNA", "organelle"),
        ("Abia candens genome assembly, organelle: mitochondrion", "organelle"),
        ("Abies alba genome assembly, organelle: plastid:chloroplast", "organelle"),
        ("Escherichia coli strain X plasmid pX, complete sequence", "plasmid"),
        ("Shigella flexneri 2a strain ATCC 29903 plasmid unnamed1, complete sequence", "plasmid"),
        ("Borreliella burgdorferi B31 plasmid lp54, complete sequence", "plasmid"),
        ("Ralstonia solanacearum GMI1000 megaplasmid pGMI1000MP, complete sequence", "plasmid"),
        ("Abia candens genome assembly, plasmid: 2", "plasmid"),
        ("Plasmodium vivax chromosome 1, complete sequence", None),
        ("Homo sapiens chromosome 3, mitochondrial-like stretch, GRCh38.p14 Primary Assembly", None),
        ("Homo sapiens nuclear gene for mitochondrial product", None),
        ("Candidatus Midichloria mitochondrii, complete genome", None),
        ("Escherichia coli strain X chromosome, plasmid-like element", None),
        ("", None),
    ],
)
def test_organelles_and_plasmids_are_recognised_by_their_headers(description, kind):
    assert replicon(description) == kind
