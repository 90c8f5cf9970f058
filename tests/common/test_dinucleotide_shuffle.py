"""Dinucleotide shuffles: exact counts, every walk equally likely, any letters, no slow sequence."""

from collections import Counter
from itertools import pairwise, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.randomness import generator


@settings(max_examples=300)
@given(st.text("ACGTNRacgt", max_size=120), st.integers(0, 10**6))
def test_a_shuffle_keeps_dinucleotides_and_both_ends(sequence, seed):
    shuffled = dinucleotide_shuffled(sequence, generator(seed, "shuffle"))
    assert Counter(pairwise(shuffled)) == Counter(pairwise(sequence))
    assert Counter(shuffled) == Counter(sequence)
    assert shuffled[:1] == sequence[:1] and shuffled[-1:] == sequence[-1:]
    assert shuffled == dinucleotide_shuffled(sequence, generator(seed, "shuffle"))


def walks(sequence):
    """All sequences with the same dinucleotide counts and ends, by trying every order of the letters."""
    counts = Counter(pairwise(sequence))
    orders = {(sequence[0], *inner, sequence[-1]) for inner in permutations(sequence[1:-1])}
    return {"".join(order) for order in orders if Counter(pairwise(order)) == counts}


@pytest.mark.parametrize("sequence", ["AACAGA", "AAACAGCAG", "ACANNCANA"])
@pytest.mark.parametrize("whole_draws", [1000, 1])
def test_every_walk_is_equally_likely(sequence, whole_draws, monkeypatch):
    monkeypatch.setattr("workflow_scripts.common.dinucleotide_shuffle.WHOLE_DRAWS", whole_draws)
    random = generator(0, "walks", sequence)
    expected = sorted(walks(sequence))
    drawn = Counter(dinucleotide_shuffled(sequence, random) for _ in range(300 * len(expected)))
    assert len(expected) > 5 and set(drawn) == set(expected)
    assert chisquare([drawn[walk] for walk in expected]).pvalue > 0.001


def test_uneven_draws_would_be_noticed():
    """What the test of equal chances must catch: a walk that always takes one of the remaining edges at random."""
    expected = sorted(walks("AAACAGCAG"))
    random = generator(0, "greedy")
    drawn: Counter[str] = Counter()
    while drawn.total() < 300 * len(expected):
        left, walk = Counter(pairwise("AAACAGCAG")), "A"
        while following := [second for (first, second), count in left.items() if first == walk[-1] and count]:
            walk += following[random.integers(len(following))]
            left[walk[-2], walk[-1]] -= 1
        drawn[walk] += walk in expected
    assert chisquare([drawn[walk] for walk in expected]).pvalue < 1e-6


def test_long_runs_of_one_letter_take_few_draws():
    """Drawing all last edges until they form a tree would take 3000 ** 3 draws."""
    sequence = "A" * 3000 + "C" * 3000 + "G" * 3000 + "T"
    assert dinucleotide_shuffled(sequence, generator(0, "runs")) == sequence


def test_shuffles_of_data_sets_that_exist_stay_as_they_are():
    shuffled = dinucleotide_shuffled("GATTACAGATTACACCGTGTAACG", generator(1, "kept"))
    assert shuffled == "GACGTTTACGTACAAGATACCATG"
