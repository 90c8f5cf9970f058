"""Compiled code is cached outside of the repository, or only for the run if nothing is writable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = """
import numpy as np
from workflow_scripts.common import numba_cache
from workflow_scripts.tokenizer import bpe
assert bpe.top_pair(np.array([[1, 5], [9, 9]]), np.array([5, 9])) == (1, 0, 9)
print(numba_cache.cache_folder())
"""


def run(**environment: str) -> tuple[Path, set[Path]]:
    """Compile a function in another process; returns the cache folder, and its files afterwards."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA", "XDG"))}
    command = [sys.executable, "-B", "-c", PROGRAM]
    done = subprocess.run(command, cwd=REPOSITORY, env=clean | environment, capture_output=True, text=True, check=True)
    folder = Path(done.stdout.strip())
    return folder, set(folder.rglob("*.nbi"))


def test_compiled_code_is_cached_in_the_users_folder(tmp_path):
    folder, kept = run(XDG_CACHE_HOME=str(tmp_path))
    assert folder.parent == tmp_path and kept
    assert not list((REPOSITORY / "workflow_scripts").rglob("*.nbi"))
    chosen = tmp_path / "chosen"
    assert run(NUMBA_CACHE_DIR=str(chosen))[0] == chosen


def test_without_a_writable_folder_it_is_cached_for_the_run_only():
    for place in ({"XDG_CACHE_HOME": "/dev/null/cache"}, {"HOME": "/dev/null"}):
        folder, _ = run(**place)
        assert folder.name.startswith("numba-") and not folder.exists()
