"""What the [MASK] places of a batch cost predictors that are no neural network: what a model has to beat.

- unigram: the frequencies of the training tokens, without context. A predictor that copies its input is no better on
  [MASK] places.
- markov: bases by a Markov model of order 0 to 8, each from the visible bases before it and those of its own token
  before it. It is told where the token ends, which the others must predict.
- both sides: tokens by the unigram, times what a Markov model says of each token between the visible bases on both
  sides, the context that the model has, to the power of a weight. Not for overlapping tokens.
- copy: bases by what follows the same k bases elsewhere in the visible row, on either strand, over the best of
  ``markov``.

k and weights are the best on these very places, in favour of the predictors. All are counted on training chunks. Of
all but the unigram, rows beyond MAX_PLACES places are left out, evenly.
"""

import math
from collections import defaultdict
from typing import Any

import numpy as np

from workflow_scripts.common.sequences import BASES, OTHER
from workflow_scripts.common.special_tokens import FIRST_BASE
from workflow_scripts.common.token_shards import Corpus
from workflow_scripts.inference.markov import MAX_ORDER, Markov
from workflow_scripts.inference.masked_loss import visible_row
from workflow_scripts.inference.masking import MASK, Batch
from workflow_scripts.inference.spelling import Spelling, uncovered

TRAINING_CHUNKS = 50_000  # at most these many, spread evenly, are counted
MAX_PLACES = 8_000
COPIED = (4, 6, 8, 11, 16)
COPY_WEIGHTS = (0.25, 1.0, 4.0, 16.0)
EVIDENCE_WEIGHTS = (0.25, 0.5, 0.75, 1.0)
WORDS = 4**MAX_ORDER
REVERSE = np.array([3, 2, 1, 0, OTHER], np.uint8)


class Counts:
    """Token frequencies and a Markov model of a corpus."""

    def __init__(self, corpus: Corpus, spelling: Spelling) -> None:
        chunks = [corpus.chunk(number) for number in corpus.training_sample(TRAINING_CHUNKS)]
        tokens = np.bincount(np.concatenate(chunks), minlength=len(spelling.words)) + 1.0
        tokens[:FIRST_BASE] = 1e-9  # special tokens are never to be predicted
        self.log_frequencies = np.log(tokens / tokens.sum())
        gap = np.array([OTHER], np.uint8)
        self.markov = Markov(np.concatenate([part for chunk in chunks for part in (spelling.bases(chunk), gap)]))


class Place:
    """A [MASK] place of a row: its token, the bases that this covers, and the visible ones right around it."""

    def __init__(self, row: "Row", number: int) -> None:
        self.token = int(row.ids[number])
        self.start = int(row.starts[number])
        self.end = self.start + int(row.lengths[number])
        self.left, self.right = row.visible_before(self.start), row.visible_after(self.end)


class Row:
    """A row of tokens with masked places, in bases."""

    def __init__(self, ids: np.ndarray, given: np.ndarray, spelling: Spelling) -> None:
        self.ids = ids
        self.starts, self.lengths = spelling.spans(ids)
        self.codes = spelling.bases(ids)
        self.hidden = uncovered(self.starts, self.lengths, given == ids)
        self.visible = np.where(self.hidden, OTHER, self.codes)
        self.places = [Place(self, number) for number in np.flatnonzero(given == MASK).tolist()]

    def visible_before(self, start: int) -> np.ndarray:
        """The at most MAX_ORDER visible bases right before a place, up to the first hidden one."""
        before = self.visible[max(start - MAX_ORDER, 0) : start]
        unknown = np.flatnonzero(before == OTHER)
        return before[unknown[-1] + 1 :] if len(unknown) else before

    def visible_after(self, end: int) -> np.ndarray:
        """The at most MAX_ORDER visible bases right after a place, up to the first hidden one."""
        after = self.visible[end : end + MAX_ORDER]
        unknown = np.flatnonzero(after == OTHER)
        return after[: unknown[0]] if len(unknown) else after


def rows_of(batch: Batch, spelling: Spelling) -> list[Row]:
    """The rows of a batch, at most as many as have about MAX_PLACES places."""
    inputs, labels = batch
    every = max(math.ceil((inputs == MASK).sum() / MAX_PLACES), 1)
    return [Row(*visible_row(*row), spelling) for row in zip(inputs[::every], labels[::every], strict=True)]


def number_of(codes: np.ndarray) -> int:
    """Bases as a number in base 4."""
    return int(sum(int(code) << 2 * place for place, code in enumerate(codes[::-1])))


def hidden_bases_of(rows: list[Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Context (number), known bases of it, and base, of each hidden base of each [MASK] place."""
    contexts, known, bases = [], [], []
    for row in rows:
        for place in row.places:
            inside = row.codes[place.start : place.end]
            line = np.concatenate([place.left, inside])
            for offset in range(len(inside)):
                if row.hidden[place.start + offset] and inside[offset] < OTHER:
                    end = len(place.left) + offset
                    begin = max(end - MAX_ORDER, 0)
                    contexts.append(number_of(line[begin:end]))
                    known.append(end - begin)
                    bases.append(inside[offset])
    return np.array(contexts, np.int64), np.array(known, np.int64), np.array(bases, np.int64)


def unigram(batch: Batch, counts: Counts) -> float:
    """Mean cross-entropy in nats per token, over all [MASK] places: those of the loss of a model."""
    inputs, labels = batch
    return float(-counts.log_frequencies[labels[inputs == MASK]].mean())


class BothSides:
    """The probabilities of all tokens at a place by unigram and Markov model, see the module."""

    def __init__(self, counts: Counts, spelling: Spelling) -> None:
        self.markov, self.log_frequencies = counts.markov, counts.log_frequencies
        self.lengths = spelling.lengths
        codes = spelling.codes.astype(np.int64)
        self.codes = np.where(codes < OTHER, codes, 0)
        # the first bases of each token as numbers, by how many
        self.prefixes = [np.zeros(len(codes), np.int64)]
        for place in range(codes.shape[1]):
            inside = place < self.lengths
            longer = (self.prefixes[-1] * 4 + self.codes[:, place]) % WORDS  # the last MAX_ORDER bases are enough
            self.prefixes.append(np.where(inside, longer, self.prefixes[-1]))
        self.alone = [self._spelled(0, 0, order) for order in range(MAX_ORDER + 1)]

    def _spelled(self, context: int, known: int, order: int) -> np.ndarray:
        """Bits of the first ``order`` bases of each token, the only ones that see ``context``."""
        bits = np.zeros(len(self.lengths))
        for place in range(min(order, self.codes.shape[1])):
            number = (context << 2 * place) + self.prefixes[place]
            cost = self.markov.cost(number, np.array(min(known + place, order)), self.codes[:, place], order)
            bits += np.where(place < self.lengths, cost, 0)
        return bits

    def losses(self, place: Place, order: int) -> np.ndarray:
        """Nats of the token of a place, for each of EVIDENCE_WEIGHTS."""
        left = place.left[-order:] if order else place.left[:0]
        context, known = number_of(left), len(left)
        bits = self._spelled(context, known, order) - self.alone[order]
        number = (context << 2 * np.minimum(self.lengths, MAX_ORDER)) + self.prefixes[-1]
        seen = known + self.lengths
        for code in place.right[:order].astype(np.int64):
            bits += self.markov.cost(number, seen, code, order)
            number, seen = (number % WORDS) * 4 + code, seen + 1
        scores = self.log_frequencies - np.outer(EVIDENCE_WEIGHTS, bits * math.log(2))
        scores -= scores.max(axis=1, keepdims=True)
        return np.log(np.exp(scores).sum(axis=1)) - scores[:, place.token]


def copies(row: Row, k: int) -> dict[int, np.ndarray]:
    """How often each base follows each word of k bases in the visible row, on either strand."""
    found: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(len(BASES)))
    for strand in (row.visible, REVERSE[row.visible[::-1]]):
        if len(strand) <= k:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(strand, k + 1)
        known = windows[(windows < OTHER).all(axis=1)].astype(np.int64)
        words = known[:, :k] @ (4 ** np.arange(k - 1, -1, -1, dtype=np.int64))
        for word, base in zip(words.tolist(), known[:, k].tolist(), strict=True):
            found[word][base] += 1
    return found


def copied_counts(rows: list[Row], k: int) -> np.ndarray:
    """Of each hidden base (in the order of hidden_bases_of) how often each base follows its k bases, [bases, 4]."""
    counts = []
    nothing = np.zeros(len(BASES))
    for row in rows:
        found = copies(row, k)
        for place in row.places:
            line = row.visible[: place.end].copy()
            line[place.start :] = row.codes[place.start : place.end]
            for offset in range(place.start, place.end):
                if row.hidden[offset] and row.codes[offset] < OTHER:
                    context = line[max(offset - k, 0) : offset]
                    usable = len(context) == k and (context < OTHER).all()
                    counts.append(found.get(number_of(context), nothing) if usable else nothing)
    return np.array(counts).reshape(-1, len(BASES))


def copy_bits(rows: list[Row], markov_bits: np.ndarray, bases: np.ndarray) -> dict[str, Any]:
    """The best copy model: ``markov_bits``: of each base at each hidden base [bases, 4]."""
    best: dict[str, Any] = {"bits_per_base": math.inf}
    prior = 2.0**-markov_bits
    everywhere = np.arange(len(bases))
    for k in COPIED:
        found = copied_counts(rows, k)
        for weight in COPY_WEIGHTS:
            chances = (found * weight + prior) / (found.sum(axis=1, keepdims=True) * weight + 1)
            bits = float(-np.log2(chances[everywhere, bases]).mean())
            if bits < best["bits_per_base"]:
                best = {"k": k, "weight": weight, "bits_per_base": bits}
    return best


def reference_figures(corpus: Corpus, batch: Batch, spelling: Spelling) -> dict[str, Any] | None:
    """What the [MASK] places of a batch cost each predictor; None if there are none.

    ``unigram_loss`` and ``both_sides`` [orders 1 to 8] in nats per token, ``markov`` [orders 0 to 8] and ``copy`` in
    bits per base.
    """
    rows = rows_of(batch, spelling)
    contexts, known, bases = hidden_bases_of(rows)
    if not len(bases):
        return None
    counts = Counts(corpus, spelling)
    markov = [float(counts.markov.cost(contexts, known, bases, order).mean()) for order in range(MAX_ORDER + 1)]
    best = int(np.argmin(markov))
    every_base = [counts.markov.cost(contexts, known, np.full(len(bases), base), best) for base in range(len(BASES))]
    both_sides = None
    if not spelling.overlapping:
        predictor = BothSides(counts, spelling)
        places = [place for row in rows for place in row.places]
        both_sides = [
            float(np.mean([predictor.losses(place, order) for place in places], axis=0).min())
            for order in range(1, MAX_ORDER + 1)
        ]
    return {
        "places": sum(len(row.places) for row in rows),
        "unigram_loss": unigram(batch, counts),
        "markov_bits_per_base": markov,
        "both_sides_loss": both_sides,
        "copy": copy_bits(rows, np.column_stack(every_base), bases),
    }
