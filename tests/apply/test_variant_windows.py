"""Both alleles of a variant are read between the same places, in windows that the model can take."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.apply.variant_files import genome_of
from workflow_scripts.apply.variant_input import Allele, Edit, edit_of
from workflow_scripts.apply.variant_windows import windows
from workflow_scripts.common.sequences import reverse_complement

BASES = "".join(random.Random(3).choices("ACGT", k=300))
GENOME = genome_of({"1": BASES, "short": "ACGTTGCA"})


def test_a_substitution_is_in_the_middle_of_its_window():
    reference, alternative = windows(GENOME, "1", Edit(100, BASES[100], "N"), 21)
    assert reference == BASES[90:111]
    assert alternative == BASES[90:100] + "N" + BASES[101:111]


@pytest.mark.parametrize("start", [0, 3, 297, 299])
def test_at_the_end_of_a_contig_the_window_is_full_and_the_variant_off_its_middle(start):
    reference, alternative = windows(GENOME, "1", Edit(start, BASES[start], "N"), 20)
    assert reference == (BASES[:20] if start < 20 else BASES[-20:])
    assert len(alternative) == 20
    assert alternative.count("N") == 1


@given(st.integers(0, 300), st.integers(0, 12), st.text("ACGT", max_size=12), st.integers(24, 60))
def test_the_longer_text_fills_the_window_and_both_are_the_edit_of_the_genome(start, removed, added, window):
    reference = BASES[start : start + removed]
    found = windows(GENOME, "1", Edit(start, reference, added), window)
    edited = BASES[:start] + added + BASES[start + len(reference) :]
    if found is None:  # next to a repeat
        return
    first, second = found
    assert max(map(len, found)) == window
    assert len(second) - len(first) == len(added) - len(reference)
    at = next(
        at
        for at in range(len(BASES))
        if BASES[at : at + len(first)] == first and edited[at : at + len(second)] == second
    )
    assert BASES[at + len(first) :] == edited[at + len(second) :]


def test_a_contig_that_is_shorter_than_the_window_is_read_whole():
    assert windows(GENOME, "short", Edit(7, "A", "C"), 100) == ("ACGTTGCA", "ACGTTGCC")
    assert windows(GENOME, "short", Edit(0, "ACGTTGCA", ""), 100) is None


def test_a_change_that_is_longer_than_the_window_does_not_fit():
    assert windows(GENOME, "1", Edit(50, BASES[50:71], ""), 20) is None
    assert windows(GENOME, "1", Edit(50, "", "A" * 21), 20) is None


REPEAT = "GATTACCAGT" * 3 + "CACACACACA" + "TTGAGGCATC" * 3
TWINS = [  # the same deletion or insertion of CA, written at its leftmost place, in the middle, and at the rightmost
    [(29, "TCA", "T"), (32, "CAC", "C"), (37, "ACA", "A")],
    [(29, "T", "TCA"), (33, "A", "ACA"), (39, "A", "ACA")],
]


@pytest.mark.parametrize("twins", TWINS)
def test_an_indel_in_a_repeat_has_the_same_windows_however_it_is_written(twins):
    genome = genome_of({"1": REPEAT})
    found = set()
    for start, reference, alternative in twins:
        assert REPEAT[start : start + len(reference)] == reference
        found.add(windows(genome, "1", edit_of(Allele(0, 1, "1", start, reference, alternative)), 40))
    assert len(found) == 1
    ((reference, alternative),) = found
    assert abs(len(reference) - len(alternative)) == 2
    before, after = reference.index("CACACACACA"), len(reference) - reference.index("CACACACACA") - 10
    assert abs(before - after) <= 1  # the repeat is in the middle


@pytest.mark.parametrize("edit", [Edit(35, "", "CA"), Edit(36, "AC", ""), Edit(12, "TA", "G"), Edit(50, "GC", "TT")])
def test_on_the_other_strand_the_windows_are_the_reverse_complements(edit):
    start = len(REPEAT) - edit.start - len(edit.reference)
    turned = Edit(start, reverse_complement(edit.reference), reverse_complement(edit.alternative))
    forward = windows(genome_of({"1": REPEAT}), "1", edit, 40)
    backward = windows(genome_of({"1": reverse_complement(REPEAT)}), "1", turned, 40)
    assert forward == tuple(map(reverse_complement, backward))
