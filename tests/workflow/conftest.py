"""One finished tiny run that the tests of the workflow share."""

import fcntl
import shutil
from pathlib import Path

import pytest

from tests.workflow.harness import AWKWARD, clone, snakemake, tiny


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Path:
    """A clone, in a folder of an awkward name, in which the tiny workflow has run to its end; tests work on copies.

    The first worker of pytest-xdist that needs it makes it; the others wait for it.
    """
    base = tmp_path_factory.getbasetemp()
    record = (base if worker_id == "master" else base.parent) / "finished.txt"
    with record.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            root = clone(tmp_path_factory.mktemp("finished") / AWKWARD)
            snakemake("--cores", "2", "--scheduler", "greedy", *tiny(root), cwd=root)
            record.write_text(str(root))
    return Path(record.read_text())


@pytest.fixture
def run(finished, tmp_path) -> Path:
    """A copy of the finished run at another path, its files with their times."""
    root = tmp_path / "run"
    shutil.copytree(finished, root, symlinks=True)
    return root
