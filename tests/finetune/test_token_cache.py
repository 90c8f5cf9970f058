"""Tokens are computed once for all fits with the same tokenizer, rows and limit, and never taken unverified."""

import numpy as np
import pytest

from workflow_scripts.common.files import write_text
from workflow_scripts.finetune.datasets import read_rows
from workflow_scripts.finetune.problems import Classification
from workflow_scripts.finetune.token_cache import read, tokens_of
from workflow_scripts.inference.encoders import TokenizerEncoder, load_tokenizer
from workflow_scripts.inference.encoding import Encoded


class Counting(TokenizerEncoder):
    """An encoder that counts the texts of its calls, with a fingerprint that can be changed."""

    fingerprint = "one"

    def encode(self, texts, max_tokens, spans=False):
        self.calls.append(len(texts))
        return super().encode(texts, max_tokens, spans)


@pytest.fixture
def counting(base):
    encoder = Counting(base, load_tokenizer(base, trust_remote_code=False), kmer=0, longest=0, typed=True)
    encoder.calls = []
    return encoder


def same(one: Encoded, other: Encoded) -> bool:
    def equal(left, right) -> bool:
        return len(left) == len(right) and all(map(np.array_equal, left, right))

    types = one.types is other.types is None or equal(one.types, other.types)
    return equal(one.ids, other.ids) and types and one.truncated == other.truncated


@pytest.mark.parametrize("dataset", ["two", "pairs"])
@pytest.mark.parametrize("both", [False, True])
def test_second_fit_reads_what_the_first_has_computed(counting, datasets, tmp_path, dataset, both):
    calls = counting.calls
    path = datasets[dataset] / "train.csv"
    rows = read_rows(path, Classification)
    first, second = (tokens_of(path, rows, counting, 12, both, tmp_path / "tokens") for _ in range(2))
    assert calls == [len(rows.texts) * (1 + both)]
    assert same(first.encoded, second.encoded) and len(first.encoded.ids) == calls[0]
    assert 0 < first.encoded.truncated <= 1
    assert np.array_equal(second.labels, rows.labels)


def test_other_rows_tokenizer_limit_and_strands_are_other_tokens(counting, datasets, tmp_path):
    calls = counting.calls
    path = tmp_path / "train.csv"
    path.write_bytes((datasets["two"] / "train.csv").read_bytes())
    rows = read_rows(path, Classification)

    def computed(limit: int, both: bool) -> int:
        tokens_of(path, rows, counting, limit, both, tmp_path / "tokens")
        return len(calls)

    assert computed(0, both=False) == computed(0, both=False) == 1
    assert computed(9, both=False) == 2
    assert computed(0, both=True) == 3
    counting.fingerprint = "another"
    assert computed(0, both=False) == 4
    write_text(path, path.read_text().replace("A", "C", 1))
    assert computed(0, both=False) == 5


@pytest.mark.parametrize("damage", ["cut", "empty", "one bit"])
def test_damaged_tokens_are_computed_again_with_a_line(counting, datasets, tmp_path, capsys, damage):
    calls = counting.calls
    path = datasets["two"] / "train.csv"
    rows = read_rows(path, Classification)
    right = tokens_of(path, rows, counting, 0, False, tmp_path)
    (kept,) = tmp_path.glob("*.safetensors")
    content = kept.read_bytes()
    kept.write_bytes(
        {"cut": content[:-9], "empty": b"", "one bit": content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]}[damage]
    )
    again = tokens_of(path, rows, counting, 0, False, tmp_path)
    assert same(right.encoded, again.encoded) and len(calls) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith(f"{kept}: not readable") and str(path) in said[0]
    assert same(right.encoded, read(kept))
