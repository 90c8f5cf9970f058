"""What is wrong with intervals, FASTA files and the keys beside them is said in one line, before a file is written."""

import random

import pytest

from tests.gue.made_rows import isochores
from workflow_scripts.gue.take_dataset import main

BED = "".join(f"chr{1 + at % 3}\t{at * 3000}\t{at * 3000 + 100}\tp{at}\t0\t+\n" for at in range(1, 31))
ROWS = "".join(
    f">s{number} label={'ab'[number % 2]}\n{'ACGGT' * 3}{'ACGT'[number % 4] * number}\n" for number in range(20)
)
PLAIN = ROWS.replace(" label=a", "").replace(" label=b", "")
CONTIG = "--split chromosome --dev-chromosomes chr1 --test-chromosomes"

INTERVALS = {  # changed BED, options -> what is said
    "columns": (BED + "chr1\t5\n", "", "p.bed:31: 2 columns; expected BED: contig, start, end"),
    "start": (BED + "chr1\tx\t5\n", "", "p.bed:31: start 'x' is not a non-negative integer"),
    "order": (
        BED + "chr1\t9\t9\n",
        "",
        "p.bed:31: start 9 is not before end 9; expected 0-based half-open coordinates",
    ),
    "strand": (BED + "chr1\t9\t109\tp\t0\tW\n", "", "p.bed:31: strand 'W' in column 6 is none of +, -, ."),
    "empty": ("# nothing\n", "", "p.bed: no interval; expected BED: contig, start and end in each line"),
    "few": (BED[:90], "", "p.bed: 4 intervals; 10 at least are needed to split them"),
    "end": (
        BED + "chr1\t99990\t100090\n",
        "",
        "p.bed:31: end 100090 is beyond chr1 of 100000 bp in {genome}; use the assembly that the intervals are of",
    ),
    "habit": (
        BED.replace("chr", ""),
        "",
        "p.bed:1: contig '2' is 'chr2' in {genome} (30 intervals on 3 contigs); "
        "write the names in one way in both files",
    ),
    "contig": (
        BED + "chrZ\t1\t101\n",
        "",
        "p.bed:31: contig 'chrZ' is not in {genome} (1 interval); "
        "use the assembly of the intervals, or remove these lines",
    ),
    "width": (
        BED + "chr1\t1\t51\n",
        "",
        "p.bed:31: 50 bases where the first interval has 100; set width, the bases of every row "
        "around the centre of its interval",
    ),
    "summit": (
        BED,
        "--centre summit",
        "p.bed:1: 6 columns; a summit is column 10 of narrowPeak; set centre: middle for other BED",
    ),
    "names": (
        BED,
        "--negatives none",
        "p.bed: 30 names in 30 intervals; with negatives: none the names are the classes; "
        "for intervals of one class set negatives: matched",
    ),
    "nameless": (
        BED + "chr1\t1\t101\n",
        "--negatives none",
        "p.bed:31: no name in column 4; with negatives: none the names are the classes",
    ),
    "chromosome": (
        BED,
        f"{CONTIG} 2",
        "p.bed: no interval is on '2' of chromosomes.test; write chr2",
    ),
    "train": (BED, f"{CONTIG} chr2 chr3", "p.bed: all its contigs are in dev or test; leave some for train"),
    "both": (BED, f"{CONTIG} chr1", "options.chromosomes: 'chr1' is in dev and in test; leave it in one"),
    "no chromosomes": (
        BED,
        "--split chromosome",
        "options: split: chromosome and chromosomes: {dev: [...], test: [...]} need each other",
    ),
    "room": (
        BED,
        "--ratio 100",
        "p.bed: 300,000 bases of negatives are wanted, and the contigs of the intervals have 237,000 "
        "that are 1000 or more from all intervals; lower distance or ratio, or set negatives: shuffled",
    ),
    "room of a split": (
        BED + "".join(f"chr2\t{at}\t{at + 100}\n" for at in range(150, 100_000, 1000)),
        f"{CONTIG} chr2",
        "p.bed: 11,000 bases of negatives of test are wanted, and the contigs of the intervals have 0 that are 1000 or "
        "more from all intervals; lower distance or ratio, or set negatives: shuffled",
    ),
    "chain": (
        "".join(f"chr1\t{at}\t{at + 100}\n" for at in range(1000, 3000, 50)),
        "--distance 0",
        "{bed}: 80 of 80 rows are of intervals that overlap in one chain, which stay in one split; "
        "take split: chromosome, or a smaller width",
    ),
    "distance": (
        BED,
        "--negatives shuffled --distance 5",
        "options.distance: is for matched negatives only; leave it out",
    ),
}
FASTA = {  # content, options -> what is said
    "no label": (
        ROWS.replace("s3 label=b", "s3"),
        "",
        "x.fa:7: no label in the header; write >id label=NAME or >id|NAME, "
        "give one file for each class, or set negatives",
    ),
    "no sequence": (ROWS + ">empty label=a\n", "", "x.fa:41: 'empty' has no sequence"),
    "protein": (
        ROWS + ">p label=a\nMKLV\n",
        "",
        "x.fa:42: contig p has 'L', which are not nucleotide codes; give DNA or RNA without gaps, not protein",
    ),
    "one class": (ROWS.replace("=b", "=a"), "", "x.fa:1: the only class is 'a'; two are needed"),
    "case": (
        ROWS.replace("s3 label=b", "s3 label=B"),
        "",
        "x.fa:3: classes 'B' and 'b' differ in case only; write them alike",
    ),
    "labels of positives": (
        ROWS,
        "--negatives shuffled",
        "x.fa:3: label 'b' after 'a'; negatives are made for one class; leave out negatives if the headers have the "
        "classes",
    ),
    "no genome": (PLAIN, "--negatives matched", "options: genome missing; name the FASTA or .2bit file of the genome"),
    "contigs": (ROWS, "--split chromosome", "options.split: chromosome is for intervals; sequences have no places"),
    "width": (ROWS, "--width 5", "options.width: has no meaning beside fasta; leave it out"),
    "one file for one class": (
        ROWS,
        "--classes a",
        "options.fasta: one class; name a file for each of two classes, or set negatives",
    ),
}


@pytest.fixture
def genome(fasta):
    return fasta({f"chr{number}": isochores(100_000, number) for number in range(1, 4)})


def told(capsys, tmp_path, *words):
    assert main([*map(str, words), "--metric", "mcc", "--out", str(tmp_path / "out")]) == 1
    assert not (tmp_path / "out").exists()
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]


@pytest.mark.parametrize("kind", INTERVALS)
def test_mistakes_in_intervals(genome, text, tmp_path, capsys, kind):
    content, options, expected = INTERVALS[kind]
    bed = text("p.bed", content)
    lines = told(capsys, tmp_path, "--name", "mine", "a", "--intervals", bed, "--genome", genome, *options.split())
    expected = expected.replace("{genome}", str(genome)).replace("{bed}", str(bed))
    assert lines == [f"error: {expected.replace('p.bed', str(bed)) if expected.startswith('p.bed') else expected}"]


@pytest.mark.parametrize("kind", FASTA)
def test_mistakes_in_fasta_files(text, tmp_path, capsys, kind):
    content, options, expected = FASTA[kind]
    path = text("x.fa", content)
    lines = told(capsys, tmp_path, "--name", "mine", "a", "--fasta", path, *options.split())
    assert lines == [f"error: {expected.replace('x.fa', str(path)) if expected.startswith('x.fa') else expected}"]


def test_too_few_windows_of_the_gc_content_of_the_positives(fasta, text, tmp_path, capsys):
    """The genome has room, but no G or C outside the intervals."""
    draw = random.Random(0)
    parts = [("AT" * 1000, "".join(draw.choices("GC", k=100))) for _ in range(40)]
    contig = "".join(map("".join, parts)) + "AT" * 1000
    bed = text("p.bed", "".join(f"c\t{at}\t{at + 100}\n" for at in range(2000, len(contig) - 2000, 2100)))
    genome = fasta({"c": contig})
    (line,) = told(capsys, tmp_path, "--name", "mine", "a", "--intervals", bed, "--genome", genome, "--distance", 100)
    assert line == (
        "error: mine/a: 40 of 40 positives have too few free windows of their GC content in the genome; lower distance "
        "(100) or ratio (1), or set negatives: shuffled"
    )
