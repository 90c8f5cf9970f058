"""Data sets that are made from intervals: negatives that no trivial rule tells, splits without leaks, full accounts."""

import gzip
import json
import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import roc_auc_score

from tests.gue.made_rows import SPLITS, better_auroc, by_label, gc, isochores, read_rows
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.take_dataset import main

CHROMOSOMES = ("--split", "chromosome", "--dev-chromosomes", "chr2", "--test-chromosomes", "chr3")


@pytest.fixture(scope="module")
def genome():
    """Four contigs of 300 kb."""
    return {f"chr{number}": isochores(300_000, number) for number in range(1, 5)}


def peaks(genome, count=200, width=200, seed=0):
    """(contig, start, end, name, score, strand) in GC-rich places, so that a random window has less G and C."""
    draw, found = random.Random(seed), []
    while len(found) < count:
        contig, start = draw.choice(list(genome)), draw.randrange(300_000 - width)
        window = genome[contig][start : start + width]
        far = all(other[0] != contig or abs(other[1] - start) > width for other in found)
        if far and window.count("G") + window.count("C") > 0.5 * width:
            found.append((contig, start, start + width, f"peak{len(found)}", 0, draw.choice("+-")))
    return found


def bed_text(rows):
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


@pytest.fixture
def make(tmp_path, genome, fasta, text):
    """``make(rows, *options)``: the rows of the data set as (split, sequence, label, places), and its datasheet."""
    path = fasta(genome)

    def make(rows, *options, out="out", name="peaks.bed"):
        bed = text(name, rows if isinstance(rows, str) else bed_text(rows))
        words = ["--name", "mine", "peaks", "--intervals", bed, "--genome", path, "--metric", "mcc"]
        assert main([str(word) for word in (*words, *options, "--out", tmp_path / out)]) == 0
        return read_rows(tmp_path / out), json.loads((tmp_path / out / "datasheet.json").read_text())

    return make


def gap(place, row):
    """Bases between a place and an interval on the same contig; none on another."""
    return max(row[1] - place.end, place.start - row[2]) if row[0] == place.contig else np.inf


def test_gc_and_length_do_not_tell_matched_negatives(make, genome):
    rows, sheet = make(peaks(genome), "--ratio", 2)
    negatives, positives = by_label(rows)
    assert len(positives) > 190 and len(negatives) == 2 * len(positives)
    assert ks_2samp([gc(row[1]) for row in positives], [gc(row[1]) for row in negatives]).statistic < 0.05
    assert better_auroc(rows, gc) < 0.52 and {len(row[1]) for row in rows} == {200}
    draw = random.Random(1)
    starts = [(draw.choice(list(genome)), draw.randrange(299_800)) for _ in positives]
    unmatched = [("", genome[contig][start : start + 200], 0, ()) for contig, start in starts]
    assert better_auroc([*positives, *unmatched], gc) > 0.75, "what a random draw gives away"
    assert sheet["candidates"] == len(rows) + sum(sheet["dropped"].values())


@pytest.mark.parametrize("points", [False, True])
def test_negatives_are_far_from_every_interval_apart_and_read_along_the_strand_of_a_positive(
    make, genome, cut_again, points
):
    """Whether the intervals have the width of the rows or are points in their middle."""
    intervals = peaks(genome)
    given = [(row[0], row[1] + 100, row[1] + 101, *row[3:]) for row in intervals] if points else intervals
    rows, _ = make(given, "--distance", 500, *(("--width", 200) if points else ()))
    assert all(cut_again(genome, row[3][0]) == row[1] for row in rows)
    negatives, positives = ([row[3][0] for row in part] for part in by_label(rows))
    assert min(gap(place, row) for place in negatives for row in intervals) >= 500
    nearer = [gap(place, row) for place in negatives for row in intervals if row[0] == place.contig]
    assert min(nearer) < 1000, "a distance that no one asked for"
    assert Counter(place.strand for place in negatives) == Counter(place.strand for place in positives)
    assert {"+", "-"} == {place.strand for place in negatives}
    by_place = sorted(negatives)
    assert all(a.contig != b.contig or a.end <= b.start for a, b in pairwise(by_place))


def test_a_split_by_contig_has_no_contig_on_both_sides_and_as_many_negatives_in_each(make, genome):
    rows, sheet = make(peaks(genome), *CHROMOSOMES)
    contigs = {split: {row[3][0].contig for row in rows if row[0] == split} for split in SPLITS}
    assert contigs == {"train": {"chr1", "chr4"}, "dev": {"chr2"}, "test": {"chr3"}}
    for split in SPLITS:
        negatives, positives = by_label([row for row in rows if row[0] == split])
        assert len(positives) == len(negatives) > 20
    assert sheet["split"] == {"method": "chromosome", "dev": ["chr2"], "test": ["chr3"]}


def test_no_sequence_is_in_two_splits_though_the_genome_has_copies_of_itself(make, genome, fasta):
    short = genome["chr1"][:2000] * 30
    fasta({"chr1": short, "chr2": short, "chr3": short})
    intervals = [(f"chr{1 + number % 3}", at, at + 100) for number, at in enumerate(range(1000, 30_000, 1523))]
    rows, _ = make(intervals, *CHROMOSOMES, "--distance", 0, "--ratio", 20)
    assert len({row[1] for row in rows}) == len(rows) > 150


def test_the_order_of_the_lines_and_the_form_of_the_files_have_no_influence(make, genome, tmp_path, twobit):
    intervals = peaks(genome, 60)
    make(intervals, out="a")
    make(random.Random(3).sample(intervals, 60), out="b")
    zipped, two = tmp_path / "zipped.bed.gz", tmp_path / "genome.2bit"
    zipped.write_bytes(gzip.compress(bed_text(intervals).encode()))
    two.write_bytes(twobit(dict(reversed(genome.items()))))
    words = ["--name", "mine", "peaks", "--intervals", zipped, "--genome", two, "--metric", "mcc"]
    assert main([*map(str, words), "--out", str(tmp_path / "c")]) == 0
    make(intervals, "--seed", 1, out="d")
    sums = [(tmp_path / out / "SHA256SUMS").read_text() for out in "abcd"]
    assert sums[0] == sums[1] == sums[2] != sums[3]


def test_a_shuffle_has_the_dinucleotides_the_place_and_the_split_of_its_positive(make, genome):
    rows, sheet = make(peaks(genome, 60), "--negatives", "shuffled", "--ratio", 2)
    negatives, positives = by_label(rows)
    assert len(positives) == 60 and len({row[1] for row in negatives}) == 120
    partner = {row[3]: row for row in positives}
    for split, sequence, _, place in negatives:
        assert Counter(pairwise(sequence)) == Counter(pairwise(partner[place][1])) and split == partner[place][0]
    assert "shuffled" in sheet["construction"] and "A model may tell them" in sheet["construction"]


def test_names_are_classes_where_no_negatives_are_made(make, genome, tmp_path):
    intervals = [
        (*row[:3], ("promoter", "enhancer", "insulator")[i % 3], *row[4:]) for i, row in enumerate(peaks(genome, 60))
    ]
    rows, sheet = make(intervals, "--negatives", "none")
    assert json.loads((tmp_path / "out/classes.json").read_text()) == ["enhancer", "insulator", "promoter"]
    named = {(row[0], row[1]): row[3] for row in intervals}
    assert all(sheet["classes"][label] == named[place.contig, place.start] for _, _, label, (place,) in rows)
    assert len(rows) == 60


def test_every_interval_is_accounted_for(make, genome, fasta):
    intervals = peaks(genome, 60)
    contig, start, *_, strand = intervals[0]
    fasta(genome | {"chr9": "ACGT" * 100 + "N" * 20 + "ACGGT" * 100})
    odd = ["chr9\t0\t20\n", "chr9\t405\t425\n", "chr9\t800\t860\n"]  # off the start, on N, off the end
    odd += [
        f"{contig}\t{start + a}\t{start + b}\t{name}\t0\t{strand}\n"
        for a, b, name in ((0, 200, "copy"), (90, 130, "near"))
    ]
    rows, sheet = make(bed_text(intervals) + "".join(odd), "--width", 200, "--negatives", "shuffled")
    dropped = {"leaves_contig": 2, "non_acgt": 1, "duplicate": 1}
    assert sheet["positives"] == {"read": 65, "kept": 61, "overlapping": 2, "dropped": dropped}
    assert sheet["candidates"] == len(rows) + sum(sheet["dropped"].values())


def test_overlapping_intervals_are_in_one_split(make, genome):
    groups = [
        (contig, start + shift, start + shift + 100)
        for contig in genome
        for start in range(1000, 250_000, 12_000)
        for shift in (0, 40, 90)
    ]
    rows, sheet = make(groups)
    negatives, positives = by_label(rows)
    splits = {}
    for split, _, _, (place,) in positives:
        splits.setdefault((place.contig, place.start // 1000), set()).add(split)
    assert all(len(found) == 1 for found in splits.values()) and sheet["positives"]["overlapping"] == len(groups)
    assert {"train", "dev", "test"} == {row[0] for row in negatives}


def test_the_row_is_centred_on_the_middle_or_the_summit_and_read_along_the_strand(make, genome):
    intervals = [(*row[:2], row[1] + 150, "p", 0, row[5], 1, -1, -1, 30) for row in peaks(genome, 40)]
    for centre, at in (("middle", 75), ("summit", 30)):
        rows, _ = make(intervals, "--width", 51, "--centre", centre, "--negatives", "shuffled", out=centre)
        found = {row[3][0][:3]: row[1] for row in by_label(rows)[1]}
        for contig, start, _, _, _, strand, *_ in intervals:
            first = start + at - 25
            plus = genome[contig][first : first + 51]
            assert found[contig, first, first + 51] == (plus if strand == "+" else reverse_complement(plus))


def test_repeats_do_not_tell_matched_negatives(make, genome, fasta):
    """Half of the genome is in lower case, and the intervals are on little of it, as peaks of open chromatin are."""
    masked = {name: "".join(soft(bases, at) for at in range(0, len(bases), 700)) for name, bases in genome.items()}
    intervals = [row for row in peaks(genome, 400) if share(masked[row[0]][row[1] : row[2]]) < 0.3]
    assert len(intervals) > 100

    def told_by_repeats(contigs, out):
        fasta(contigs)
        rows, _ = make(intervals, out=out)
        shares = [share(masked[place.contig][place.start : place.end]) for *_, (place,) in rows]
        area = roc_auc_score([row[2] for row in rows], shares)
        return max(area, 1 - area)

    assert told_by_repeats(masked, "masked") < 0.55 < 0.65 < told_by_repeats(genome, "upper")


def soft(bases, at):
    return bases[at : at + 700].lower() if at // 700 % 2 else bases[at : at + 700]


def share(sequence):
    return sum(letter.islower() for letter in sequence) / len(sequence)
