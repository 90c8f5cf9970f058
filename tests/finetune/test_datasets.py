"""Rows are read with their mistakes named by line, and every epoch has its batches."""

import itertools

import numpy as np
import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.finetune.datasets import (
    Tokens,
    read_rows,
    read_splits,
    training_batches,
    training_order,
    training_share,
)
from workflow_scripts.finetune.problems import PROBLEMS, Classification, Multilabel, Regression
from workflow_scripts.inference.encoding import Encoded


@pytest.fixture
def csv_file(tmp_path):
    def csv_file(text: str, name: str = "train.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return csv_file


def rows_of_length(sizes: list[int], turned: bool = False) -> Tokens:
    """Rows of so many tokens, with ``turned`` and their reverse complements, which are a token longer."""
    entries = [*sizes, *(size + 1 for size in sizes)] if turned else sizes
    return Tokens(Encoded([np.zeros(size, int) for size in entries], None, 0.0, 0.0), np.zeros(len(sizes), int))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_of_one_sequence_and_of_two(csv_file, end):
    rows = read_rows(csv_file(end.join(["sequence,label", "ACGT,0", "GG,12", ""])), Classification)
    assert rows.texts == ["ACGT", "GG"] and rows.labels.tolist() == [0, 12]
    rows = read_rows(csv_file(end.join(["enhancer,promoter,label", "ACGT,GG,1", ""])), Classification)
    assert rows.texts == [("ACGT", "GG")] and rows.labels.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: header ''; expected"),
        ("ACGT,0\nGG,1\n", ":1: header 'ACGT,0'; expected 'sequence,label'"),
        ("a,b,c,label\nA,C,G,1\n", ":1: header 'a,b,c,label'; expected"),
        ("sequence,label\nACGT,0\nGG\n", ":3: 1 columns where the header has 2"),
        ("sequence,label\nACGT,GG,0\n", ":2: 3 columns where the header has 2"),
        ("sequence,label\nACGT,0\nGG,one\n", ":3: label 'one' is not a class; number classes from 0"),
        ("sequence,label\nACGT,-1\n", ":2: label '-1' is not a class"),
        ("sequence,label\nACGT,1.0\n", ":2: label '1.0' is not a class"),
        ("sequence,label\nACGT,\n", ":2: label '' is not a class"),
        ("sequence,label\n", ": no rows; every split needs some"),
    ],
)
def test_mistakes_are_named_by_file_and_line(csv_file, text, told):
    path = csv_file(text)
    with pytest.raises(UserError) as caught:
        read_rows(path, Classification)
    assert str(caught.value).startswith(f"{path}{told}")
    assert "\n" not in str(caught.value)


def test_class_that_training_never_shows_is_refused(csv_file, tmp_path):
    csv_file("sequence,label\nA,0\nC,1\n", "train.csv")
    csv_file("sequence,label\nA,0\n", "dev.csv")
    csv_file("sequence,label\nA,0\nG,2\n", "test.csv")
    with pytest.raises(UserError, match=rf"^{tmp_path}/test\.csv: label 2 does not occur in train\.csv$"):
        read_splits(tmp_path, Classification)
    csv_file("sequence,label\nA,1\n", "test.csv")
    assert {split: len(rows.labels) for split, rows in read_splits(tmp_path, Classification).items()} == {
        "train": 2,
        "dev": 1,
        "test": 1,
    }


def test_other_problems_read_other_labels(csv_file):
    assert read_rows(csv_file("sequence,label\nA,-1.5e2\nC,3\n"), Regression).labels.tolist() == [-150, 3]
    rows = read_rows(csv_file("sequence,label\nA,0;1;1\nC,1;0;0\n"), Multilabel)
    assert rows.labels.tolist() == [[0, 1, 1], [1, 0, 0]]


@pytest.mark.parametrize(
    ("problem", "text", "told"),
    [
        ("regression", "A,1\nC,high\n", ":3: label 'high' is not a number"),
        ("regression", "A,nan\n", ":2: label 'nan' is not a number"),
        ("regression", "A,inf\n", ":2: label 'inf' is not a number"),
        ("multilabel", "A,0;2\n", ":2: label '0;2' is not a 0 or 1 for each property, such as 0;1;1"),
        ("multilabel", "A,1 0\n", ":2: label '1 0' is not a 0 or 1"),
        ("multilabel", "A,\n", ":2: label '' is not a 0 or 1"),
        ("multilabel", "A,0;1\nC,1\n", ":3: 1 labels where the first row has 2"),
    ],
)
def test_mistakes_in_other_labels_are_named_by_file_and_line(csv_file, problem, text, told):
    path = csv_file("sequence,label\n" + text)
    with pytest.raises(UserError) as caught:
        read_rows(path, PROBLEMS[problem])
    assert str(caught.value).startswith(f"{path}{told}")


def test_splits_must_be_alike(csv_file, tmp_path):
    with pytest.raises(UserError, match=r"train\.csv: no such file; a data set has train\.csv, dev\.csv and test\.csv"):
        read_splits(tmp_path, Multilabel)
    csv_file("sequence,label\nA,0;1\n", "train.csv")
    csv_file("sequence,label\nA,0;1\n", "dev.csv")
    csv_file("sequence,label\nA,0;1;1\n", "test.csv")
    with pytest.raises(UserError, match=r"test\.csv: 3 labels a row where train\.csv has 2"):
        read_splits(tmp_path, Multilabel)
    csv_file("one,two,label\nA,C,0;1\n", "test.csv")
    with pytest.raises(UserError, match=r"test\.csv: one sequence a row where train\.csv has two, or the reverse"):
        read_splits(tmp_path, Multilabel)


def test_every_epoch_has_every_row_once_in_an_order_of_its_own():
    tokens = rows_of_length([5 + row % 7 for row in range(70)])

    def order(seed: int, epoch: int) -> list[int]:
        batches = training_order(tokens, 32, seed, epoch, 0.0)
        assert sorted(len(batch) for batch in batches) == [6, 32, 32]
        return np.concatenate(batches).tolist()

    orders = [order(42, 0), order(42, 1), order(43, 0)]
    assert all(sorted(one) == list(range(70)) for one in orders)
    assert orders[0] != orders[1] and orders[0] != orders[2]
    assert orders[0] == order(42, 0)


def test_training_takes_rows_of_like_length_together_and_the_lengths_in_any_order():
    sizes = np.random.default_rng(0).integers(10, 200, 1024)
    batches = training_order(rows_of_length(sizes.tolist()), 16, 42, 0, 0.0)
    spread = [np.ptp(sizes[batch]) for batch in batches]
    assert np.mean(spread) < 0.25 * np.mean([np.ptp(part) for part in sizes.reshape(-1, 16)])
    shortest = [sizes[batch].min() for batch in batches[:8]]
    assert shortest != sorted(shortest)


def labelled(sizes: np.ndarray, labels: np.ndarray) -> Tokens:
    """Rows of so many tokens with these labels."""
    return Tokens(Encoded([np.zeros(size, int) for size in sizes], None, 0.0, 0.0), labels)


def spread(batches: list[np.ndarray], labels: np.ndarray) -> float:
    """Standard deviation over batches of the mean of a label, which is the share of class 1 of two."""
    return float(np.std([labels[batch].mean(axis=0) for batch in batches], axis=0).mean())


@pytest.mark.parametrize("kind", ["classes", "rare class", "numbers", "labels"])
def test_batches_are_as_mixed_as_random_ones_if_length_tells_the_label(kind):
    random = np.random.default_rng(0)
    two = random.integers(0, 2, 4096)
    labels = {
        "classes": two,
        "rare class": (random.random(4096) < 0.1).astype(int),
        "numbers": random.normal(size=4096),
        "labels": np.stack([two, random.integers(0, 2, 4096)], axis=1),
    }[kind]
    first = labels if labels.ndim == 1 else labels[:, 0]
    sizes = (300 + 40 * first + random.integers(0, 30, 4096)).astype(int)
    batches = training_order(labelled(sizes, labels), 32, 42, 0, 0.0)
    assert sorted(np.concatenate(batches).tolist()) == list(range(4096))
    by_chance = spread(random.permutation(4096).reshape(-1, 32), labels)
    sorted_only = spread(np.argsort(sizes, kind="stable").reshape(-1, 32), labels)
    assert spread(batches, labels) < 1.1 * by_chance < sorted_only
    if kind == "classes":
        assert all(np.ptp(sizes[batch][labels[batch] == one]) < 12 for batch in batches for one in (0, 1))


def test_batches_go_on_from_any_step():
    tokens = rows_of_length([5 + row % 7 for row in range(70)], turned=True)
    whole = list(itertools.islice(training_batches(tokens, 32, 42, 0.5), 8))
    for begin in range(8):
        rest = itertools.islice(training_batches(tokens, 32, 42, 0.5, begin), 8 - begin)
        assert all(np.array_equal(one, other) for one, other in zip(whole[begin:], rest, strict=True))


def test_reverse_complements_stand_for_their_rows_in_the_share_asked_for():
    tokens = rows_of_length([9] * 1000, turned=True)
    for share in (0.0, 0.3, 1.0):
        entries = np.concatenate(training_order(tokens, 32, 42, 0, share))
        assert sorted((entries % 1000).tolist()) == list(range(1000))
        assert (entries >= 1000).mean() == pytest.approx(share, abs=0.05)
    turned = [
        set(entries[entries >= 1000])
        for entries in map(np.concatenate, (training_order(tokens, 32, 42, epoch, 0.5) for epoch in (0, 1)))
    ]
    assert 0 < len(turned[0] & turned[1]) < min(map(len, turned)), "drawn anew in each epoch"


def numbered(labels: np.ndarray, turned: bool = False) -> Tokens:
    """Rows that hold their number, with ``turned`` also their reverse complements, which hold its negative."""
    entries = [np.array([row]) for row in range(len(labels))]
    return Tokens(Encoded(entries + [-entry for entry in entries] if turned else entries, None, 0.0, 0.0), labels)


def held(tokens: Tokens) -> list[int]:
    return [int(ids[0]) for ids in tokens.encoded.ids]


def test_a_share_has_that_share_of_every_class_and_is_part_of_a_larger_one():
    labels = np.repeat([0, 1, 2], [900, 90, 3])
    smaller = set()
    for share, expected in ((0.01, [9, 1, 1]), (0.05, [45, 5, 1]), (0.07, [63, 7, 1]), (1.0, [900, 90, 3])):
        part = training_share(numbered(labels), share, 0, 42)
        assert np.bincount(part.labels).tolist() == expected
        assert (labels[held(part)] == part.labels).all()
        assert smaller < set(held(part))
        smaller = set(held(part))


def test_a_share_depends_on_the_seed_only_and_keeps_the_strands_of_a_row_together():
    labels = np.arange(400) % 2
    parts = [training_share(numbered(labels, turned=True), 0.1, 0, seed) for seed in (1, 1, 2)]
    assert held(parts[0]) == held(parts[1]) != held(parts[2])
    first, turned = np.split(np.array(held(parts[0])), 2)
    assert (first == -turned).all() and len(first) == len(parts[0].labels) == 40


@pytest.mark.parametrize("labels", [np.linspace(0, 1, 50), np.eye(2, dtype=int)[np.arange(50) % 2]])
def test_a_share_of_rows_without_classes_is_one_of_all_rows(labels):
    part = training_share(numbered(labels), 0.3, 0, 0)
    assert len(part.labels) == 15 and (part.labels == labels[held(part)]).all()


def test_shots_are_rows_of_each_class_and_part_of_more_shots():
    labels = np.repeat([0, 1, 2], [900, 90, 3])
    few, more = (training_share(numbered(labels), 1.0, shots, 42) for shots in (5, 20))
    assert np.bincount(few.labels).tolist() == [5, 5, 3] and np.bincount(more.labels).tolist() == [20, 20, 3]
    assert set(held(few)) < set(held(more)) and held(few) != held(training_share(numbered(labels), 1.0, 5, 43))
    assert len(training_share(numbered(labels), 0.01, 5, 42).labels) == 5 + 1 + 1
