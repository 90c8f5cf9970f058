"""Copies, balance, sizes of the splits, and the audit."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.gue.audit import audit
from workflow_scripts.gue.examples import Example, Recipe, balance, unique
from workflow_scripts.gue.split import SPLITS, scaled_sizes, split


def make(counts):
    return [Example((f"{label}-{n}",), label) for label, count in enumerate(counts) for n in range(count)]


def recipe(rows, classes=2, seed=1):
    return Recipe("t", "d", 10, rows, seed, [str(label) for label in range(classes)])


sizes = st.tuples(st.integers(1, 80), st.integers(1, 20), st.integers(1, 20))


@given(st.integers(0, 200), sizes)
def test_sizes_are_exact_or_in_proportion(available, wanted):
    got = scaled_sizes(available, wanted)
    assert sum(got) == min(available, sum(wanted))
    assert all(
        abs(size - min(available, sum(wanted)) * want / sum(wanted)) < 1 for size, want in zip(got, wanted, strict=True)
    )


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=4), sizes, st.integers(0, 99))
def test_splits_are_disjoint_complete_and_stratified(counts, wanted, seed):
    examples, dropped = make(counts), Counter()
    parts = split(examples, wanted, recipe(sum(wanted), len(counts), seed), dropped)
    dealt = [row for name in SPLITS for row in parts[name]]
    assert len(dealt) == len(set(dealt)) and set(dealt) <= set(examples)
    assert len(dealt) + dropped["beyond_size"] == len(examples)
    for name in SPLITS:
        for label, count in enumerate(counts):
            share = len(parts[name]) * count / len(examples)
            assert abs(sum(row.label == label for row in parts[name]) - share) < len(counts) + 1


def test_split_depends_on_the_seed_alone():
    examples = make([50, 50])
    first, again, other = (split(examples, (80, 10, 10), recipe(100, seed=s), Counter()) for s in (1, 1, 2))
    assert first == again != other
    assert [row.label for row in first["train"]] != sorted(row.label for row in first["train"])


def test_copies_go_and_contradictions_go_altogether():
    rows = [Example((s,), label) for s, label in [("A", 0), ("B", 1), ("A", 0), ("C", 0), ("C", 1), ("C", 1)]]
    dropped = Counter()
    assert unique(rows, dropped) == rows[:2]
    assert dropped == {"duplicate": 1, "conflicting_labels": 3}


def test_balance_follows_the_smallest_class_and_the_wanted_rows():
    dropped = Counter()
    rows = balance(make([30, 12]), recipe(100), dropped)
    assert Counter(row.label for row in rows) == {0: 12, 1: 12} and dropped["beyond_size"] == 18
    rows = balance(make([30, 12, 40]), recipe(10, 3), Counter())
    assert Counter(row.label for row in rows) == {0: 4, 1: 3, 2: 3}


def test_audit_counts_what_it_says():
    splits = {
        "train": [Example(s, label) for s, label in [(("AC",), 0), (("AC",), 0), (("GG",), 1), (("TT",), 0)]],
        "dev": [Example(s, label) for s, label in [(("AC",), 1), (("AN",), 0), (("TG",), 0)]],
        "test": [Example(s, label) for s, label in [(("GG",), 1), (("TT",), 0), (("TG",), 1), (("CC",), 0)]],
    }
    assert audit(splits) == {
        "duplicate_rows_within": {"train": 1, "dev": 0, "test": 0},
        "test_rows_in_train": 2,
        "dev_rows_in_train": 1,
        "test_rows_in_dev": 1,
        "non_acgt_rows": 1,
        "conflicting_labels": 2,
    }
