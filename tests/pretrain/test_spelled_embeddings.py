"""Embeddings by spelling: as wide as random ones, alike where tokens begin or end alike, the same for one seed."""

import itertools

import pytest
import torch

from workflow_scripts.pretrain.spelled_embeddings import spelled_embeddings

WORDS = ["".join(letters) for size in (3, 5) for letters in itertools.product("ACGT", repeat=size)]


@pytest.fixture(scope="module")
def embeddings() -> dict[str, torch.Tensor]:
    return dict(zip(WORDS, spelled_embeddings(WORDS, 512, 0.05, 42), strict=True))


def cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    return torch.nn.functional.cosine_similarity(one, other, dim=0).item()


def test_they_have_the_spread_of_random_ones(embeddings):
    assert torch.stack(list(embeddings.values())).std().item() == pytest.approx(0.05, rel=0.05)


def test_tokens_are_as_alike_as_their_ends(embeddings):
    """Of ten features AAAAA and AAACG share length and three beginnings, and AAAAA and TTTTT the length."""
    assert cosine(embeddings["AAAAA"], embeddings["AAACG"]) == pytest.approx(0.4, abs=0.12)
    assert cosine(embeddings["AAAAA"], embeddings["CGTAA"]) == pytest.approx(0.3, abs=0.12)
    assert cosine(embeddings["AAAAA"], embeddings["TTTTT"]) == pytest.approx(0.1, abs=0.12)
    assert cosine(embeddings["AAA"], embeddings["TTTTT"]) == pytest.approx(0, abs=0.12)


def test_no_two_tokens_are_the_same(embeddings):
    rows = torch.stack(list(embeddings.values()))
    assert torch.unique(rows, dim=0).shape == rows.shape


def test_they_depend_on_the_seed_alone():
    assert torch.equal(spelled_embeddings(WORDS, 16, 0.1, 1), spelled_embeddings(WORDS, 16, 0.1, 1))
    assert not torch.equal(spelled_embeddings(WORDS, 16, 0.1, 1), spelled_embeddings(WORDS, 16, 0.1, 2))
