"""Initial embeddings that know how tokens are spelled.

With random embeddings a model has to find out from their company which tokens begin or end alike, before it can use
what the neighbours of a [MASK] say: with a vocabulary of hundreds of entries that takes longer than a small training
lasts. Tokens that share their first or last bases start with similar vectors here, as words do that share letters in
fastText (Bojanowski et al. 2017).
"""

from collections.abc import Sequence

import numpy as np
import torch

from workflow_scripts.common.randomness import generator

LONGEST_END = 4  # bases


def spelled_embeddings(words: Sequence[str], width: int, spread: float, seed: int) -> torch.Tensor:
    """Embeddings [words, width] with the standard deviation ``spread``, a function of the arguments alone.

    A vector is the sum of random vectors of equal weight: one of the word, one of its length, and one for each of its
    first and last 1 to LONGEST_END bases.
    """
    random = generator(seed, "spelled embeddings")
    ends = [
        part for size in range(1, LONGEST_END + 1) for part in ([w[:size] for w in words], [w[-size:] for w in words])
    ]
    features = [list(words), [str(len(word)) for word in words], *ends]
    total = np.zeros((len(words), width))
    for feature in features:
        values, which = np.unique(feature, return_inverse=True)
        total += random.normal(size=(len(values), width))[which]
    return torch.from_numpy(total * (spread / len(features) ** 0.5)).float()
