"""Sequences become tokens that say which bases they stand for, and batches of similar length."""

import numpy as np
import pytest
import torch

from workflow_scripts.inference.encoders import TokenizerEncoder, load_tokenizer
from workflow_scripts.inference.encoding import Encoded, by_length, collate, other_strand


@pytest.fixture
def encoder(base):
    return TokenizerEncoder(base, load_tokenizer(base, trust_remote_code=False), kmer=0, longest=0, typed=True)


def lengths(encoded: Encoded) -> list[int]:
    return [len(ids) for ids in encoded.ids]


def test_sequences_are_framed_and_uncut_without_a_limit(encoder):
    tokens = encoder.encode(["ACGT" * n for n in (1, 5, 100)], 0)
    assert all(ids[0] == 1 and ids[-1] == 2 for ids in tokens.ids)
    assert tokens.types is None and tokens.truncated == 0
    spelled = [encoder.tokenizer.decode(ids[1:-1]).replace(" ", "") for ids in tokens.ids]
    assert spelled == ["ACGT" * n for n in (1, 5, 100)]


def test_rows_that_are_cut_are_counted(encoder):
    rows = ["ACGT", "ACGT" * 30, "TTTT" * 30, "A"]
    whole = encoder.encode(rows, 0)
    cut = encoder.encode(rows, 8)
    assert cut.truncated == 0.5
    assert lengths(cut) == [min(length, 8) for length in lengths(whole)]
    assert all(ids[0] == 1 and ids[-1] == 2 for ids in cut.ids)
    assert np.array_equal(cut.ids[1][:7], whole.ids[1][:7])
    longest = max(lengths(whole))
    assert encoder.encode(rows, longest).truncated == 0
    assert encoder.encode(rows, longest - 1).truncated > 0
    # a limit does not outlive its call
    assert lengths(encoder.encode(rows, 0)) == lengths(whole)


def test_pairs_have_token_types(encoder):
    tokens = encoder.encode([("ACGTTGCA", "GGTTAA")] * 3, 0)
    ids, types = tokens.ids[0], tokens.types[0]
    first = int(np.flatnonzero(ids == 2)[0]) + 1
    assert types.tolist() == [0] * first + [1] * (len(ids) - first)
    assert (ids == 2).sum() == 2
    cut = encoder.encode([("ACGT" * 30, "GGTT" * 30)] * 3, 20)
    assert lengths(cut) == [20] * 3 and cut.truncated == 1
    assert 0 < cut.types[0].sum() < 20, "both sequences keep a part"


def test_batches_are_padded_to_their_longest_row(encoder):
    tokens = encoder.encode([("A", "C"), ("ACGT" * 5, "GG"), ("ACGT" * 50, "T")], 0)
    batch = collate(tokens, np.array([1, 0]), 3, torch.device("cpu"))
    assert set(batch) == {"input_ids", "attention_mask", "token_type_ids"}
    assert batch["input_ids"].shape[1] == len(tokens.ids[1]) < len(tokens.ids[2])
    for line, row in enumerate((1, 0)):
        length = len(tokens.ids[row])
        assert batch["input_ids"][line, :length].tolist() == tokens.ids[row].tolist()
        assert torch.all(batch["input_ids"][line, length:] == 3)
        assert batch["attention_mask"][line].tolist() == [1] * length + [0] * (len(tokens.ids[1]) - length)
        assert batch["token_type_ids"][line, :length].tolist() == tokens.types[row].tolist()
        assert torch.all(batch["token_type_ids"][line, length:] == 0)
    single = encoder.encode(["A", "C", "G"], 0)
    assert set(collate(single, np.array([0]), 3, torch.device("cpu"))) == {"input_ids", "attention_mask"}


def test_other_strand_of_a_sequence_and_of_both_of_a_pair():
    assert other_strand("AACGTN") == "NACGTT"
    assert other_strand(("AAC", "GGT")) == ("GTT", "ACC")


def test_prediction_takes_rows_of_like_length_together(encoder):
    rows = ["ACGT" * (n * 7 % 10 + 1) for n in range(25)]
    tokens = encoder.encode(rows, 0)
    order = np.concatenate(list(by_length(tokens, 8)))
    assert sorted(order.tolist()) == list(range(25))
    ordered = [lengths(tokens)[row] for row in order]
    assert ordered == sorted(ordered)
