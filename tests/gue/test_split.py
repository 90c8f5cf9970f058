"""Selection of rows, and the random and homology splits."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.audit_dataset import count_related, count_relations, relate
from workflow_scripts.gue.labelled_examples import Example, Place
from workflow_scripts.gue.recipe import Recipe
from workflow_scripts.gue.selection import balance_classes, drop_duplicates
from workflow_scripts.gue.split import cut_in_three, homology_split, paired_split, random_split, scaled_sizes
from workflow_scripts.settings.names import SPLITS


def make(counts):
    return [Example((f"{label}-{n}",), label) for label, count in enumerate(counts) for n in range(count)]


def recipe(rows, classes=2, seed=1):
    return Recipe("t", "d", 10, rows, seed, [str(label) for label in range(classes)])


sizes = st.tuples(st.integers(1, 80), st.integers(1, 20), st.integers(1, 20))


@given(st.integers(0, 200), sizes)
def test_scaled_sizes_are_exact_or_proportional(available, wanted):
    got = scaled_sizes(available, wanted)
    assert sum(got) == min(available, sum(wanted))
    assert all(
        abs(size - min(available, sum(wanted)) * want / sum(wanted)) < 1 for size, want in zip(got, wanted, strict=True)
    )


@given(st.lists(st.integers(1, 40), min_size=2, max_size=4), sizes, st.integers(0, 99))
def test_splits_are_disjoint_complete_and_stratified(counts, wanted, seed):
    examples, dropped = make(counts), Counter()
    parts = random_split(examples, wanted, recipe(sum(wanted), len(counts), seed), dropped)
    dealt = [row for name in SPLITS for row in parts[name]]
    assert len(dealt) == len(set(dealt)) and set(dealt) <= set(examples)
    assert len(dealt) + dropped["beyond_size"] == len(examples)
    for name in SPLITS:
        for label, count in enumerate(counts):
            share = len(parts[name]) * count / len(examples)
            assert abs(sum(row.label == label for row in parts[name]) - share) < len(counts) + 1


def test_random_split_depends_only_on_the_seed():
    examples = make([50, 50])
    first, again, other = (random_split(examples, (80, 10, 10), recipe(100, seed=s), Counter()) for s in (1, 1, 2))
    assert first == again != other
    assert [row.label for row in first["train"]] != sorted(row.label for row in first["train"])


def with_negatives(count, bases, single=0):
    """Positives, each with a shuffled negative of the same place, and rows of one class that have none."""
    draw, examples = np.random.default_rng(1), []
    for number in range(count):
        place = (Place("c", 200 * number, 200 * number + 100, "+"),)
        sequence = bases(100, number)
        examples += [Example((sequence,), 1, place), Example((dinucleotide_shuffled(sequence, draw),), 0, place)]
    return examples + [Example((bases(100, 9000 + number),), 0) for number in range(single)]


@pytest.mark.parametrize(("single", "wanted"), [(0, (161, 21, 18)), (0, (800, 100, 100)), (50, (201, 24, 25))])
def test_partners_stay_in_one_split_of_nearly_the_wanted_size(bases, single, wanted):
    examples, dropped = with_negatives(100, bases, single), Counter()
    parts = paired_split(examples, wanted, recipe(sum(wanted)), dropped)
    split_of = {row: name for name in SPLITS for row in parts[name]}
    assert len(split_of) == sum(map(len, parts.values())) == len(examples) - dropped.total()
    for positive, negative in zip(examples[:200:2], examples[1:200:2], strict=True):
        assert split_of.get(positive) == split_of.get(negative)
    for name, size in zip(SPLITS, scaled_sizes(len(examples), wanted), strict=True):
        assert size - 1 <= len(parts[name]) <= size
        share = sum(row.label for row in parts[name]) / len(parts[name])
        assert abs(share - 100 / len(examples)) < 0.05
    assert unrelated(parts)
    assert not unrelated(random_split(examples, wanted, recipe(sum(wanted)), Counter()))
    assert paired_split(examples, wanted, recipe(sum(wanted)), Counter()) == parts


def test_derived_rows_without_a_place_stay_together_by_homology(bases):
    examples = [row._replace(places=()) for row in with_negatives(100, bases)]
    parts, dropped = homology(examples, (160, 20, 20))
    assert not dropped.total() and [len(parts[name]) for name in SPLITS] == [160, 20, 20]
    assert not unrelated(paired_split(examples, (160, 20, 20), recipe(200), Counter()))


def test_duplicates_are_dropped_and_contradictions_altogether():
    rows = [Example((s,), label) for s, label in [("A", 0), ("B", 1), ("A", 0), ("C", 0), ("C", 1), ("C", 1)]]
    dropped = Counter()
    assert drop_duplicates(rows, dropped) == rows[:2]
    assert dropped == {"duplicate": 1, "conflicting_labels": 3}


def test_balance_is_limited_by_the_smallest_class_and_the_wanted_rows():
    dropped = Counter()
    rows = balance_classes(make([30, 12]), recipe(100), dropped)
    assert Counter(row.label for row in rows) == {0: 12, 1: 12} and dropped["beyond_size"] == 18
    rows = balance_classes(make([30, 12, 40]), recipe(10, 3), Counter())
    assert Counter(row.label for row in rows) == {0: 4, 1: 3, 2: 3}


# ---- by homology ----------------------------------------------------------------------------------


def unrelated(parts):
    """Whether the audit finds no relation between splits."""
    found = count_relations(parts, relate(parts))
    return not any(count_related(found[pair]) for pair in ("dev_in_train", "test_in_train", "test_in_dev"))


def homology(examples, wanted, classes=2, seed=1):
    """The homology split and its dropped rows, with all invariants checked."""
    dropped = Counter()
    parts = homology_split(examples, wanted, recipe(sum(wanted), classes, seed), dropped)
    dealt = [row for name in SPLITS for row in parts[name]]
    assert len(dealt) == len(set(dealt)) and set(dealt) <= set(examples)
    assert len(dealt) + dropped.total() == len(examples)
    assert all(len(parts[name]) <= size for name, size in zip(SPLITS, wanted, strict=True))
    assert not dealt or unrelated(parts)
    return parts, dropped


def mutated(sequence, changes, draw):
    letters = list(sequence)
    for at in draw.sample(range(len(letters)), changes):
        letters[at] = draw.choice("ACGT")
    return "".join(letters)


@pytest.mark.parametrize("seed", range(3))
def test_families_stay_together_and_sizes_and_classes_are_kept(seed):
    """Some rows are in families of reversed, shifted or mutated copies, which a random split would separate."""
    draw, examples = random.Random(seed), []
    for number in range(500):
        stem = "".join(draw.choices("ACGT", k=104))
        for _ in range(draw.randrange(2, 7) if number % 12 == 0 else 1):
            start = draw.randrange(4)
            copy = mutated(stem[start : start + 100], draw.randrange(3), draw)
            copy = reverse_complement(copy) if draw.random() < 0.5 else copy
            examples.append(Example((copy,), number % 2))
    examples = drop_duplicates(examples, Counter())
    wanted = scaled_sizes(len(examples), (800, 100, 100))
    parts, dropped = homology(examples, wanted, seed=seed)
    assert not dropped.total() and [len(parts[name]) for name in SPLITS] == [*wanted]
    for name in SPLITS:
        share = sum(row.label for row in parts[name]) / len(parts[name])
        assert abs(share - sum(row.label for row in examples) / len(examples)) < 0.03
    assert not unrelated(random_split(examples, wanted, recipe(len(examples), seed=seed), Counter()))


def windows(genome, contig, count, length, label, draw):
    """Windows at random positions of a genome, with their places."""
    starts = sorted(draw.sample(range(len(genome) - length), count))
    return [
        Example((genome[start : start + length],), label, (Place(contig, start, start + length, "+"),))
        for start in starts
    ]


@pytest.mark.parametrize("placed", [True, False])
def test_fully_covered_genomes_are_cut_so_that_every_split_has_every_class(bases, placed):
    draw = random.Random(4)
    examples = [row for label in range(4) for row in windows(bases(6_000, label), f"c{label}", 200, 120, label, draw)]
    if not placed:
        examples = [row._replace(places=()) for row in examples]
    parts, dropped = homology(examples, (640, 80, 80), classes=4)
    assert set(dropped) - {"beyond_size", "cluster_too_large"} == {"between_splits"}
    assert dropped["between_splits"] < 0.2 * len(examples)
    for name, least in zip(SPLITS, (100, 8, 8), strict=True):
        assert all(sum(row.label == label for row in parts[name]) >= least for label in range(4))


def test_rows_of_the_same_place_stay_together(bases):
    examples = []
    for number in range(200):
        place = (Place("c", 1000 * number, 1000 * number + 60, "+"),)
        examples += [Example((bases(60, 2 * number + kind),), kind, place) for kind in (0, 1)]
    parts, dropped = homology(examples, (320, 40, 40))
    for name, size in zip(SPLITS, (320, 40, 40), strict=True):
        assert len(parts[name]) == size and sum(row.label for row in parts[name]) == size // 2
        assert len({row.places for row in parts[name]}) == size // 2
    assert not dropped.total()


def test_pairs_with_the_same_promoter_stay_together(bases):
    draw, examples = random.Random(9), []
    promoters = [bases(60, 500 + n) for n in range(40)]
    for number in range(240):
        at = draw.randrange(40)
        places = (Place("e", 200 * number, 200 * number + 90, "+"), Place("p", 100 * at, 100 * at + 60, "+"))
        examples.append(Example((bases(90, 1000 + number), promoters[at]), draw.randrange(2), places))
    parts, _ = homology(examples, (190, 25, 25))
    owners = [{row.sequences[1] for row in parts[name]} for name in SPLITS]
    assert all(len(mine) >= 2 for mine in owners) and len(set().union(*owners)) == sum(map(len, owners))


def test_a_cluster_that_cannot_be_cut_goes_to_train_and_is_reduced_to_its_size(bases):
    shared = bases(60, 1)
    examples = [Example((bases(90, 10 + n), shared), n % 2) for n in range(180)]  # all related to each other
    examples += [Example((bases(90, 1000 + n), bases(60, 2000 + n)), n % 2) for n in range(20)]
    parts, dropped = homology(examples, (80, 10, 10))
    assert [len(parts[name]) for name in SPLITS] == [80, 10, 10]
    assert all(shared not in row.sequences for name in ("dev", "test") for row in parts[name])
    assert dropped["cluster_too_large"] == 100 and not dropped["between_splits"]


def test_cut_in_three_leaves_out_the_rows_between_the_parts():
    distance = np.repeat(np.arange(20), 5)
    part = cut_in_three(distance, (80, 10, 10))
    assert part.tolist() == [2] * 10 + [-1] * 5 + [1] * 10 + [-1] * 5 + [0] * 70


def test_homology_split_depends_only_on_the_seed(bases):
    examples = make([60, 60])
    examples = [row._replace(sequences=(bases(60, n),)) for n, row in enumerate(examples)]
    first, again, other = (homology(examples, (80, 20, 20), seed=seed)[0] for seed in (1, 1, 2))
    assert first == again != other


def in_clusters(sizes, bases):
    """Rows of one class whose places form clusters of these sizes."""
    return [
        Example((bases(40, 1000 * cluster + n),), 0, (Place("c", 100 * cluster, 100 * cluster + 40, "+"),))
        for cluster, size in enumerate(sizes)
        for n in range(size)
    ]


def test_no_rows_are_dropped_if_all_clusters_fit(bases):
    parts, dropped = homology(in_clusters([3] * 32 + [1] * 4, bases), (79, 11, 10), classes=1)
    assert not dropped.total() and [len(parts[name]) for name in SPLITS] == [79, 11, 10]


def test_dev_and_test_get_clusters_and_not_only_single_rows(bases):
    parts, _ = homology(in_clusters([2] * 40 + [1] * 120, bases), (160, 20, 20), classes=1)
    assert all(len({row.places for row in parts[name]}) < len(parts[name]) for name in SPLITS)


def test_few_rows_or_none(bases):
    parts, dropped = homology(in_clusters([4, 1, 1], bases), (4, 1, 1), classes=1)
    assert [len(parts[name]) for name in SPLITS] == [4, 1, 1] and not dropped.total()
    chain = [
        row._replace(places=(Place("d", 30 * n, 30 * n + 40, "+"),)) for n, row in enumerate(in_clusters([4], bases))
    ]
    _, dropped = homology([*chain, *in_clusters([0] + [1] * 8, bases)], (10, 1, 1), classes=1)
    assert not dropped.total()
    assert homology([], (8, 1, 1))[0] == {name: [] for name in SPLITS}
