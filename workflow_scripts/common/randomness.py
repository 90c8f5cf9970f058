"""Random numbers that are a pure function of names and numbers, never of order, worker or machine."""

import numpy as np

from workflow_scripts.common.hashing import stable_hash


def generator(*key: object) -> np.random.Generator:
    """A numpy generator (Philox, counter-based) that depends on ``key`` alone."""
    return np.random.Generator(np.random.Philox(key=stable_hash(*key)))
