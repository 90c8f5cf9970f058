"""One finished tiny run that the tests of the workflow share."""

import shutil
from pathlib import Path

import pytest

from tests.workflow.harness import AWKWARD, clone, snakemake, tiny


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Path:
    """A clone, in a folder of an awkward name, in which the tiny workflow has run to its end; tests work on copies."""
    root = clone(tmp_path_factory.mktemp("finished") / AWKWARD)
    snakemake("--cores", "2", "--scheduler", "greedy", *tiny(root), cwd=root)
    return root


@pytest.fixture
def run(finished, tmp_path) -> Path:
    """A copy of the finished run at another path, its files with their times."""
    root = tmp_path / "run"
    shutil.copytree(finished, root, symlinks=True)
    return root
