"""What simple predictors need at [MASK] places, on sequences whose entropy is known."""

import math
from pathlib import Path

import numpy as np
import pytest

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.kmer_tokenizers import encode
from workflow_scripts.common.token_shards import Corpus
from workflow_scripts.inference.markov import MAX_ORDER, Markov
from workflow_scripts.inference.masking import IGNORED, MASK, mask_tokens
from workflow_scripts.inference.reference_predictors import BothSides, Counts, reference_figures, rows_of
from workflow_scripts.inference.spelling import Spelling
from workflow_scripts.tokenizer.encode_genome import INDEX

CLS, SEP = 1, 2
NUCLEOTIDES = Spelling(kmer_tokenizers.build("nucleotide"))
KMERS = Spelling(kmer_tokenizers.build("kmer", 3))
OVERLAPPING = Spelling(kmer_tokenizers.build("kmer_overlapping", 3))


def random_letters(length: int, key: int) -> str:
    return "".join(np.random.default_rng(key).choice(list("ACGT"), length))


@pytest.fixture
def case(tmp_path: Path):
    """A corpus of training sequences in tokens of a kind, and a batch of other sequences with masks."""

    def case(kind: str, k: int, training: list[str], rows: list[str], run: int = 1, share: float = 0.15):
        ids, counts = encode(training, kind, k)
        index = np.zeros(len(counts), INDEX)
        index["length"] = counts
        index["start"] = np.cumsum(counts) - counts
        np.save(tmp_path / "x.npy", ids.astype(np.uint16))
        np.save(tmp_path / "x.index.npy", index)
        corpus = Corpus([(tmp_path / "x.npy", tmp_path / "x.index.npy")])
        tokens, counts = encode(rows, kind, k)
        matrix = np.stack(
            [np.concatenate([[CLS], row, [SEP]]) for row in np.split(tokens.astype(np.int64), np.cumsum(counts)[:-1])]
        )
        return corpus, mask_tokens(matrix, share, run, int(ids.max()) + 1, "key")

    return case


def test_random_bases_cost_two_bits_for_everyone(case):
    corpus, batch = case("nucleotide", 1, [random_letters(100_000, 0)], [random_letters(300, n) for n in range(1, 30)])
    figures = reference_figures(corpus, batch, NUCLEOTIDES)
    assert figures["unigram_loss"] == pytest.approx(math.log(4), abs=0.01)
    assert figures["markov_bits_per_base"][:4] == pytest.approx([2] * 4, abs=0.02)
    assert figures["both_sides_loss"][:3] == pytest.approx([math.log(4)] * 3, abs=0.02)
    assert figures["copy"]["bits_per_base"] == pytest.approx(2, abs=0.1)


def test_a_markov_model_of_enough_order_knows_a_sequence_that_three_bases_predict(case):
    """In AACG repeated, one base before tells C, G and A A, two tell all."""
    corpus, batch = case("nucleotide", 1, ["AACG" * 5000], ["AACG" * 30] * 20)
    figures = reference_figures(corpus, batch, NUCLEOTIDES)
    markov = figures["markov_bits_per_base"]
    assert markov[0] == pytest.approx(1.5, abs=0.1) and 0.3 < markov[1] < 0.8
    assert markov[3] < figures["both_sides_loss"][0] / math.log(2) + 0.5
    assert figures["both_sides_loss"][3] < 0.15, "what stands on both sides tells the base"


def test_the_side_after_a_place_counts_as_much_as_the_side_before_it(case):
    """A base and the one after it always agree in pairs: the first of a pair is random, and told by what follows."""
    random = np.random.default_rng(0)

    def doubled(length: int) -> str:
        return "".join(letter * 2 for letter in random.choice(list("ACGT"), length // 2))

    corpus, (_inputs, _labels) = case("nucleotide", 1, [doubled(40_000)], ["AC"])
    counts = Counts(corpus, NUCLEOTIDES)
    row = np.array([[CLS, *(5 + "ACGT".index(base) for base in doubled(200)), SEP]])
    labels = np.where(np.arange(row.shape[1]) == 101, row, IGNORED)  # the first base of a pair
    rows = rows_of((np.where(labels == IGNORED, row, MASK), labels), NUCLEOTIDES)
    place = rows[0].places[0]
    assert len(place.left) == len(place.right) == MAX_ORDER
    assert BothSides(counts, NUCLEOTIDES).losses(place, 1).min() < math.log(4) - 0.3
    loss_without = BothSides(counts, NUCLEOTIDES).losses(place, 0).min()
    assert loss_without == pytest.approx(math.log(4), abs=0.02)


def test_the_unigram_is_of_the_training_tokens_on_every_masked_place(case, monkeypatch):
    """Not of the frequencies of the masked tokens themselves, nor of the rows that the other predictors read."""
    monkeypatch.setattr("workflow_scripts.inference.reference_predictors.MAX_PLACES", 50)
    training = ["".join(np.random.default_rng(5).choice(list("ACGT"), 60_000, p=[0.7, 0.1, 0.1, 0.1]))]
    corpus, (inputs, labels) = case("nucleotide", 1, training, [random_letters(300, n) for n in range(20)])
    figures = reference_figures(corpus, (inputs, labels), NUCLEOTIDES)
    shares = np.bincount(corpus.chunk(0))[5:] / 60_000
    masked = np.bincount(labels[inputs == MASK])[5:]
    expected = -(masked * np.log(shares)).sum() / masked.sum()
    assert figures["unigram_loss"] == pytest.approx(expected, abs=1e-3)
    assert figures["unigram_loss"] > math.log(4) + 0.2, "more than the entropy of the masked tokens"
    assert figures["places"] < masked.sum() / 2


def test_order_0_on_both_sides_is_the_unigram(case):
    training = ["".join(np.random.default_rng(5).choice(list("ACGT"), 60_000, p=[0.4, 0.1, 0.2, 0.3]))]
    corpus, batch = case("kmer", 3, training, [random_letters(300, n) for n in range(9)])
    counts, rows = Counts(corpus, KMERS), rows_of(batch, KMERS)
    predictor = BothSides(counts, KMERS)
    for place in rows[0].places:
        assert predictor.losses(place, 0) == pytest.approx([-counts.log_frequencies[place.token]] * 4)


def test_probabilities_on_both_sides_add_up_to_one(case):
    corpus, batch = case("kmer", 3, [random_letters(20_000, 3)], [random_letters(300, 1)])
    predictor, place = BothSides(Counts(corpus, KMERS), KMERS), rows_of(batch, KMERS)[0].places[0]
    chances = []
    for token in range(5, len(KMERS.words)):
        place.token = token
        chances.append(np.exp(-predictor.losses(place, 4)))
    assert np.sum(chances, axis=0) == pytest.approx(np.ones(4))


def test_a_repeat_in_the_row_is_copied_on_either_strand(case):
    """The rows repeat a random word, or have its reverse complement; the training sequences do not know it."""
    words = [random_letters(100, 100 + n) for n in range(20)]
    reverse = [word.translate(str.maketrans("ACGT", "TGCA"))[::-1] for word in words]
    rows = [*(word * 2 for word in words), *(word + back for word, back in zip(words, reverse, strict=True))]
    corpus, batch = case("nucleotide", 1, [random_letters(50_000, 0)], rows, share=0.04)
    figures = reference_figures(corpus, batch, NUCLEOTIDES)
    assert min(figures["markov_bits_per_base"]) > 1.95
    assert figures["copy"]["bits_per_base"] < 1.2


def test_a_masked_base_is_not_seen_by_any_predictor(case):
    """Masked bases of the batch may be anything: what is predicted for the others stays the same."""
    _, (inputs, labels) = case("nucleotide", 1, ["AACG" * 5000], ["AACG" * 30])
    rows = rows_of((inputs, labels), NUCLEOTIDES)
    other = np.where((inputs == MASK) & (np.arange(inputs.shape[1]) > 60), 5, labels)
    changed = rows_of((inputs, other), NUCLEOTIDES)
    for before, after in zip(rows[0].places, changed[0].places, strict=True):
        assert np.array_equal(before.left, after.left) and np.array_equal(before.right, after.right)
    assert np.array_equal(rows[0].visible, changed[0].visible)


def test_overlapping_tokens_hide_only_the_bases_that_no_visible_token_shows(case):
    """Three masked 3-mers in a row hide one base, which is the middle of all three."""
    corpus, _ = case("kmer_overlapping", 3, [random_letters(20_000, 0)], [random_letters(50, 1)])
    ids, _ = encode([random_letters(20, 2)], "kmer_overlapping", 3)
    row = np.concatenate([[CLS], ids.astype(np.int64), [SEP]])[None]
    chosen = np.isin(np.arange(row.shape[1]), [5, 6, 7])
    batch = (np.where(chosen, MASK, row), np.where(chosen, row, IGNORED))
    places = rows_of(batch, OVERLAPPING)[0]
    assert places.hidden.sum() == 1 and len(places.places) == 3
    figures = reference_figures(corpus, batch, OVERLAPPING)
    assert figures["both_sides_loss"] is None and figures["markov_bits_per_base"][0] == pytest.approx(2, abs=0.2)
    single = (np.where(np.arange(row.shape[1]) == 6, MASK, row), np.where(np.arange(row.shape[1]) == 6, row, IGNORED))
    assert reference_figures(corpus, single, OVERLAPPING) is None, "its neighbours show all of its bases"


def test_higher_orders_fall_back_to_lower_ones_where_little_was_seen():
    markov = Markov(np.frombuffer(b"\0\1\2\3" * 3, np.uint8))
    context = np.array([0, 1, 2, 3])
    unseen = markov.cost(context, np.full(4, 8), np.array([0, 0, 0, 0]), 8)
    assert np.isfinite(unseen).all()
    assert markov.cost(np.array([0]), np.array([0]), np.array([2]), 8) == pytest.approx(2)
