"""Tokens are computed once for all fits with the same tokenizer, rows and limit, and never taken unverified."""

from dataclasses import replace

import numpy as np
import pytest

from workflow_scripts.common.files import write_text
from workflow_scripts.finetune import data
from workflow_scripts.finetune.problems import Classification
from workflow_scripts.finetune.token_cache import read, tokens_of
from workflow_scripts.inference import models
from workflow_scripts.settings.finetune import FitSettings


@pytest.fixture
def counted(base):
    """A model whose tokenizer counts its calls."""
    loaded = models.load({"directory": base}, 2, FitSettings(), "full", 42)
    calls = []

    def encode(texts, max_tokens):
        calls.append(len(texts))
        return loaded.encode(texts, max_tokens)

    return replace(loaded, encode=encode), calls


def same(one: data.Encoded, other: data.Encoded) -> bool:
    def equal(left, right) -> bool:
        return len(left) == len(right) and all(map(np.array_equal, left, right))

    types = one.types is other.types is None or equal(one.types, other.types)
    return equal(one.ids, other.ids) and types and one.truncated == other.truncated


@pytest.mark.parametrize("dataset", ["two", "pairs"])
@pytest.mark.parametrize("both", [False, True])
def test_second_fit_reads_what_the_first_has_computed(counted, datasets, tmp_path, dataset, both):
    loaded, calls = counted
    path = datasets[dataset] / "train.csv"
    rows = data.read_rows(path, Classification)
    first, second = (tokens_of(path, rows, loaded, 12, both, tmp_path / "tokens") for _ in range(2))
    assert calls == [len(rows.texts) * (1 + both)]
    assert same(first.encoded, second.encoded) and len(first.encoded.ids) == calls[0]
    assert 0 < first.encoded.truncated <= 1
    assert np.array_equal(second.labels, rows.labels)


def test_other_rows_tokenizer_limit_and_strands_are_other_tokens(counted, datasets, tmp_path):
    loaded, calls = counted
    path = tmp_path / "train.csv"
    path.write_bytes((datasets["two"] / "train.csv").read_bytes())
    rows = data.read_rows(path, Classification)

    def computed(model: models.Loaded, limit: int, both: bool) -> int:
        tokens_of(path, rows, model, limit, both, tmp_path / "tokens")
        return len(calls)

    assert computed(loaded, 0, both=False) == computed(loaded, 0, both=False) == 1
    assert computed(loaded, 9, both=False) == 2
    assert computed(loaded, 0, both=True) == 3
    assert computed(replace(loaded, tokenizer="another"), 0, both=False) == 4
    write_text(path, path.read_text().replace("A", "C", 1))
    assert computed(loaded, 0, both=False) == 5


@pytest.mark.parametrize("damage", ["cut", "empty", "one bit"])
def test_damaged_tokens_are_computed_again_with_a_line(counted, datasets, tmp_path, capsys, damage):
    loaded, calls = counted
    path = datasets["two"] / "train.csv"
    rows = data.read_rows(path, Classification)
    right = tokens_of(path, rows, loaded, 0, False, tmp_path)
    (kept,) = tmp_path.glob("*.safetensors")
    content = kept.read_bytes()
    kept.write_bytes(
        {"cut": content[:-9], "empty": b"", "one bit": content[:-9] + bytes([content[-9] ^ 1]) + content[-8:]}[damage]
    )
    again = tokens_of(path, rows, loaded, 0, False, tmp_path)
    assert same(right.encoded, again.encoded) and len(calls) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith(f"{kept}: not readable") and str(path) in said[0]
    assert same(right.encoded, read(kept))
