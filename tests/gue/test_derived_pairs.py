"""Derived pairs: shuffles and substituted rows are found, and not what chance, repeats or a common design explain."""

import random
from collections import Counter
from itertools import combinations, groupby

import numpy as np
import pytest

from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue import derived_pairs as derived
from workflow_scripts.gue.promoter import CORE_LENGTH, CORE_TSS_INDEX, TSS_INDEX, substitute_segments

CORE = slice(TSS_INDEX - CORE_TSS_INDEX, TSS_INDEX - CORE_TSS_INDEX + CORE_LENGTH)


def found_pairs(sequences, kind=None):
    """The pairs that are found among rows of one sequence, of one kind or of both."""
    pairs = derived.derived_pairs([(sequence,) for sequence in sequences])
    wanted = [kind is None or derived.KINDS[number] == kind for number in pairs.kind]
    return {tuple(pair) for pair, keep in zip(pairs.rows.tolist(), wanted, strict=True) if keep}


def many(count, length, seed, letters="ACGT"):
    draw = random.Random(seed)
    return ["".join(draw.choices(letters, k=length)) for _ in range(count)]


def test_every_dinucleotide_shuffle_is_found_on_either_strand():
    draw = np.random.default_rng(1)
    positives = many(300, 101, 1)
    negatives = [dinucleotide_shuffled(sequence, draw) for sequence in positives]
    negatives[::2] = [reverse_complement(sequence) for sequence in negatives[::2]]
    assert found_pairs(positives + negatives) == {(n, n + 300) for n in range(300)}
    assert found_pairs([sequence.lower().replace("t", "u") for sequence in positives] + negatives) == {
        (n, n + 300) for n in range(300)
    }


def test_shuffles_of_repetitive_sequences_are_found():
    """Few rows are as repetitive as this, so chance does not explain that two of them have the same counts."""
    draw = np.random.default_rng(2)
    repeat = "CA" * 35 + many(1, 31, 3)[0]
    rows = [*many(200, 101, 4), repeat, dinucleotide_shuffled(repeat, draw)]
    assert found_pairs(rows, "shuffled") == {(200, 201)}


@pytest.mark.parametrize(
    "change",
    [
        lambda sequence, draw: "".join(draw.sample(sequence, len(sequence))),  # the same bases only
        lambda sequence, draw: sequence[::-1][1:] + "AC",
        lambda sequence, draw: sequence,  # copies have a relation of their own
        lambda sequence, draw: reverse_complement(sequence),
    ],
)
def test_other_changes_are_no_derived_pairs(change):
    draw = random.Random(3)
    rows = many(200, 101, 5)
    changed = [change(sequence, draw) for sequence in rows]
    assert not found_pairs(rows + changed, "substituted") and not found_pairs(rows + changed, "shuffled")


def test_equal_counts_of_short_sequences_are_chance():
    rows = list(dict.fromkeys(many(3000, 10, 6)))
    counts = [derived.dinucleotide_counts(derived.base_codes(row)).tobytes() for row in rows]
    assert len(set(counts)) < len(counts) - 50  # so that a search for equal counts alone would find many
    assert len({row for pair in found_pairs(rows) for row in pair}) < 0.01 * len(rows)


@pytest.mark.parametrize(("length", "share"), [(CORE_LENGTH, 0.86), (300, 0.999)])
def test_substituted_promoters_are_found(length, share):
    """Of 20 segments 12 are replaced. In a core promoter, one of the four whole segments is left in 87 of 100."""
    draw, part = np.random.default_rng(4), CORE if length == CORE_LENGTH else slice(None)
    positives = many(2000, 300, 7)
    negatives = [substitute_segments(sequence, draw) for sequence in positives]
    found = found_pairs([sequence[part] for sequence in positives + negatives])
    true = {(n, n + 2000) for n in range(2000)}
    assert len(found & true) > share * 2000 and len(found - true) < 0.01 * 4000


def test_what_all_rows_have_at_a_place_is_no_sign_of_a_pair():
    primer, motif = many(2, 25, 8)
    assert not found_pairs([primer + row + motif for row in many(400, 80, 9)])
    repeats = [row[:20] + "CA" * 15 + row[20:] for row in many(400, 60, 10)]
    assert not found_pairs(repeats)


def test_equal_stretches_at_other_places_are_no_pair():
    inserts = many(200, 20, 11)
    rows = [row[:10] + insert + row[10:] for row, insert in zip(many(200, 80, 12), inserts, strict=True)]
    moved = [row[:40] + insert + row[40:] for row, insert in zip(many(200, 80, 13), inserts, strict=True)]
    same = [row[:10] + insert + row[10:] for row, insert in zip(many(200, 80, 14), inserts, strict=True)]
    assert not found_pairs(rows + moved) and found_pairs(rows + same) == {(n, n + 200) for n in range(200)}


@pytest.mark.parametrize("seed", range(3))
def test_the_search_agrees_with_the_definition(seed):
    """Mosaics of blocks at fixed places: many pairs share one stretch or more, of many lengths."""
    draw = random.Random(seed)
    blocks = [many(30, draw.randrange(8, 24), f"{seed} {place}") for place in range(6)]
    rows = list(dict.fromkeys("".join(map(draw.choice, blocks)) for _ in range(70)))
    words = Counter(row[at : at + 14] for row in rows for at in range(len(row) - 13))
    masked = []
    for row in rows:
        common = {at + n for at in range(len(row) - 13) if words[row[at : at + 14]] > derived.COMMON for n in range(14)}
        masked.append([None if at in common else base for at, base in enumerate(row)])
    expected = set()
    for (a, first), (b, second) in combinations(enumerate(masked), 2):
        equal = [x is not None and x == y for x, y in zip(first, second, strict=False)]
        runs = [size for same, members in groupby(equal) if (size := len(list(members))) >= 12 and same]
        if sum(runs) >= 15 and max(runs) >= 15:
            expected.add((a, b))
    assert 20 < len(expected) < len(rows) ** 2 / 4
    assert found_pairs(rows, "substituted") == expected


def needed(codes, length):
    return derived.needed_bases(derived.Codes(codes, np.arange(0, len(codes) + 1, length)))


def test_more_and_longer_rows_need_longer_stretches():
    codes = np.random.default_rng(16).integers(4, size=20_000_000).astype(np.uint8)
    assert [needed(codes[:size], 100) for size in (10_000, 1_000_000, 20_000_000)] == [15, 15, 16]


@pytest.mark.parametrize(("stay", "length"), [(0.25, 101), (0.55, 101), (0.75, 300)])
def test_rows_whose_bases_follow_one_another_have_no_partners_by_chance(stay, length):
    """A base is that before with the probability ``stay``: all bases are as frequent, but equal stretches are not."""
    draw = random.Random(17)
    rows = []
    for _ in range(1500):
        row = [draw.choice("ACGT")]
        while len(row) < length:
            row.append(row[-1] if draw.random() < (4 * stay - 1) / 3 else draw.choice("ACGT"))
        rows.append("".join(row))
    assert len({row for pair in found_pairs(rows) for row in pair}) <= 0.01 * len(rows)


def test_any_sequence_of_a_row_may_be_derived_and_copies_are_partners_too():
    draw = np.random.default_rng(5)
    first, second, third, other = many(4, 101, 15)
    shuffle = dinucleotide_shuffled(second, draw)
    rows = [(first, second), (third, other), (shuffle, third), (first, second)]
    pairs = derived.derived_pairs(rows)
    assert pairs.rows.tolist() == [[0, 2], [2, 3]] and pairs.shared.tolist() == [101, 101]
    assert [derived.KINDS[kind] for kind in pairs.kind] == ["shuffled", "shuffled"]


@pytest.mark.parametrize("rows", [[], [""], ["A"], ["N" * 50, "n" * 50], ["A" * 80, "A" * 81, "T" * 90]])
def test_rows_without_information_have_no_partners(rows):
    assert not found_pairs(rows)
