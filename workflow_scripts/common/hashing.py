"""A hash of names and numbers that never changes; only the standard library, so that a download needs no numpy."""

import hashlib


def stable_hash(*key: object) -> int:
    """A 64-bit integer that depends on ``key`` alone: the same on every machine and in every Python."""
    text = "\x1f".join(str(part) for part in key)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
