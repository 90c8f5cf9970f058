"""Near-duplicates: planted ones are found, and the search agrees with a slow implementation of the definition."""

import os
import random
import subprocess
import sys
from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue import similarity
from workflow_scripts.gue.similarity import earlier_similar, similar_clusters

ROOT = Path(__file__).parents[2]


@cache
def kmers(sequence):
    found = {sequence[at : at + 14] for at in range(len(sequence) - 13)}
    return {min(kmer, reverse_complement(kmer)) for kmer in found if set(kmer) <= set("ACGT")}


def similar_by_definition(first, second):
    return any(len(a & b) >= 0.3 * len(a | b) > 0 for a in map(kmers, first) for b in map(kmers, second))


def are_similar(first, second):
    """Whether the search finds two sequences similar, in both orders."""
    group = np.array([0, 1])
    answers = [earlier_similar(rows, group, 2)[1, 0] for rows in ([(first,), (second,)], [(second,), (first,)])]
    assert answers[0] == answers[1]
    return bool(answers[0])


def mutate(sequence, count, seed):
    draw, letters = random.Random(seed), list(sequence)
    for at in draw.sample(range(len(letters)), count):
        letters[at] = draw.choice("ACGT".replace(letters[at], ""))
    return "".join(letters)


@pytest.mark.slow
@pytest.mark.parametrize("length", [70, 101, 300, 500])
def test_reversed_shifted_and_mutated_copies_are_similar_and_other_sequences_are_not(bases, length):
    genome = bases(length + 400, length)
    window = genome[200 : 200 + length]
    assert are_similar(window, window)
    assert are_similar(window, reverse_complement(window))
    assert are_similar(window, genome[201 : 201 + length])
    assert are_similar(window, reverse_complement(genome[199 : 199 + length]))
    assert are_similar(window, mutate(window, 1 + length // 70, 7))
    assert are_similar(window, window.lower())
    assert not are_similar(window, genome[200 + length * 3 // 4 :][:length])
    assert not are_similar(window, bases(length, 9)) and not are_similar(window, window[::-1])


def test_unknown_bases_and_short_sequences_have_no_kmers(bases):
    window = bases(101, 3)
    assert are_similar(window, window[:50] + "N" + window[51:])
    assert not are_similar("N" * 101, "N" * 101)
    assert not are_similar("ACGTACGTACGT", "ACGTACGTACGT") and not are_similar("", "")
    assert are_similar("A" * 60, "T" * 90)  # both have one k-mer, the same


def families(count, seed):
    """Rows of one or two sequences, many of them mutated copies of a few, and some of low complexity."""
    draw = random.Random(seed)
    stems = ["".join(draw.choices("ACGT", k=160)) for _ in range(8)] + ["A" * 160, "AC" * 80]
    rows = []
    for number in range(count):
        row = []
        for _ in range(1 + number % 2):
            start = draw.randrange(60)
            sequence = mutate(draw.choice(stems)[start : start + 100], draw.randrange(6), draw.random())
            row.append(reverse_complement(sequence) if draw.random() < 0.5 else sequence)
        rows.append(tuple(row))
    return rows


def mosaics(count, seed):
    """Rows of four parts out of twenty: many pairs share k-mers, and some share enough of them."""
    draw = random.Random(seed)
    parts = ["".join(draw.choices("ACGT", k=25)) for _ in range(20)]
    return [("".join(draw.choices(parts, k=4)),) for _ in range(count)]


@pytest.mark.parametrize("make", [families, mosaics])
@pytest.mark.parametrize("seed", range(4))
def test_the_search_agrees_with_the_definition(make, seed):
    rows = make(90, seed)
    group = np.array([0] * 40 + [1] * 20 + [2] * 30)
    expected = np.zeros((len(rows), 3), dtype=bool)
    for earlier, later in combinations(range(len(rows)), 2):
        expected[later, group[earlier]] |= similar_by_definition(rows[earlier], rows[later])
    assert np.array_equal(earlier_similar(rows, group, 3), expected)
    assert 0 < expected.sum() < expected.size / 2


@pytest.mark.parametrize("make", [families, mosaics])
@pytest.mark.parametrize("seed", range(4))
def test_clusters_are_the_connected_components(make, seed):
    rows = make(40, 100 + seed)
    parent = list(range(len(rows)))
    for first, second in combinations(range(len(rows)), 2):
        if similar_by_definition(rows[first], rows[second]):
            parent = [parent[first] if root == parent[second] else root for root in parent]
    found = similar_clusters(rows)
    assert len(set(found)) > 1
    assert {(a, b) for a, b in combinations(range(40), 2) if found[a] == found[b]} == {
        (a, b) for a, b in combinations(range(40), 2) if parent[a] == parent[b]
    }


def test_a_row_in_a_cluster_is_still_compared_with_rows_of_other_clusters(bases):
    """Rare k-mers connect the last row to the second and third first.

    The k-mers that it shares with the first row also occur in those two.
    """
    one, two, three, four = (bases(60, n) for n in range(1, 5))
    rows = [(one + bases(14, 5) + two,), (four + one,), (three + two,), (one + two + three + four,)]
    pairs = [(a, b) for a, b in combinations(range(4), 2) if similar_by_definition(rows[a], rows[b])]
    assert pairs == [(0, 3), (1, 3), (2, 3)]
    assert len(set(similar_clusters(rows))) == 1


def test_long_sequences_are_compared_by_a_sample_of_their_kmers(bases):
    genome = bases(40_000, 5)
    rows = [(genome[at : at + 10_000],) for at in (0, 1, 3_000, 20_000)]
    rows.append((reverse_complement(mutate(genome[20_000:30_000], 100, 3)),))
    index = similarity.build_index(rows)
    sizes = np.diff(index.starts)
    assert sizes.min() > 250 and sizes.max() < 400
    found = earlier_similar(rows, np.zeros(5, dtype=int), 1)[:, 0]
    assert found.tolist() == [False, True, True, False, True]


def test_no_rows_and_rows_that_share_only_a_frequent_kmer():
    assert earlier_similar([], np.array([], dtype=int), 3).shape == (0, 3)
    rows = [("A" * 50 + "".join(random.Random(n).choices("ACGT", k=50)),) for n in range(300)]
    index = similarity.build_index(rows)
    assert not earlier_similar(rows, np.zeros(300, dtype=int), 1).any()
    # poly-A is in every row but comes last in the order, so no pair is compared because of it
    assert np.diff(index.bounds).max() < 10


PROGRAM = """
import numpy as np, random
from workflow_scripts.gue.similarity import earlier_similar, similar_clusters
draw = random.Random(1)
stem = "".join(draw.choices("ACGT", k=300))
rows = [(stem[n : n + 100],) for n in range(0, 200, 7)] + [("".join(draw.choices("ACGT", k=100)),) for _ in range(20)]
print(earlier_similar(rows, np.zeros(len(rows), dtype=int), 1).tolist(), similar_clusters(rows).tolist())
"""


@pytest.mark.slow
def test_the_hash_seed_changes_nothing():
    answers = set()
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PROGRAM]
        answers.add(subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True).stdout)
    assert len(answers) == 1
