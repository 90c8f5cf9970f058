"""Hashes that never change; standard library only, so that downloads do not need numpy."""

import hashlib


def stable_hash(*key: object) -> int:
    """A 64-bit integer that depends only on ``key``: the same on every machine and in every Python version."""
    text = "\x1f".join(str(part) for part in key)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def git_sha1(content: bytes) -> str:
    """The SHA-1 of a git blob with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
