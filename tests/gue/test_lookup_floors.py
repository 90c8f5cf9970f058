"""Classifiers that look up a train row: what they reach where copying or flipping solves a set, and where not."""

import random

import numpy as np
import pytest

from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.derived_pairs import DerivedPairs, derived_pairs
from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.gue.lookup_floors import (
    count_pairs,
    flipped_labels,
    look_up,
    look_up_scores,
    most_frequent,
    partners,
    table_of,
)
from workflow_scripts.gue.nearest_rows import nearest_rows
from workflow_scripts.gue.relatedness import earlier_related
from workflow_scripts.settings.names import SPLITS


def rows(count, length, seed):
    draw = random.Random(seed)
    return [Example(("".join(draw.choices("ACGT", k=length)),), number % 2) for number in range(count)]


def shuffles(examples, seed, label=lambda row: 1 - row.label):
    draw = np.random.default_rng(seed)
    return [Example((dinucleotide_shuffled(row.sequences[0], draw),), label(row)) for row in examples]


def mutated(examples, changes, seed):
    draw = random.Random(seed)
    for row in examples:
        letters = list(row.sequences[0])
        for at in draw.sample(range(len(letters)), changes):
            letters[at] = draw.choice("ACGT")
        yield row._replace(sequences=("".join(letters),))


def scores(splits):
    pairs = derived_pairs([row.sequences for name in SPLITS for row in splits[name]])
    return look_up_scores(splits, look_up(splits, pairs))


def test_partner_flip_solves_a_set_of_shuffles_that_was_split_at_random():
    positives = [row._replace(label=1) for row in rows(300, 101, 1)]
    both = [*positives, *shuffles(positives, 1)]
    random.Random(2).shuffle(both)
    found = scores({"train": both[:480], "dev": both[480:540], "test": both[540:]})
    assert (
        found["partner_flip"]["other_label"] == found["partner_flip"]["rows"] > 40
        and found["partner_flip"]["mcc"] > 0.6
    )
    assert abs(found["nearest_neighbour"]["mcc"]) < 0.4
    apart = {"train": both[:480], "dev": both[480:540], "test": rows(60, 101, 9)}
    assert scores(apart)["partner_flip"] == {
        **{"mcc": 0, "f1": pytest.approx(1 / 3, abs=1e-3), "accuracy": 0.5},
        **{"rows": 0, "other_label": 0},
    }


def test_partner_flip_is_no_better_than_guessing_if_partners_have_labels_at_random():
    train = rows(400, 101, 3)
    draw = random.Random(4)
    test = shuffles(train, 4, label=lambda row: draw.randrange(2))
    found = scores({"train": train, "dev": rows(2, 101, 5), "test": test})["partner_flip"]
    assert found["rows"] == 400 and 150 < found["other_label"] < 250 and abs(found["mcc"]) < 0.15


def test_nearest_neighbour_solves_a_set_of_copies_with_changes_and_no_other():
    train = rows(300, 101, 6)
    near = [row._replace(sequences=(reverse_complement(row.sequences[0]),)) for row in mutated(train, 12, 7)]
    dev = rows(2, 101, 8)
    assert scores({"train": train, "dev": dev, "test": near})["nearest_neighbour"]["mcc"] > 0.97
    assert abs(scores({"train": train, "dev": dev, "test": rows(300, 101, 10)})["nearest_neighbour"]["mcc"]) < 0.2


def kmers(row):
    found = {part[at : at + 8].upper() for part in row.sequences for at in range(len(part) - 7)}
    return {min(kmer, reverse_complement(kmer)) for kmer in found if set(kmer) <= set("ACGT")}


def test_the_nearest_row_is_that_of_the_definition():
    train = [*rows(60, 60, 11), Example(("ACGTNNNNACGTACGAC", "TTGACCATGACC"), 0), Example(("N" * 20,), 1)]
    test = [*mutated(train[:20], 15, 12), *rows(20, 60, 13), train[-2], train[-1], Example(("ACG",), 0)]
    sets = [kmers(row) for row in train]
    every = set().union(*sets)
    weight = {kmer: np.log((len(train) + 1) / sum(kmer in members for members in sets)) ** 2 for kmer in every}

    def length(members):
        return np.sqrt(sum(weight.get(kmer, np.log(len(train) + 1) ** 2) for kmer in members)) or 1

    nearest = nearest_rows(train, test)
    for number, row in enumerate(test):
        own = kmers(row)
        cosines = [sum(weight[kmer] for kmer in own & other) / length(own) / length(other) for other in sets]
        best = max(cosines)
        assert nearest.similarity[number] == pytest.approx(best)
        if best:
            assert cosines[nearest.row[number]] == pytest.approx(best)
        else:
            assert nearest.row[number] == -1
    assert nearest.similarity[-3] == pytest.approx(1) and nearest.row[-3] == 60 and nearest.row[-1] == -1


def test_the_partner_is_a_shuffle_before_a_longer_stretch_and_the_first_of_equals():
    pairs = DerivedPairs(
        np.array([[0, 5], [1, 5], [2, 5], [0, 6], [3, 6], [1, 7], [2, 7], [4, 8], [5, 9]]),
        np.array([1, 0, 0, 1, 1, 1, 1, 0, 0]),
        np.array([90, 70, 70, 20, 30, 40, 40, 70, 70]),
    )
    assert partners(pairs, train=4, start=5, rows=5).tolist() == [1, 3, 1, -1, -1]


def test_flipping_takes_the_most_frequent_other_label():
    train = [Example(("A",), label) for label in (0, 1, 1, 2, 2, 2)]
    assert flipped_labels(train, np.array([3, 0, 1, -1])) == [1, 2, 2, 2]
    assert flipped_labels(train[:1], np.array([0, -1])) == [0, 0]
    assert most_frequent([2, 1, 1, 2]) == 1


def test_pairs_are_counted_and_each_test_row_has_a_line():
    train, dev = rows(20, 101, 14), rows(4, 101, 15)
    test = [*shuffles(train[:3], 16), *shuffles(train[3:4], 17, lambda row: row.label), train[5], *rows(2, 101, 18)]
    test.append(Example((train[6].sequences[0][1:] + "A",), 1))
    splits = {"train": train, "dev": dev, "test": test}
    related = earlier_related([*train, *dev, *test], np.repeat([0, 1, 2], [20, 4, 8]), 3)
    assert count_pairs(splits, related.pairs)["shuffled"] == {"pairs": 4, "other_label": 3}
    table = table_of(splits, related, look_up(splits, related.pairs))
    assert [row["line"] for row in table] == list(range(2, 10))
    assert [row["relation"] for row in table] == ["derived"] * 4 + ["exact", "none", "none", "near"]
    assert [row["partner_line"] for row in table] == [2, 3, 4, 5, None, None, None, None]
    assert [row["partner_label"] for row in table[:4]] == [0, 1, 0, 1]
    assert (table[4]["nearest_line"], table[4]["similarity"], table[4]["nearest_label"]) == (7, 1.0, 1)
    assert table[7]["nearest_line"] == 8 and 0.8 < table[7]["similarity"] < 1
