"""Intervals have the letters under them in the direction of their strand; what is wrong is said with its line."""

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.apply.genome import Genome, open_genome
from workflow_scripts.apply.inputs import open_input
from workflow_scripts.apply.records import Place
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement

CONTIGS = {"chr1": "".join(random.Random(1).choices("ACGTN", k=400)), "chrX": "ACGGT" * 20}
LENGTHS = {name: len(text) for name, text in CONTIGS.items()}
GENOME = Genome(Path("g.fa"), LENGTHS, {}, lambda contig, start, end: CONTIGS[contig][start:end])
BED6 = "chr1\t10\t30\tpeak one\t7\t-\nchrX\t0\t100\t.\t8\t+\nchr1\t5\t6\tpeak one\t9\t.\n"


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("genome")
    (folder / "g.fa").write_text("".join(f">{name}\n{text}\n" for name, text in CONTIGS.items()))
    return open_genome(folder / "g.fa", folder / "index")


def source(folder, genome, content, name="a.bed"):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_input(folder / name, genome)


def records(*arguments):
    return list(source(*arguments).records())


def expected():
    return [
        ("peak one", reverse_complement(CONTIGS["chr1"][10:30]), ("7",), Place("chr1", 10, 30, "-")),
        ("chrX:0-100(+)", CONTIGS["chrX"], ("8",), Place("chrX", 0, 100, "+")),
        ("peak one", CONTIGS["chr1"][5:6], ("9",), Place("chr1", 5, 6, ".")),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.bed", BED6),
        ("a.txt", BED6),
        ("crlf.bed", BED6.replace("\n", "\r\n")),
        ("bom.bed", "\ufeff" + BED6),
        ("a.bed.gz", gzip.compress(BED6.encode(), mtime=0)),
        ("blanks.bed", BED6.replace("peak one", "peak_one").replace("\t", "  ")),
        ("tracks.bed", f'browser position chr1:1-100\ntrack name="my peaks" color=0,0,255\n# made by hand\n{BED6}\n\n'),
        ("header.bed", "#chrom\tstart\tend\tname\tscore\tstrand\n" + BED6),
        ("header.tsv", "chrom\tchromStart\tchromEnd\tname\tscore\tstrand\n" + BED6),
    ],
)
def test_bed_however_it_is_written(tmp_path, genome, name, content):
    found = source(tmp_path, genome, content, name)
    assert found.columns == ("score",)
    for _ in range(2):
        rows = [(record.name, record.text, record.columns, record.place) for record in found.records()]
        assert [(row[0].replace("_", " "), *row[1:]) for row in rows] == expected()


@pytest.mark.parametrize(
    ("line", "columns", "name", "cells"),
    [
        ("chr1\t1\t9", (), "chr1:1-9", ()),
        ("chr1\t1\t9\tp", (), "p", ()),
        ("chr1\t1\t9\tp\t3.5", ("score",), "p", ("3.5",)),
        ("chr1\t1\t9\tp\t3\t+\tG1", ("score", "column7"), "p", ("3", "G1")),
        ("chr1\t1\t9\t12\t0\t+\t.", ("score", "column7"), "12", ("0", ".")),  # no GFF
        ("chr1\t1\t9\tp\t3\tx1", ("score", "column6"), "p", ("3", "x1")),
        (
            "chr1\t1\t9\t.\t0\t-\t1\t9\t255,0,0\t2\t2,3,\t0,5,\tmore",
            *(("score", "thickStart", "thickEnd", "itemRgb", "blockCount", "blockSizes", "blockStarts", "column13"),),
            *("chr1:1-9(-)", ("0", "1", "9", "255,0,0", "2", "2,3,", "0,5,", "more")),
        ),
        (
            "chr1\t1\t9\t.\t108\t.\t17.02\t-1\t2.6e-5\t4",
            *(("score", "signalValue", "pValue", "qValue", "peak"), "chr1:1-9", ("108", "17.02", "-1", "2.6e-5", "4")),
        ),
        ("chr1\t1\t9\tp\t5\t.\t17\t3\t-1", ("score", "signalValue", "pValue", "qValue"), "p", ("5", "17", "3", "-1")),
        ("#chrom\tstart\tend\tgene\tstrand\tid\nchr1\t1\t9\tG\t-\tp1", ("gene",), "p1", ("G",)),
        ("#made by me\nchr1\t1\t9\tp\t3", ("score",), "p", ("3",)),
    ],
)
def test_further_columns_are_kept_with_their_names(tmp_path, genome, line, columns, name, cells):
    found = source(tmp_path, genome, line + "\n")
    assert found.columns == columns
    (record,) = found.records()
    assert (record.name, record.columns) == (name, cells)


def test_a_table_of_sequences_with_their_places_is_no_bed(tmp_path):
    found = source(tmp_path, None, "chrom\tstart\tend\tsequence\nchr1\t1\t5\tACGT\n", "a.tsv")
    assert found.columns == ("chrom", "start", "end") and next(found.records()).text == "ACGT"


INTERVALS = st.lists(
    st.tuples(st.sampled_from(sorted(CONTIGS)), st.floats(0, 1), st.floats(0, 1), st.sampled_from("+-.")), min_size=1
)


@given(INTERVALS)
def test_letters_names_and_order_are_those_of_the_lines(tmp_path_factory, drawn):
    places = []
    for contig, first, second, strand in drawn:
        start = int(min(first, second) * (len(CONTIGS[contig]) - 1))
        end = start + 1 + int(max(first, second) * (len(CONTIGS[contig]) - start - 1))
        places.append(Place(contig, start, end, strand))
    lines = [f"{p.contig}\t{p.start}\t{p.end}\tn{n}\t0\t{p.strand}\n" for n, p in enumerate(places)]
    found = records(tmp_path_factory.mktemp("bed"), GENOME, "".join(lines))
    assert [record.name for record in found] == [f"n{n}" for n in range(len(places))]
    for record, place in zip(found, places, strict=True):
        letters = CONTIGS[place.contig][place.start : place.end]
        assert record.place == place and len(record.text) == place.end - place.start
        assert (reverse_complement(record.text) if place.strand == "-" else record.text) == letters


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "a.bed: the file is empty"),
        ("track name=x\n# nothing\n", "a.bed: no interval; expected lines of contig, start and end"),
        ("chr1\t0\t9\nchr1\t390\t401\n", "a.bed:2: chr1:390-401 is not within contig 'chr1' of g.fa, which has 400"),
        ("#x\nchr1\t9\t9\n", "a.bed:2: start 9 is not before end 9"),
        ("chr1\t9\t3\n", "a.bed:1: start 9 is not before end 3"),
        ("chr1\t0\t9\n1\t0\t9\n", "a.bed:2: contig '1' is not in g.fa: it has 'chr1'; if that is the same sequence"),
        ("chr1\t-1\t9\n", "a.bed:1: start '-1' is not a non-negative integer"),
        ("chr1\t0\t9e2\n", "a.bed:1: end '9e2' is not a non-negative integer"),
        ("chr1\tx\t9\tp\t0\t+\t1\t9\t0\n", "a.bed:1: start 'x' is not a non-negative integer"),
        ("chr1\t0\n", "a.bed:1: 2 columns; expected contig, start and end"),
        ("chr1,0,9\n", "a.bed:1: 1 columns; expected contig, start and end, separated by tabs"),
        ("chr1\t0\t9\tp\nchr1\t0\t9\n", "a.bed:2: 3 columns where the first interval has 4"),
        ("chr1\t0\t9\tp\t0\t+\nchr1\t0\t9\tp\t0\t*\n", "a.bed:2: strand '\\*'; expected"),
        ("chr1\t0\t9\t-\n", "a.bed:1: column 4 is a strand, which BED has in column 6"),
        ("#chrom\tstart\tend\tx\tx\nchr1\t0\t9\t1\t2\n", "a.bed:2: two columns are named 'x'; rename one"),
        (gzip.compress(BED6.encode() * 100, mtime=0)[:-20], "a.bed: damaged or truncated file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, genome, content, problem):
    with pytest.raises(UserError, match=problem) as error:
        records(tmp_path, genome, content)
    assert "\n" not in str(error.value)


def test_intervals_need_a_genome(tmp_path):
    with pytest.raises(UserError, match=r"a\.bed: intervals need their genome; give .* as --genome"):
        source(tmp_path, None, BED6)
