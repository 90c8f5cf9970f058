"""The middle floor: what rules ask for imports no stage and no Snakemake, and Snakemake's insides are in one file."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dag.conftest import REPOSITORY

SCRIPTS = REPOSITORY / "workflow_scripts"
MODULES = sorted((SCRIPTS / "dag").glob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """The names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_what_rules_ask_for_needs_settings_and_shared_modules_only(path):
    names = [name.split(".") for name in imported(path)]
    assert {name[1] for name in names if name[0] == "workflow_scripts"} <= {"dag", "settings", "common"}
    assert not {name[0].split("_")[0] for name in names} & {"snakemake", "torch", "transformers"}


def test_one_file_touches_snakemake():
    users = {
        path.relative_to(SCRIPTS).as_posix()
        for path in SCRIPTS.rglob("*.py")
        if any(name.split(".")[0].startswith("snakemake") for name in imported(path))
    }
    assert users == {"common/snakemake_hooks.py"}
