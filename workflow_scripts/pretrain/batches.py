"""Batches for masked language modelling, as pure functions of (seed, step).

A resumed run, or one on other hardware, sees the same sequences with the same masks, because no batch depends on what
was drawn before it.
"""

import hashlib
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import digest
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.randomness import generator
from workflow_scripts.settings.pretrain import SeededTraining

UNK, CLS, SEP, PAD, MASK = range(5)
IGNORED = -100
Batch = tuple[np.ndarray, np.ndarray]  # inputs and labels, see mask_tokens


def raise_open_file_limit(files: int) -> None:
    """Let this process open ``files`` more files; each memory-mapped file counts as open.

    The usual soft limit is 1,024; a process may raise it up to the hard limit. Raises UserError if that is too low.
    """
    needed = files + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UserError(
            f"ulimit -n: {hard} open files are allowed, {needed} are needed for the token shards; raise the limit"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class Corpus:
    """The token shards of a corpus, memory-mapped; chunks are numbered through all shards in the order given."""

    def __init__(self, shards: list[tuple[Path, Path]]):
        """``shards``: (tokens, index) files of each genome, as the tokenizer stage writes them."""
        raise_open_file_limit(2 * len(shards))
        self.tokens = [np.load(tokens, mmap_mode="r") for tokens, _ in shards]
        self.index = [np.load(index, mmap_mode="r") for _, index in shards]
        self.ends = np.cumsum([len(index) for index in self.index])
        self.training, self.validation = self._numbers(False), self._numbers(True)
        if not len(self.training):
            raise UserError(f"{shards[0][1]}: the corpus has no training chunks; check genomes.chunk")

    def _numbers(self, validation: bool) -> np.ndarray:
        """Numbers of the non-empty training or validation chunks; uint32, because there may be 10^8 of them."""
        parts = [
            np.flatnonzero((index["validation"] == validation) & (index["length"] > 0)) + (end - len(index))
            for index, end in zip(self.index, self.ends, strict=True)
        ]
        return np.concatenate([part.astype(np.uint32) for part in parts])

    def chunk(self, number: int) -> np.ndarray:
        """Token ids of one chunk, without special tokens."""
        shard = int(np.searchsorted(self.ends, number, side="right"))
        row = self.index[shard][number - self.ends[shard]]
        return self.tokens[shard][row["start"] : row["start"] + row["length"]]

    def rows(self, chunks: np.ndarray, length: int, offsets: np.ndarray) -> np.ndarray:
        """Rows ``[CLS] tokens [SEP]`` padded to ``length``, shape [chunks, length], int64.

        Each row is a window of its chunk, centred on the token at the relative position ``offsets`` in [0, 1). A
        window that would reach beyond an end is moved to that end, so every token is seen at least half as often as
        the average token.
        """
        rows, fitting = np.full((len(chunks), length), PAD, dtype=np.int64), length - 2
        rows[:, 0] = CLS
        for row, number, offset in zip(rows, chunks, offsets, strict=True):
            tokens = self.chunk(number)
            begin = int(offset * len(tokens)) - fitting // 2
            begin = max(min(begin, len(tokens) - fitting), 0)
            piece = tokens[begin : begin + fitting]
            row[1 : 1 + len(piece)] = piece
            row[1 + len(piece)] = SEP
        return rows


def corpus_digest(shards: list[tuple[Path, Path]]) -> str:
    """SHA-256 over the bytes of all shards, in their order; the files are read in parallel."""
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(digest, [path for pair in shards for path in pair]))
    return hashlib.sha256("".join(digests).encode()).hexdigest()


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


def mask_tokens(rows: np.ndarray, share: float, run: int, vocab_size: int, *key: object) -> Batch:
    """Mask tokens for prediction; returns (inputs, labels), both shaped like ``rows``.

    Runs of ``run`` tokens are chosen: each token starts one independently with probability ``share / run``. Of the
    chosen tokens 80% become [MASK], 10% a random token, and 10% stay. Special tokens are never chosen. Labels are
    IGNORED at all other positions.
    """
    random = generator(*key)
    chosen = random.random(rows.shape) < share / run
    for _ in range(run - 1):
        chosen[:, 1:] |= chosen[:, :-1].copy()
    chosen &= rows > MASK
    fate = random.random(rows.shape)
    replacement = random.integers(MASK + 1, vocab_size, size=rows.shape)
    inputs = np.where(chosen & (fate < 0.8), MASK, rows)
    inputs = np.where(chosen & (fate >= 0.9), replacement, inputs)
    return inputs, np.where(chosen, rows, IGNORED)


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


def unigram_entropy(labels: np.ndarray) -> float:
    """Entropy in nats of the tokens to predict: the lowest loss of a model that ignores the context."""
    counts = np.bincount(labels[labels != IGNORED])
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
