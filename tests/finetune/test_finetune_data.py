"""Rows are read with their mistakes named by line, and tokens reach the model as they should."""

import numpy as np
import pytest
import torch

from workflow_scripts.common.errors import UserError
from workflow_scripts.finetune.data import (
    Rows,
    Tokens,
    by_length,
    collate,
    labelled,
    read_rows,
    read_splits,
    training_order,
)
from workflow_scripts.finetune.encoders import Encoder, load_tokenizer

LABELS = np.array([0, 1, 0])


@pytest.fixture
def csv_file(tmp_path):
    def csv_file(text: str, name: str = "train.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return csv_file


@pytest.fixture
def encoder(base):
    return Encoder(base, load_tokenizer(base, trust_remote_code=False), kmer=0, longest=0, typed=True)


def tokenize(encoder: Encoder, rows: Rows, max_tokens: int) -> Tokens:
    return labelled(encoder.encode(rows.texts, max_tokens), rows.labels)


def lengths(tokens: Tokens) -> list[int]:
    return [len(ids) for ids in tokens.ids]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_rows_of_one_sequence_and_of_two(csv_file, end):
    rows = read_rows(csv_file(end.join(["sequence,label", "ACGT,0", "GG,12", ""])))
    assert rows.texts == ["ACGT", "GG"] and rows.labels.tolist() == [0, 12]
    rows = read_rows(csv_file(end.join(["enhancer,promoter,label", "ACGT,GG,1", ""])))
    assert rows.texts == [("ACGT", "GG")] and rows.labels.tolist() == [1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ":1: header ''; expected"),
        ("ACGT,0\nGG,1\n", ":1: header 'ACGT,0'; expected 'sequence,label'"),
        ("a,b,c,label\nA,C,G,1\n", ":1: header 'a,b,c,label'; expected"),
        ("sequence,label\nACGT,0\nGG\n", ":3: 1 columns where the header has 2"),
        ("sequence,label\nACGT,GG,0\n", ":2: 3 columns where the header has 2"),
        ("sequence,label\nACGT,0\nGG,one\n", ":3: label 'one' is not an integer; number classes from 0"),
        ("sequence,label\nACGT,-1\n", ":2: label '-1' is not an integer"),
        ("sequence,label\nACGT,1.0\n", ":2: label '1.0' is not an integer"),
        ("sequence,label\nACGT,\n", ":2: label '' is not an integer"),
        ("sequence,label\n", ": no rows; every split needs some"),
    ],
)
def test_mistakes_are_named_by_file_and_line(csv_file, text, told):
    path = csv_file(text)
    with pytest.raises(UserError) as caught:
        read_rows(path)
    assert str(caught.value).startswith(f"{path}{told}")
    assert "\n" not in str(caught.value)


def test_class_that_training_never_shows_is_refused(csv_file, tmp_path):
    csv_file("sequence,label\nA,0\nC,1\n", "train.csv")
    csv_file("sequence,label\nA,0\n", "dev.csv")
    csv_file("sequence,label\nA,0\nG,2\n", "test.csv")
    with pytest.raises(UserError, match=rf"^{tmp_path}/test\.csv: label 2 does not occur in train\.csv$"):
        read_splits(tmp_path)
    csv_file("sequence,label\nA,1\n", "test.csv")
    assert {split: len(rows.labels) for split, rows in read_splits(tmp_path).items()} == {
        "train": 2,
        "dev": 1,
        "test": 1,
    }


def test_sequences_are_framed_and_uncut_without_a_limit(encoder):
    tokens = tokenize(encoder, Rows(["ACGT" * n for n in (1, 5, 100)], LABELS), 0)
    assert all(ids[0] == 1 and ids[-1] == 2 for ids in tokens.ids)
    assert tokens.types is None and tokens.truncated == 0
    spelled = [encoder.tokenizer.decode(ids[1:-1]).replace(" ", "") for ids in tokens.ids]
    assert spelled == ["ACGT" * n for n in (1, 5, 100)]


def test_rows_that_are_cut_are_counted(encoder):
    rows = Rows(["ACGT", "ACGT" * 30, "TTTT" * 30, "A"], np.array([0, 1, 0, 1]))
    whole = tokenize(encoder, rows, 0)
    cut = tokenize(encoder, rows, 8)
    assert cut.truncated == 0.5
    assert lengths(cut) == [min(length, 8) for length in lengths(whole)]
    assert all(ids[0] == 1 and ids[-1] == 2 for ids in cut.ids)
    assert np.array_equal(cut.ids[1][:7], whole.ids[1][:7])
    longest = max(lengths(whole))
    assert tokenize(encoder, rows, longest).truncated == 0
    assert tokenize(encoder, rows, longest - 1).truncated > 0
    # a limit does not outlive its call
    assert lengths(tokenize(encoder, rows, 0)) == lengths(whole)


def test_pairs_have_token_types(encoder):
    tokens = tokenize(encoder, Rows([("ACGTTGCA", "GGTTAA")] * 3, LABELS), 0)
    ids, types = tokens.ids[0], tokens.types[0]
    first = int(np.flatnonzero(ids == 2)[0]) + 1
    assert types.tolist() == [0] * first + [1] * (len(ids) - first)
    assert (ids == 2).sum() == 2
    cut = tokenize(encoder, Rows([("ACGT" * 30, "GGTT" * 30)] * 3, LABELS), 20)
    assert lengths(cut) == [20] * 3 and cut.truncated == 1
    assert 0 < cut.types[0].sum() < 20, "both sequences keep a part"


def test_batches_are_padded_to_their_longest_row(encoder):
    tokens = tokenize(encoder, Rows([("A", "C"), ("ACGT" * 5, "GG"), ("ACGT" * 50, "T")], LABELS), 0)
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
    single = tokenize(encoder, Rows(["A", "C", "G"], LABELS), 0)
    assert set(collate(single, np.array([0]), 3, torch.device("cpu"))) == {"input_ids", "attention_mask"}


def test_every_epoch_has_every_row_once_in_an_order_of_its_own():
    def order(seed: int, epoch: int) -> list[int]:
        batches = list(training_order(70, 32, seed, epoch))
        assert [len(batch) for batch in batches] == [32, 32, 6]
        return np.concatenate(batches).tolist()

    orders = [order(42, 0), order(42, 1), order(43, 0)]
    assert all(sorted(one) == list(range(70)) for one in orders)
    assert orders[0] != orders[1] and orders[0] != orders[2]
    assert orders[0] == order(42, 0)


def test_prediction_takes_rows_of_like_length_together(encoder):
    rows = Rows(["ACGT" * (n * 7 % 10 + 1) for n in range(25)], np.zeros(25, int))
    tokens = tokenize(encoder, rows, 0)
    order = np.concatenate(list(by_length(tokens, 8)))
    assert sorted(order.tolist()) == list(range(25))
    ordered = [lengths(tokens)[row] for row in order]
    assert ordered == sorted(ordered)
