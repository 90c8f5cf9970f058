"""Batches depend only on (seed, step), every epoch visits every chunk, and masks are the paper's."""

import math
import resource

import numpy as np
import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.special_tokens import UNKNOWN as UNK
from workflow_scripts.common.token_shards import CLS, PAD, SEP, Corpus, raise_open_file_limit
from workflow_scripts.inference.masking import IGNORED, MASK, mask_tokens
from workflow_scripts.pretrain.batches import permute, training_batch, validation_batch
from workflow_scripts.settings.pretrain import SeededTraining

VOCABULARY = 4096
PLAIN = SeededTraining(
    batch_size=8, micro_batch_size=8, length=12, mask_share=1e-9, crop="truncate", validation_sequences=50
)


def changed(training: SeededTraining, **changes) -> SeededTraining:
    return SeededTraining(**training.model_dump() | changes)


@pytest.fixture
def rows():
    """100,000 tokens in rows with [CLS], [SEP] and some padding."""
    rows = np.random.default_rng(0).integers(MASK + 1, VOCABULARY, (1000, 104))
    rows[:, 0], rows[:, 101], rows[:, 102:] = CLS, SEP, PAD
    return rows


@pytest.fixture
def corpus(write_shard):
    """37 training chunks, of which chunk n has tokens 100n, 100n + 1, ..., and 5 validation chunks from 3,900 on."""
    chunks = [np.arange(100 * n, 100 * n + 15 + n) for n in range(1, 38)]
    held_out = [np.arange(3900 + 20 * n, 3915 + 20 * n) for n in range(5)]
    one = write_shard("one", [*chunks[:20], *held_out], [False] * 20 + [True] * 5)
    return Corpus([one, write_shard("none", []), write_shard("two", chunks[20:])])


def visited(corpus: Corpus, training: SeededTraining, steps: range) -> list[int]:
    """The chunk of each row, in the order of the steps."""
    rows = np.concatenate([training_batch(corpus, step, training, VOCABULARY)[0] for step in steps])
    return (rows[:, 1] // 100).tolist()


def within(count: int, total: int, share: float) -> bool:
    """Whether a count is within four standard deviations of its expectation."""
    return abs(count - total * share) < 4 * math.sqrt(total * share * (1 - share))


def test_15_percent_of_tokens_are_chosen_and_replaced_80_10_10(rows):
    inputs, labels = mask_tokens(rows, 0.15, 1, VOCABULARY, "key")
    chosen = labels != IGNORED
    total = int(chosen.sum())
    assert within(total, 100_000, 0.15)
    assert np.array_equal(labels[chosen], rows[chosen]) and np.array_equal(inputs[~chosen], rows[~chosen])
    replaced = inputs[chosen]
    assert within(int((replaced == MASK).sum()), total, 0.8)
    assert within(int((replaced == rows[chosen]).sum()), total, 0.1)
    others = replaced[(replaced != MASK) & (replaced != rows[chosen])]
    assert within(len(others), total, 0.1)
    assert others.min() > MASK and others.max() < VOCABULARY and len(set(others)) > 1000


def test_masks_are_independent_of_position(rows):
    chosen = mask_tokens(rows, 0.15, 1, VOCABULARY, "key")[1][:, 1:101] != IGNORED
    assert all(within(int(column.sum()), 1000, 0.15) for column in chosen.T)
    assert within(int((chosen[:, 1:] & chosen[:, :-1]).sum()), 99_000, 0.15**2)


def test_masks_in_runs_hide_a_base_of_every_overlapping_token(rows):
    chosen = mask_tokens(rows, 0.15, 6, VOCABULARY, "key")[1][:, 1:101] != IGNORED
    ends = np.pad(chosen, ((0, 0), (1, 1))).astype(int)
    starts, stops = np.argwhere(np.diff(ends) == 1), np.argwhere(np.diff(ends) == -1)
    lengths = stops[:, 1] - starts[:, 1]
    inside = (starts[:, 1] > 0) & (stops[:, 1] < 100)  # the others are cut off at the ends of their row
    assert lengths[inside].min() == 6
    assert within(int(chosen.sum()), 100_000, 1 - (1 - 0.15 / 6) ** 6)


def test_special_tokens_are_never_masked(rows):
    rows[:, 1], rows[:, 2] = UNK, MASK
    inputs, labels = mask_tokens(rows, 1.0, 1, VOCABULARY, "key")
    special = rows <= MASK
    assert np.array_equal(inputs[special], rows[special])
    assert np.all(labels[special] == IGNORED) and np.all(labels[~special] != IGNORED)


def test_masks_depend_only_on_their_key(rows):
    once = mask_tokens(rows, 0.15, 1, VOCABULARY, 42, "masks", 7)
    np.random.default_rng().random()
    mask_tokens(rows, 0.15, 1, VOCABULARY, 42, "masks", 8)
    again = mask_tokens(rows, 0.15, 1, VOCABULARY, 42, "masks", 7)
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    for key in ((42, "masks", 8), (43, "masks", 7)):
        assert not np.array_equal(once[1], mask_tokens(rows, 0.15, 1, VOCABULARY, *key)[1])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 16, 17, 1000, 4096, 4097, 70_000])
def test_permutation_of_every_size_is_a_bijection(size):
    order = permute(np.arange(size), size, 42, "epoch", 0)
    assert np.array_equal(np.sort(order), np.arange(size))
    # the image of a position does not depend on the other positions
    some = np.arange(size)[:: max(size // 7, 1)]
    assert np.array_equal(permute(some, size, 42, "epoch", 0), order[some])


def test_permutation_depends_on_its_key_and_mixes():
    size = 10_000
    orders = [permute(np.arange(size), size, seed, "epoch", epoch) for seed in (42, 43) for epoch in (0, 1)]
    orders.append(np.arange(size))
    for number, one in enumerate(orders):
        for other in orders[:number]:
            assert within(int((one == other).sum()), size, 1 / size)
            assert abs(np.corrcoef(one, other)[0, 1]) < 4 / math.sqrt(size)


def test_every_epoch_visits_every_training_chunk_once_in_another_order(corpus):
    order = visited(corpus, PLAIN, range(14))  # 112 rows: three epochs of 37 and one row
    epochs = [order[:37], order[37:74], order[74:111]]
    assert all(sorted(epoch) == list(range(1, 38)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]


def test_order_depends_on_the_seed_but_not_on_the_batch_size(corpus):
    order = visited(corpus, PLAIN, range(9))
    assert order == visited(corpus, changed(PLAIN, batch_size=24), range(3))
    assert order != visited(corpus, changed(PLAIN, seed=43), range(9))


def test_a_batch_larger_than_the_corpus_repeats_it(corpus):
    order = visited(corpus, changed(PLAIN, batch_size=80), range(1))
    assert sorted(order[:37]) == sorted(order[37:74]) == list(range(1, 38))


@pytest.mark.parametrize("crop", ["window", "truncate"])
def test_a_batch_does_not_depend_on_batches_before_it(corpus, crop):
    training = changed(PLAIN, crop=crop, mask_share=0.15)
    fresh = training_batch(corpus, 7, training, VOCABULARY)
    for step in (0, 6, 100):
        training_batch(corpus, step, training, VOCABULARY)
    validation_batch(corpus, training, VOCABULARY)
    np.random.default_rng().random(10)
    for one, other in zip(fresh, training_batch(corpus, 7, training, VOCABULARY), strict=True):
        assert one.shape == (8, 12) and one.dtype == np.int64
        assert np.array_equal(one, other)


def test_masked_positions_change_with_step_and_seed(corpus):
    training = changed(PLAIN, mask_share=0.15)
    draws = [(7, 42), (8, 42), (7, 43)]
    chosen = [
        training_batch(corpus, step, changed(training, seed=seed), VOCABULARY)[1] != IGNORED for step, seed in draws
    ]
    assert all(not np.array_equal(chosen[0], other) for other in chosen[1:])


def test_truncate_takes_the_first_tokens_and_window_takes_any(corpus):
    first = np.concatenate([training_batch(corpus, step, PLAIN, VOCABULARY)[0] for step in range(30)])
    assert np.all(first[:, 1] % 100 == 0)
    window = changed(PLAIN, crop="window")
    rows = np.concatenate([training_batch(corpus, step, window, VOCABULARY)[0] for step in range(500)])
    for these in (first, rows):
        assert np.all(these[:, 0] == CLS) and np.all(these[:, -1] == SEP)
        assert np.all(np.diff(these[:, 1:-1], axis=1) == 1)  # contiguous
    # chunk 1 has 16 tokens, of which 10 fit: windows begin at each of 0 to 6 and nowhere else
    begins = rows[rows[:, 1] // 100 == 1, 1] % 100
    assert set(begins.tolist()) == set(range(7))


@pytest.mark.parametrize("size", [10, 11, 13, 16, 25, 200])
def test_a_window_sees_every_token_at_least_half_as_often_as_the_mean(write_shard, size):
    """Windows of 10 tokens; those at the ends of the chunk are more frequent than the others."""
    corpus = Corpus([write_shard("one", [np.arange(5, 5 + size)])])
    offsets = np.arange(size) / size + 1e-9
    rows = corpus.rows(np.zeros(size, dtype=np.int64), 12, offsets)
    seen = np.bincount(rows[rows > MASK] - 5, minlength=size) / size
    assert seen.sum() == pytest.approx(10) and seen.min() >= 0.5 * seen.mean() and seen.max() <= 1
    assert np.abs(seen - seen[::-1]).max() <= 1 / size + 1e-9


def test_short_chunks_are_padded(write_shard):
    corpus = Corpus([write_shard("one", [np.array([9, 8, 7])])])
    row = training_batch(corpus, 0, changed(PLAIN, batch_size=1), VOCABULARY)[0][0]
    assert row.tolist() == [CLS, 9, 8, 7, SEP, PAD, PAD, PAD, PAD, PAD, PAD, PAD]


def test_validation_chunks_are_never_trained_on(corpus):
    order = visited(corpus, changed(PLAIN, crop="window"), range(100))
    assert max(order) < 39 and set(order) == set(range(1, 38))
    inputs, _ = validation_batch(corpus, PLAIN, VOCABULARY)
    words = inputs[(inputs > MASK)]
    assert len(inputs) == 5 and np.median(words) >= 3900


def test_validation_rows_are_fixed_and_spread(corpus):
    once, again = (validation_batch(corpus, PLAIN, VOCABULARY) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    few = validation_batch(corpus, changed(PLAIN, validation_sequences=2), VOCABULARY)
    restored = np.where(few[1] == IGNORED, few[0], few[1])
    assert (restored[:, 1] // 20).tolist() == [3900 // 20, 3980 // 20]  # the first and the last chunk


def test_corpus_numbers_chunks_across_shards(corpus):
    assert len(corpus.training) == 37 and len(corpus.validation) == 5
    assert corpus.chunk(corpus.training[20]).tolist() == list(range(2100, 2136))
    assert isinstance(corpus.tokens[0], np.memmap)


def test_chunks_without_tokens_are_skipped(write_shard):
    corpus = Corpus([write_shard("one", [np.array([9]), np.zeros(0), np.array([8])])])
    assert corpus.training.tolist() == [0, 2]


def test_corpus_without_training_chunks_is_refused(write_shard):
    with pytest.raises(UserError, match=r"one\.index\.npy: the corpus has no training chunks"):
        Corpus([write_shard("one", [np.array([9])], [True])])


def test_a_corpus_may_have_more_shards_than_the_usual_limit_of_open_files(write_shard):
    """Each mapped file counts as open; most systems allow a process 1,024 open files at first."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    shard = write_shard("one", [np.arange(5, 25)])
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, usual[1]))
    try:
        assert len(Corpus([shard] * 1000).training) == 1000
        with pytest.raises(UserError, match=r"ulimit -n: \d+ open files are allowed, \d+ are needed"):
            raise_open_file_limit(usual[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
