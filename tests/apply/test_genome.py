"""However a genome is stored, a piece of it has the same letters; what is wrong is said in one line."""

import bz2
import gzip
import multiprocessing
import random
import re

import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gue.conftest import twobit_bytes
from workflow_scripts.apply.genome import COPY, open_genome
from workflow_scripts.common.errors import UserError

DRAW = random.Random(5)
CONTIGS = {
    "chr1": "".join(DRAW.choices("ACGTacgtNn", [9, 9, 9, 9, 4, 4, 4, 4, 1, 1], k=70_001)),
    "chr2": "N" * 40 + "acgt" * 500 + "NNNAC",
    "chrM": "A",
}
LINE = 61


def fasta(contigs=CONTIGS, end="\n", line=LINE):
    records = [
        f">{name} of the test{end}" + "".join(text[at : at + line] + end for at in range(0, len(text), line))
        for name, text in contigs.items()
    ]
    return "".join(records).encode()


def bgzip(path, content=None):
    with pysam.BGZFile(str(path), "wb", None) as handle:
        handle.write(fasta() if content is None else content)


# content of each way, and whether the file can be indexed as it is
WAYS = {
    "plain.fa": (fasta(), True),
    "crlf.fa": (fasta(end="\r\n"), True),
    "one_line.fa": (fasta(line=10**6), True),
    "without_last_line_end.fa": (fasta()[:-1], True),
    "bgzipped.fa.gz": (None, True),
    "gzipped.fa.gz": (gzip.compress(fasta(), mtime=0), False),
    "bzipped.fa.bz2": (bz2.compress(fasta()), False),
    "cr.fa": (fasta(end="\r"), False),
    "bom.fa": (b"\xef\xbb\xbf" + fasta(), False),
    "comments.fa": (fasta().replace(b"\n", b"\n; a comment\n", 3), False),
    "groups_of_ten.fa": (re.sub(rb"(?m)^([^>]{10})", rb"\1 ", fasta()), False),
    "uneven_lines.fa": (fasta()[:-1].replace(b"\n", b"\n\n", 5), False),
    "rna.fa": (fasta({name: text.replace("T", "U").replace("t", "u") for name, text in CONTIGS.items()}), True),
    "little.2bit": (twobit_bytes(CONTIGS, "little"), None),
    "big.2bit": (twobit_bytes(CONTIGS, "big"), None),
}


@pytest.fixture(scope="module")
def genomes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genomes")
    for name, (content, _) in WAYS.items():
        if content is None:
            bgzip(folder / name)
        else:
            (folder / name).write_bytes(content)
    before = sorted(path.name for path in folder.iterdir())
    opened = {name: open_genome(folder / name, folder / "index" / name) for name in WAYS}
    assert sorted(path.name for path in folder.iterdir()) == sorted([*before, "index"])  # nothing beside the files
    for name, (_, as_it_is) in WAYS.items():
        copies = [path.name for path in (folder / "index" / name).glob(f"*/{COPY}")]
        assert copies == ([] if as_it_is is not False else [COPY]), name
    return opened


@given(
    name=st.sampled_from(sorted(WAYS)),
    contig=st.sampled_from(sorted(CONTIGS)),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    short=st.booleans(),
)
def test_a_piece_has_the_letters_of_a_slice(genomes, name, contig, ends, short):
    length = len(CONTIGS[contig])
    start = int(min(ends) * (length - 1))
    end = min(length, start + 1 + int(max(ends) * (150 if short else length)))
    assert genomes[name].fetch(contig, start, end) == CONTIGS[contig][start:end].upper()


@pytest.mark.parametrize("name", sorted(WAYS))
def test_all_contigs_are_there_in_their_order(genomes, name):
    assert list(genomes[name].lengths.items()) == [(contig, len(text)) for contig, text in CONTIGS.items()]


def test_iupac_codes_are_kept_and_contigs_without_letters_left_out(tmp_path):
    (tmp_path / "a.fa").write_text(">a\nacRYu\n>empty\n>b\nKM\n>last\n")
    genome = open_genome(tmp_path / "a.fa", tmp_path / "index")
    assert genome.lengths == {"a": 5, "b": 2}
    assert genome.fetch("a", 0, 5) == "ACRYT" and genome.fetch("b", 1, 2) == "M"


def test_another_file_of_the_same_path_is_indexed_anew(tmp_path):
    path = tmp_path / "a.fa"
    for letters in ("ACGTACGTAC", "GGGG"):
        path.write_text(f">a\n{letters}\n")
        assert open_genome(path, tmp_path / "index").fetch("a", 0, 4) == letters[:4]


def first_letters(path, index, barrier, queue):
    barrier.wait()
    genome = open_genome(path, index)
    queue.put([genome.fetch("chr1", start, start + 50) for start in range(0, 1000, 50)])


def test_many_processes_may_index_a_genome_at_once(tmp_path):
    (tmp_path / "a.fa.gz").write_bytes(gzip.compress(fasta(), mtime=0))
    context = multiprocessing.get_context("fork")
    barrier, queue = context.Barrier(4), context.Queue()
    arguments = (tmp_path / "a.fa.gz", tmp_path / "index", barrier, queue)
    workers = [context.Process(target=first_letters, args=arguments) for _ in range(4)]
    for worker in workers:
        worker.start()
    pieces = [CONTIGS["chr1"][start : start + 50].upper() for start in range(0, 1000, 50)]
    assert [queue.get(timeout=60) for _ in workers] == [pieces] * 4
    for worker in workers:
        worker.join()
    assert len(list((tmp_path / "index").iterdir())) == 1  # one index, and no remains of the others


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "a.fa: no FASTA record; the file is empty"),
        (b"ACGT\n", "a.fa:1: text before the first header"),
        (b">a\nACGT\n>b\nMELF\n", "a.fa:4: contig b has 'EFL', which are not nucleotide codes"),
        (b">a\nACGT\n>b\nAC\n>a\nGG\n", "a.fa: contig 'a' appears twice"),
        (b">a\n>b\n", "a.fa: no record has a sequence"),
        (gzip.compress(fasta(), mtime=0)[:-2000], "a.fa: damaged or truncated file"),
        (twobit_bytes(CONTIGS)[:200], "a.fa: the .2bit file ends within its contigs"),
    ],
)
def test_a_file_that_is_no_genome_is_refused_and_leaves_nothing(tmp_path, content, problem):
    (tmp_path / "a.fa").write_bytes(content)
    with pytest.raises(UserError, match=problem) as error:
        open_genome(tmp_path / "a.fa", tmp_path / "index")
    assert "\n" not in str(error.value)
    assert list((tmp_path / "index").glob("*")) == []


def test_a_bgzipped_file_that_was_cut_between_blocks_is_refused(tmp_path):
    bgzip(tmp_path / "a.fa.gz")
    content = (tmp_path / "a.fa.gz").read_bytes()
    (tmp_path / "a.fa.gz").write_bytes(content[:-28])
    assert gzip.decompress(content[:-28])  # gzip sees nothing wrong
    with pytest.raises(UserError, match="the last block of bgzip is missing; the file was cut short"):
        open_genome(tmp_path / "a.fa.gz", tmp_path / "index")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(UserError, match=r"x\.fa: no such genome"):
        open_genome(tmp_path / "x.fa", tmp_path)


@pytest.mark.parametrize(
    ("contig", "start", "end", "problem"),
    [
        ("chr2", 5, 5, "start 5 is not less than end 5"),
        ("chr2", 7, 5, "start 7 is not less than end 5"),
        ("chr2", -1, 5, "chr2:-1-5 is not within contig 'chr2' of plain.fa, which has 2,045 bases"),
        ("chr2", 2040, 2046, "chr2:2,040-2,046 is not within contig 'chr2' of plain.fa, which has 2,045 bases"),
        ("2", 0, 5, "contig '2' is not in plain.fa: it has 'chr2'; if that is the same sequence, use its name"),
        ("MT", 0, 1, "contig 'MT' is not in plain.fa: it has 'chrM'"),
        ("NC_012920.1", 0, 1, "contig 'NC_012920.1' is not in plain.fa: it has 'chrM'"),
        ("chr9", 0, 1, "contig 'chr9' is not in plain.fa: it has chr1, chr2, chrM; give the genome that was used"),
    ],
)
def test_a_piece_that_does_not_exist_is_refused(genomes, contig, start, end, problem):
    with pytest.raises(UserError, match=f"^{problem}"):
        genomes["plain.fa"].fetch(contig, start, end)


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("NC_000001.11 Homo sapiens chromosome 1, GRCh38.p14 Primary Assembly", "chr1"),
        ("NC_000001.11", "1"),
        ("1 dna:chromosome chromosome:GRCh38:1:1:248956422:1 REF", "chr1"),
        ("CM000663.2 Homo sapiens chromosome 1, GRCh38 reference primary assembly", "NC_000001.11"),
        ("NC_001133.9 Saccharomyces cerevisiae S288C chromosome I, complete sequence", "chrI"),
        ("NC_001224.1 Saccharomyces cerevisiae S288c mitochondrion, complete genome", "Mito"),
        ("NC_000023.11", "chrX"),
        ("Chr1", "chr1"),
    ],
)
def test_the_name_of_another_source_is_offered(tmp_path, header, asked):
    others = ">NT_187361.1 Homo sapiens chromosome 1 unlocalized genomic scaffold\nAC\n>chr11\nAC\n"
    (tmp_path / "a.fa").write_text(f"{others}>{header}\nACGT\n")
    with pytest.raises(UserError, match=f"contig '{asked}' is not in a.fa: it has '{header.split()[0]}'; if"):
        open_genome(tmp_path / "a.fa", tmp_path / "index").fetch(asked, 0, 1)
