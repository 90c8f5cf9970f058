"""Compiled code is kept outside of the repository, and nowhere if it cannot be kept."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = """
import numpy as np
from workflow_scripts.common import compiled
from workflow_scripts.tokenizer import bpe
assert bpe.top_pair(np.array([[1, 5], [9, 9]]), np.array([5, 9])) == (1, 0, 9)
print(compiled.cache_folder())
"""


def run(**environment: str) -> tuple[Path, set[Path]]:
    """Compile a function in another process; returns the folder for compiled code, and what it held then."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("NUMBA", "XDG"))}
    command = [sys.executable, "-B", "-c", PROGRAM]
    done = subprocess.run(command, cwd=REPOSITORY, env=clean | environment, capture_output=True, text=True, check=True)
    folder = Path(done.stdout.strip())
    return folder, set(folder.rglob("*.nbi"))


def test_compiled_code_is_kept_in_the_folder_of_the_user(tmp_path):
    folder, kept = run(XDG_CACHE_HOME=str(tmp_path))
    assert folder.parent == tmp_path and kept
    assert not list((REPOSITORY / "workflow_scripts").rglob("*.nbi"))
    chosen = tmp_path / "chosen"
    assert run(NUMBA_CACHE_DIR=str(chosen))[0] == chosen


def test_where_nothing_can_be_written_it_is_kept_for_the_run_alone():
    for place in ({"XDG_CACHE_HOME": "/dev/null/cache"}, {"HOME": "/dev/null"}):
        folder, _ = run(**place)
        assert folder.name.startswith("numba-") and not folder.exists()
