"""Masks for masked language modelling, and the three kinds of places that they make."""

import numpy as np

from workflow_scripts.common.randomness import generator
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS

MASK = SPECIAL_TOKENS.index("[MASK]")
IGNORED = -100
Batch = tuple[np.ndarray, np.ndarray]  # inputs and labels, see mask_tokens
KINDS = ("mask", "replaced", "unchanged")
"""What stands where a token is predicted: [MASK], a random other token, or the token itself.

A random token that happens to be the token itself is unchanged. A model that copies its input predicts this kind
without error, so only the first says what it knows of DNA.
"""


def mask_tokens(rows: np.ndarray, share: float, run: int, vocab_size: int, *key: object) -> Batch:
    """Mask tokens for prediction; returns (inputs, labels), both shaped like ``rows``.

    Runs of ``run`` tokens are chosen: each token starts one independently with probability ``share / run``. Of the
    chosen tokens 80% become [MASK], 10% a random token, and 10% stay. Special tokens are never chosen. Labels are
    IGNORED at all other positions.
    """
    random = generator(*key)
    chosen = random.random(rows.shape) < share / run
    for _ in range(run - 1):
        chosen[:, 1:] |= chosen[:, :-1].copy()
    chosen &= rows > MASK
    fate = random.random(rows.shape)
    replacement = random.integers(MASK + 1, vocab_size, size=rows.shape)
    inputs = np.where(chosen & (fate < 0.8), MASK, rows)
    inputs = np.where(chosen & (fate >= 0.9), replacement, inputs)
    return inputs, np.where(chosen, rows, IGNORED)
