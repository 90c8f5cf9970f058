"""Finished runs that the tests of the workflow share."""

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow import user_world
from tests.workflow.harness import AWKWARD, clone, snakemake, tiny


def made_once(tmp_path_factory, worker_id: str, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that ``make`` fills: the first worker of pytest-xdist that needs it makes it, the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    record = (base if worker_id == "master" else base.parent) / f"{name}.txt"
    with record.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            root = tmp_path_factory.mktemp(name) / AWKWARD
            make(root)
            record.write_text(str(root))
    return Path(record.read_text())


def run_tiny(root: Path) -> None:
    clone(root)
    snakemake("--cores", "2", "--scheduler", "greedy", *tiny(root), cwd=root)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, worker_id) -> Path:
    """A clone, in a folder of an awkward name, in which the tiny workflow has run to its end; tests work on copies."""
    return made_once(tmp_path_factory, worker_id, "finished", run_tiny)


@pytest.fixture
def run(finished, tmp_path) -> Path:
    """A copy of the finished run at another path, its files with their times."""
    return Path(shutil.copytree(finished, tmp_path / "run", symlinks=True))


@pytest.fixture(scope="session")
def finished_user_world(tmp_path_factory, worker_id) -> Path:
    """A clone in which the workflow has run on a user's files to its end; tests work on copies."""
    return made_once(tmp_path_factory, worker_id, "user", user_world.make)


@pytest.fixture
def root(finished_user_world, tmp_path) -> Path:
    """A copy of the finished run on a user's files, with their times."""
    return Path(shutil.copytree(finished_user_world, tmp_path / "run", symlinks=True))
