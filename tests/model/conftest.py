"""Tiny encoders for the tests of the model."""

import pytest
import torch

from tests.one_thread import one_thread  # noqa: F401 (a fixture)
from workflow_scripts.model import DnaBert2Config

SIZES = {
    "vocab_size": 40,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "initializer_range": 0.5,  # weights large enough that every difference shows
}


@pytest.fixture
def build():
    """Builds a tiny model of a class in evaluation mode; the same weights on every call."""

    def build(kind: type, **changes) -> torch.nn.Module:
        torch.manual_seed(0)
        return kind(DnaBert2Config(**(SIZES | changes))).eval()

    return build


@pytest.fixture
def ids() -> torch.Tensor:
    """Token ids of one sequence, [1, 23]: [CLS], words, [SEP]."""
    words = torch.randint(5, SIZES["vocab_size"], (1, 21), generator=torch.Generator().manual_seed(1))
    return torch.nn.functional.pad(torch.nn.functional.pad(words, (1, 0), value=1), (0, 1), value=2)
