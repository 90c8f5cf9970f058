"""Numba's compiler as the inner loops of several rooms use it; compiled code is kept between runs."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import numba


def cache_folder() -> str:
    """Where compiled code is kept: NUMBA_CACHE_DIR, else a place of the user's, else one of this run alone.

    Numba's own choice, beside the source, writes into the repository, and fails where nothing can be written.
    """
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return chosen
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dnabert2-workflow"
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, RuntimeError):  # RuntimeError: the user has no home
        folder = tempfile.mkdtemp(prefix="numba-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(folder)


numba.config.CACHE_DIR = cache_folder()
compiled = numba.njit(nogil=True, cache=True)
"""Decorator: compile at the first call. The function runs without Python's lock, so threads run side by side."""
