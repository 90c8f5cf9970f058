"""Floating-point operations of a transformer encoder for one sequence, computed from its sizes."""

from typing import TypeVar

import numpy as np

Number = TypeVar("Number", int, float, np.ndarray)


def encoder_flops(tokens: Number, layers: int, width: int, intermediate: int, gated: bool) -> tuple[Number, Number]:
    """FLOPs of attention and of feed-forward layers in one forward pass over ``tokens`` tokens, special ones included.

    Counts only matrix products, a multiply-add as 2: projections of queries, keys, values and output; scores and their
    weighted sum; a feed-forward of two matrices, or of three if it is ``gated``. Norms, softmax and heads are not
    counted.
    """
    attention = layers * (8 * tokens * width**2 + 4 * tokens**2 * width)
    return attention, layers * (6 if gated else 4) * tokens * width * intermediate
