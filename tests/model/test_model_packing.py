"""Packing removes the padding of a batch, unpacking restores it as zeros."""

import pytest
import torch

from workflow_scripts.model.packing import make_packing

IDS = torch.arange(15).view(3, 5)


def test_a_batch_without_padding_is_unchanged():
    for mask in (None, torch.ones_like(IDS)):
        packed = make_packing(IDS, mask)
        assert packed.kept is None and packed.lengths is None and packed.starts.tolist() == [0, 5, 10, 15]
        assert (packed.longest, packed.tokens) == (5, 15) and packed.starts.dtype == torch.int32
        assert packed.pack(IDS).tolist() == list(range(15))
        assert torch.equal(packed.unpack(packed.pack(IDS)), IDS)
        assert packed.sequences().tolist() == [0] * 5 + [1] * 5 + [2] * 5


def test_padding_before_and_after_tokens_is_removed_and_restored_as_zeros():
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
    packed = make_packing(IDS, mask)
    assert packed.lengths == [3, 4, 0] and packed.starts.tolist() == [0, 3, 7, 7]
    assert (packed.longest, packed.tokens) == (4, 7) and packed.starts.dtype == torch.int32
    assert packed.pack(IDS).tolist() == [0, 1, 2, 6, 7, 8, 9]
    assert torch.equal(packed.unpack(packed.pack(IDS)), IDS * mask)
    assert packed.sequences().tolist() == [0, 0, 0, 1, 1, 1, 1]
    wide = torch.randn(3, 5, 2, 4)
    assert torch.equal(packed.unpack(packed.pack(wide)), wide * mask[..., None, None])


def test_gradients_reach_tokens_only():
    mask = torch.tensor([[1, 1, 1, 0, 0], [0, 1, 1, 1, 1], [1, 0, 0, 0, 0]])
    packed = make_packing(IDS, mask)
    rows = torch.randn(3, 5, requires_grad=True)
    (3 * packed.unpack(packed.pack(rows))).sum().backward()
    assert torch.equal(rows.grad, 3.0 * mask)


def test_padding_between_tokens_is_refused():
    mask = torch.tensor([[1, 1, 1, 1, 0], [1, 1, 0, 1, 1], [1, 0, 0, 0, 0]])
    with pytest.raises(ValueError, match="attention_mask, row 1: padding between tokens"):
        make_packing(IDS, mask)
