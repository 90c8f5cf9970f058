"""Random numbers that depend only on names and numbers, never on order, worker or machine."""

import numpy as np

from workflow_scripts.common.hashing import stable_hash


def generator(*key: object) -> np.random.Generator:
    """A numpy generator (Philox, counter-based) that depends only on ``key``."""
    return np.random.Generator(np.random.Philox(key=stable_hash(*key)))
