"""Attention with symmetric ALiBi: a penalty on distance in place of position embeddings."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def alibi_slopes(heads: int) -> Tensor:
    """Slope per head, float32 of shape [heads] (Press et al. 2022; bert_layers.py of the released model).

    A power of two n gives the geometric series s, s^2, ..., s^n with s = 2^(-8/n). Any other number takes the
    series of the next smaller power, then every second slope of the next larger: 12 heads are 2^-1 ... 2^-8,
    2^-0.5, 2^-1.5, 2^-2.5, 2^-3.5.
    """

    def series(n: int) -> list[float]:
        return [2.0 ** (-8.0 * (i + 1) / n) for i in range(n)]

    power = 2 ** math.floor(math.log2(heads))
    return torch.tensor(series(power) + series(2 * power)[0::2][: heads - power], dtype=torch.float32)


def alibi_bias(slopes: Tensor, length: int) -> Tensor:
    """Bias -slope * |i - j| for every head and pair of positions, shape [1, heads, length, length]."""
    positions = torch.arange(length, device=slopes.device, dtype=slopes.dtype)
    distance = (positions[None, :] - positions[:, None]).abs()
    return -slopes[None, :, None, None] * distance


def attention_bias(slopes: Tensor, mask: Tensor | None, length: int, dtype: torch.dtype) -> Tensor:
    """ALiBi plus padding, in the dtype of the scores.

    ``mask`` is [batch, length] with 1 for tokens and 0 for padding, or None where nothing is padded; the result is
    [1 or batch, heads, length, length]. Padded keys get the lowest finite value: a row that is all padding stays
    finite, and its output is discarded by the model.
    """
    bias = alibi_bias(slopes, length).to(dtype)
    if mask is None:
        return bias
    return bias.masked_fill(mask[:, None, None, :] == 0, torch.finfo(dtype).min)


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
    """Scaled dot-product attention with an additive bias; all of shape [batch, heads, length, head size]."""
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
