"""Builder of binding sets: centred positives, negatives that match them and avoid peaks, dinucleotide shuffles."""

from collections import Counter
from itertools import pairwise

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.gue.binding import MAX_GC_DIFFERENCE, build
from workflow_scripts.gue.matched_windows import nearest_waiting
from workflow_scripts.gue.packed_genome import gc_count
from workflow_scripts.gue.sources import Source

LENGTH = 101


@pytest.fixture
def world(fasta, text, bases):
    """A genome of 60 kb with 20 peaks of 400 bp; each summit is 100 bp after the start of its peak."""
    sequence = bases(60_000, seed=11)
    rows = [f"chr2\t{at}\t{at + 400}\t.\t1\t.\t1\t-1\t-1\t100" for at in range(2000, 60_000, 3000)]
    peaks = text("a.narrowPeak", "\n".join(rows) + "\n")
    return sequence, [Source("genome", "", fasta({"chr2": sequence})), Source("peaks", "", peaks)]


def pairs(built):
    """(positive, negative) sequences, in the order of the rows."""
    rows = built.examples
    assert [row.label for row in rows] == [1, 0] * (len(rows) // 2)
    return [(a.sequences[0], b.sequences[0]) for a, b in zip(rows[::2], rows[1::2], strict=True)]


def test_positives_are_centred_on_the_summit(world, recipe):
    sequence, sources = world
    for task in ("tf_human", "tf_mouse"):
        positives = [positive for positive, _ in pairs(build(sources, recipe(task, "0", LENGTH, 100)))]
        assert positives == [sequence[at + 100 - 50 : at + 100 + 51] for at in range(2000, 60_000, 3000)]


def test_human_negatives_avoid_every_peak_and_match_length_and_gc(world, recipe, rows_add_up):
    sequence, sources = world
    built = build(sources, recipe("tf_human", "0", LENGTH, 100))
    found = pairs(built)
    assert len(found) == 20
    for positive, negative in found:
        start = sequence.find(negative)
        assert start >= 0 and len(negative) == LENGTH
        assert all(start + LENGTH <= at or start >= at + 400 for at in range(2000, 60_000, 3000))
        assert abs(gc_count(positive) - gc_count(negative)) <= MAX_GC_DIFFERENCE
    assert len({negative for _, negative in found}) == 20
    rows_add_up(built)


def test_places_of_human_rows_are_right_and_negatives_avoid_peaks_and_positives(world, recipe, cut_again):
    sequence, sources = world
    rows = build(sources, recipe("tf_human", "0", LENGTH, 100)).examples
    assert all(cut_again({"chr2": sequence}, row.places[0]) == row.sequences[0] for row in rows)
    summits = [at + 100 for at in range(2000, 60_000, 3000)]
    assert [row.places[0][:2] for row in rows if row.label] == [("chr2", summit - 50) for summit in summits]
    for _, start, end, strand in (row.places[0] for row in rows if not row.label):
        assert strand == "+"
        assert all(end <= summit - 100 or start >= summit + 300 for summit in summits)


def test_human_negatives_avoid_positives_that_extend_beyond_their_peaks(fasta, text, bases, recipe):
    """Peaks of 11 bp every 220 bp: the windows of 101 bp around them cover half of the genome."""
    summits = range(200, 9800, 220)
    rows = "".join(f"c\t{at - 5}\t{at + 6}\t.\t1\t.\t1\t-1\t-1\t5\n" for at in summits)
    sources = [Source("genome", "", fasta({"c": bases(10_000, 3)})), Source("peaks", "", text("p.narrowPeak", rows))]
    built = build(sources, recipe("tf_human", "0", LENGTH, 1000))
    negatives = [row.places[0] for row in built.examples if not row.label]
    assert len(negatives) > 20
    assert all(abs(place.start + 50 - at) >= LENGTH for place in negatives for at in summits)


def test_the_tolerance_grows_until_rare_compositions_are_matched(fasta, text, recipe, rows_add_up):
    """The positive has 101 G and C of 101; windows outside the peak have 98 or 99."""
    poorer = ("GC" * 24 + "A") * 40
    genome = fasta({"c": poorer + "G" * 101 + poorer})
    peaks = text("a.narrowPeak", f"c\t{len(poorer)}\t{len(poorer) + 101}\t.\t1\t.\t1\t-1\t-1\t50\n")
    sources = [Source("genome", "", genome), Source("peaks", "", peaks)]
    built = build(sources, recipe("tf_human", "0", LENGTH, 10))
    ((positive, negative),) = pairs(built)
    assert gc_count(positive) == 101 and gc_count(negative) == 99
    assert built.dropped["gc_not_wanted"] + built.dropped["overlaps_peak"] + built.dropped["leaves_contig"] >= 100
    rows_add_up(built)


def test_positives_without_a_match_are_dropped(fasta, text, recipe, rows_add_up):
    genome = fasta({"c": "AT" * 2000 + "G" * 101 + "AT" * 2000})
    peaks = text("a.narrowPeak", "c\t4000\t4101\t.\t1\t.\t1\t-1\t-1\t50\n")
    sources = [Source("genome", "", genome), Source("peaks", "", peaks)]
    built = build(sources, recipe("tf_human", "0", LENGTH, 10))
    assert built.examples == [] and built.dropped["no_matched_negative"] == 1
    rows_add_up(built)


def test_summits_near_the_contig_ends_are_counted_as_dropped(fasta, text, bases, recipe, rows_add_up):
    rows = "".join(f"c\t{at}\t{at + 20}\t.\t1\t.\t1\t-1\t-1\t-1\n" for at in (0, 40, 41, 500, 939, 940, 980))
    sources = [Source("genome", "", fasta({"c": bases(1000)})), Source("peaks", "", text("p.narrowPeak", rows))]
    built = build(sources, recipe("tf_mouse", "0", LENGTH, 100))
    assert built.dropped["leaves_contig"] == 3  # centres 10, 950 and 990; 50 and 949 fit exactly
    assert len(pairs(built)) == 4
    rows_add_up(built)


def test_peaks_of_another_assembly_are_an_error(fasta, text, recipe):
    peaks = text("p.narrowPeak", "chrX\t1\t9\t.\t1\t.\t1\t-1\t-1\t-1\n")
    with pytest.raises(UserError, match=r"p\.narrowPeak:1: contig 'chrX' is not in the genome"):
        build([Source("genome", "", fasta({"c": "ACGT"})), Source("peaks", "", peaks)], recipe("tf_human", "0", 3, 10))


def test_mouse_negatives_keep_the_dinucleotides_and_the_place(world, recipe, rows_add_up, cut_again):
    built = build(world[1], recipe("tf_mouse", "0", LENGTH, 100))
    for positive, negative in zip(built.examples[::2], built.examples[1::2], strict=True):
        assert cut_again({"chr2": world[0]}, positive.places[0]) == positive.sequences[0]
        assert negative.places == positive.places
    for positive, negative in pairs(built):
        assert negative != positive
        assert Counter(pairwise(negative)) == Counter(pairwise(positive))
    rows_add_up(built)


def test_nearest_waiting_gc_count():
    waiting = {50: [1], 53: [2], 40: []}
    assert nearest_waiting(waiting, 52, 3) == 53
    assert nearest_waiting(waiting, 50, 0) == 50
    assert nearest_waiting(waiting, 52, 0) is None
    assert nearest_waiting(waiting, 40, 3) is None
