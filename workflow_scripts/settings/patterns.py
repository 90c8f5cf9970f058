"""Names chosen by patterns."""

import fnmatch
from collections.abc import Iterable


def matching(names: Iterable[str], patterns: Iterable[str]) -> list[str]:
    """The names that match any of the patterns (``*`` and ``?`` are wildcards), in their own order."""
    patterns = list(patterns)
    return [name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]
