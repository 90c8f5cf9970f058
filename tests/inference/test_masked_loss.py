"""Losses by kind of place: a model that copies its input is told from one that learned."""

import math

import numpy as np
import pytest
import torch

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.inference.masked_loss import MaskedLoss, Tally, bases_to_predict, bits_per_base
from workflow_scripts.inference.masking import IGNORED, MASK, mask_tokens
from workflow_scripts.inference.spelling import Spelling

VOCABULARY = 4096
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def batch():
    """A thousand rows of a hundred tokens, [CLS] and [SEP]."""
    rows = RANDOM.integers(MASK + 1, VOCABULARY, (1000, 102))
    rows[:, 0], rows[:, -1] = 1, 2
    return mask_tokens(rows, 0.15, 1, VOCABULARY, "key")


class Given(torch.nn.Module):
    """Stands for a model: logits at the chosen positions are a function of what it is given there and of the label."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def masked_logits(self, inputs, mask, positions):
        return self.logits(inputs[positions])


def tally_of(batch, logits) -> Tally:
    inputs, labels = map(torch.from_numpy, batch)
    _, sums = MaskedLoss(Given(logits))(inputs, labels, labels != IGNORED, None)
    return Tally(sums.numpy())


def copying(given: torch.Tensor) -> torch.Tensor:
    """Certain that each place is what it shows; without an opinion at [MASK]."""
    logits = torch.zeros(len(given), VOCABULARY)
    logits[torch.arange(len(given)), given] = torch.where(given == MASK, 0.0, 20.0)
    return logits


def test_kinds_are_told_apart(batch):
    inputs, labels = batch
    chosen = labels != IGNORED
    masked, unchanged = chosen & (inputs == MASK), chosen & (inputs == labels)
    replaced = chosen & (inputs != MASK) & (inputs != labels)
    counts = tally_of(batch, copying).sums[:, 2]
    assert counts.tolist() == [masked.sum(), replaced.sum(), unchanged.sum()] and counts.sum() == chosen.sum()
    assert (counts / chosen.sum()).tolist() == pytest.approx([0.8, 0.1, 0.1], abs=0.02)


def test_a_model_that_copies_is_right_where_tokens_are_unchanged_and_nowhere_else(batch):
    """Its loss over all places falls below that of frequencies if copying is cheap; at [MASK] it knows nothing."""
    tally = tally_of(batch, copying)
    figures = tally.figures()
    assert figures["unchanged_accuracy"] == 1 and figures["unchanged_loss"] < 1e-3
    assert figures["replaced_accuracy"] == 0 and figures["replaced_loss"] > 15
    assert figures["mask_loss"] == pytest.approx(math.log(VOCABULARY), abs=1e-3) and figures["mask_accuracy"] < 0.01


@pytest.mark.slow
def test_sums_by_kind_add_up_to_the_loss_over_all_places(batch):
    inputs, labels = map(torch.from_numpy, batch)
    table = torch.from_numpy(RANDOM.normal(size=(VOCABULARY, VOCABULARY)).astype(np.float32))
    logits = table[inputs[labels != IGNORED]]
    whole = torch.nn.functional.cross_entropy(logits, labels[labels != IGNORED])
    tally = tally_of(batch, lambda given: table[given])
    assert tally.objective() == pytest.approx(whole.item(), rel=1e-5)
    assert tally.tokens == int((labels != IGNORED).sum())


@pytest.mark.slow
def test_places_beyond_the_labels_count_for_nothing(batch):
    inputs, labels = map(torch.from_numpy, batch)
    exact = tally_of(batch, copying)
    _, sums = MaskedLoss(Given(copying))(inputs, labels, torch.ones_like(labels, dtype=torch.bool), None)
    assert np.allclose(Tally(sums.numpy()).sums, exact.sums)


def test_tallies_add_up_and_an_empty_one_has_no_figures():
    one = Tally(np.array([[10.0, 1, 10], [4.0, 0, 2], [0.0, 3, 3]]))
    one.add(Tally(np.array([[90.0, 2, 20], [0.0, 0, 0], [0.0, 0, 0]])))
    figures = one.figures()
    assert figures["mask_loss"] == pytest.approx(100 / 30) and figures["mask_accuracy"] == pytest.approx(0.1)
    assert figures["replaced_loss"] == 2 and figures["unchanged_accuracy"] == 1
    assert one.objective() == pytest.approx(104 / 35)
    assert set(Tally().figures().values()) == {None} and Tally().objective() == 0


def test_bits_per_base_count_the_bases_that_masks_hide():
    spelling = Spelling(kmer_tokenizers.build("kmer", 3))
    words = {word: number for number, word in enumerate(spelling.words)}
    row = np.array([[1, words["ACG"], words["TTT"], words["A"], 2, 3]])
    labels = np.array([[IGNORED, words["ACG"], IGNORED, words["A"], IGNORED, IGNORED]])
    inputs = np.where(labels == IGNORED, row, MASK)
    assert bases_to_predict((inputs, labels), spelling) == 4
    inputs[0, 3] = row[0, 3]  # unchanged: it is shown
    assert bases_to_predict((inputs, labels), spelling) == 3
    assert bits_per_base(3 * math.log(4), 3) == pytest.approx(2)


def test_overlapping_tokens_hide_a_base_only_if_no_token_shows_it():
    """Masked alone, a 3-mer is spelled by its neighbours; three in a row hide one base, five hide three."""
    spelling = Spelling(kmer_tokenizers.build("kmer_overlapping", 3))
    ids, _ = kmer_tokenizers.encode(["ACGTTGCAACGTTACG"], "kmer_overlapping", 3)
    row = np.concatenate([[1], ids.astype(np.int64), [2]])[None]

    def hidden(*places: int, unchanged: tuple[int, ...] = ()) -> int:
        chosen = np.isin(np.arange(row.shape[1]), [*places, *unchanged])
        masked = np.isin(np.arange(row.shape[1]), places)
        return bases_to_predict((np.where(masked, MASK, row), np.where(chosen, row, IGNORED)), spelling)

    assert hidden(5) == 0
    assert hidden(5, 6, 7) == 3, "each of the three has the one hidden base to predict"
    assert hidden(5, 7, unchanged=(6,)) == 0, "an unchanged token shows what its neighbours hide"
