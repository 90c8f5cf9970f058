"""Rotary position embeddings: queries and keys rotated by their position, so that scores depend on distances only.

Su et al. 2021, equation 34, in the layout of GPT-NeoX and of transformers: dimension i forms a pair with i + size / 2.
"""

from collections.abc import Callable

import torch
from torch import Tensor

BASE = 10_000.0  # pair i turns by BASE^(-2i / size) radians per position


def rotation(positions: Tensor, size: int) -> Callable[[Tensor], Tensor]:
    """The function that rotates the queries and keys of a batch; values stay as they are.

    ``positions`` (int64, [tokens]): place of each token in its sequence. ``size``: of a head, even. The function takes
    and returns [tokens, 3, heads, size], and computes in float32.
    """
    speeds = BASE ** (-torch.arange(0, size, 2, device=positions.device) / size)
    angles = (positions[:, None] * speeds)[:, None, None]
    cosine, sine = angles.cos(), angles.sin()

    def rotate(qkv: Tensor) -> Tensor:
        first, second = qkv[:, :2].float().chunk(2, dim=-1)
        turned = torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
        return torch.cat([turned.to(qkv.dtype), qkv[:, 2:]], dim=1)

    return rotate
