"""What a transformer encoder computes for one sequence, counted from its sizes."""

from typing import TypeVar

import numpy as np

Number = TypeVar("Number", int, float, np.ndarray)


def encoder_flops(tokens: Number, layers: int, width: int, intermediate: int, gated: bool) -> tuple[Number, Number]:
    """FLOPs of attention and of the feed-forward layers in one forward pass over ``tokens`` tokens, [CLS] and all.

    Matrix products alone, a multiplication with its addition counting as 2: projections of queries, keys, values and
    output; scores and their weighted sum; feed-forward of two matrices, or three where it is ``gated``. Looking up
    embeddings is no arithmetic; norms, softmax and heads are left out.
    """
    attention = layers * (8 * tokens * width**2 + 4 * tokens**2 * width)
    return attention, layers * (6 if gated else 4) * tokens * width * intermediate
