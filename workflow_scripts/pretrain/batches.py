"""Batches for masked language modelling, as pure functions of (seed, step).

A resumed run, or one on other hardware, sees the same sequences with the same masks, because no batch depends on what
was drawn before it.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.token_shards import Corpus
from workflow_scripts.inference.masking import Batch, mask_tokens
from workflow_scripts.settings.pretrain import SeededTraining


def permute(positions: np.ndarray, size: int, *key: object) -> np.ndarray:
    """The images of ``positions`` under a permutation of range(size) that depends only on ``key``.

    A four-round Feistel network over the next power of four, applied until the value is below ``size`` (cycle walking).
    It needs no table of ``size`` entries, so shuffling an epoch of 10^8 chunks costs nothing.
    """
    half = max((int(size - 1).bit_length() + 1) // 2, 1)
    low = np.uint64((1 << half) - 1)
    keys = [np.uint64(stable_hash(*key, number)) for number in range(4)]

    def scramble(values: np.ndarray) -> np.ndarray:
        left, right = values >> np.uint64(half), values & low
        for round_key in keys:
            mixed = (right ^ round_key) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
            mixed *= np.uint64(0xBF58476D1CE4E5B9)
            left, right = right, left ^ ((mixed >> np.uint64(32)) & low)
        return (left << np.uint64(half)) | right

    values = scramble(positions.astype(np.uint64))
    while (outside := values >= size).any():
        values[outside] = scramble(values[outside])
    return values.astype(np.int64)


def training_batch(corpus: Corpus, step: int, training: SeededTraining, vocab_size: int) -> Batch:
    """Inputs and labels of one optimiser step, [batch size, length]; they depend only on (seed, step).

    Every epoch visits each training chunk once, in another order.
    """
    size = len(corpus.training)
    serial = np.arange(training.batch_size, dtype=np.int64) + step * training.batch_size
    epochs, positions = np.divmod(serial, size)
    chunks = np.empty_like(positions)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        chunks[here] = corpus.training[permute(positions[here], size, training.seed, "epoch", epoch)]
    offsets = np.zeros(len(chunks))
    if training.crop == "window":
        offsets = generator(training.seed, "offsets", step).random(len(chunks))
    rows = corpus.rows(chunks, training.length, offsets)
    return mask_tokens(rows, training.mask_share, training.mask_run, vocab_size, training.seed, "masks", step)


def training_batches(
    corpus: Corpus, first_step: int, training: SeededTraining, vocab_size: int
) -> Iterator[tuple[int, Batch]]:
    """(step, batch) from ``first_step`` to the last step; the next batch is made while one is trained on."""
    if first_step >= training.steps:
        return
    with ThreadPoolExecutor(1) as pool:
        next_batch = pool.submit(training_batch, corpus, first_step, training, vocab_size)
        for step in range(first_step, training.steps):
            batch = next_batch.result()
            if step + 1 < training.steps:
                next_batch = pool.submit(training_batch, corpus, step + 1, training, vocab_size)
            yield step, batch


def validation_batch(corpus: Corpus, training: SeededTraining, vocab_size: int) -> Batch:
    """The fixed validation rows, [sequences, length]: spread evenly over the validation chunks, with fixed masks."""
    wanted = min(training.validation_sequences, len(corpus.validation))
    chunks = corpus.validation[np.linspace(0, len(corpus.validation) - 1, wanted).astype(np.int64)]
    offsets = generator(training.seed, "validation offsets").random(wanted)
    rows = corpus.rows(chunks, training.length, offsets)
    return mask_tokens(rows, 0.15, training.mask_run, vocab_size, training.seed, "validation masks")
