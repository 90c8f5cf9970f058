"""Random numbers that are a pure function of names and numbers, never of order, worker or machine."""

import hashlib

import numpy as np


def stable_hash(*key: object) -> int:
    """A 64-bit integer that depends on ``key`` alone: the same on every machine and in every Python."""
    text = "\x1f".join(str(part) for part in key)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def generator(*key: object) -> np.random.Generator:
    """A numpy generator (Philox, counter-based) that depends on ``key`` alone."""
    return np.random.Generator(np.random.Philox(key=stable_hash(*key)))
