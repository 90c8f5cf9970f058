"""Numba's compiler for inner loops, with a cache of compiled code that is kept between runs."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import numba


def cache_folder() -> str:
    """Folder for compiled code: NUMBA_CACHE_DIR, else the user's cache folder, else a temporary one for this run.

    Numba's default, next to the source, would write into the repository, and fails if that is read-only.
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return chosen
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dnabert2-workflow"
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        folder = Path(tempfile.mkdtemp(prefix="numba-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(folder)


numba.config.CACHE_DIR = cache_folder()  # type: ignore[attr-defined]  # numba sets its options at run time
compiled = numba.njit(nogil=True, cache=True)
"""Decorator: compile at the first call. The function releases Python's lock, so that threads run in parallel."""
