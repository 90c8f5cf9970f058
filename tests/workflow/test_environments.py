"""The environments of the rules hold the versions that the tests ran with."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.workflow.harness import REPOSITORY

LOCK = dict(
    line.lower().replace("_", "-").split("==")
    for line in (REPOSITORY / "requirements.lock").read_text().splitlines()
    if "==" in line
)
DISTRIBUTIONS = packages_distributions()
ENVIRONMENTS = sorted((REPOSITORY / "envs").glob("*.yaml"))


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_versions_are_those_of_the_lock(path):
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    pinned = next(entry["pip"] for entry in dependencies if isinstance(entry, dict))
    for requirement in pinned:
        name, version = requirement.lower().replace("_", "-").split("==")
        assert LOCK[name] == version, f"{path.name}: {requirement}"


def test_what_is_used_directly_is_in_the_lock():
    for line in (REPOSITORY / "requirements.in").read_text().splitlines():
        if "==" in line:
            name, version = line.lower().replace("_", "-").split("==")
            assert LOCK[name] == version


def test_every_rule_names_an_environment_that_exists():
    named = {
        name
        for path in (REPOSITORY / "rules").glob("*.smk")
        for name in re.findall(r"envs/(\w+)\.yaml", path.read_text())
    }
    assert named == {path.stem for path in ENVIRONMENTS}


def imported(script: Path, seen: set[Path]) -> Iterator[str]:
    """Top-level names of what a script imports from outside of the repository, by itself or through its modules."""
    if script in seen or not script.is_file():
        return
    seen.add(script)
    for node in ast.walk(ast.parse(script.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            package = ".".join([*script.parent.relative_to(REPOSITORY).parts, ""]) if node.level else ""
            names = [package + node.module, *(f"{package}{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.startswith("workflow_scripts"):
                base = REPOSITORY.joinpath(*name.split("."))
                yield from imported(base.with_suffix(".py"), seen)
                yield from imported(base / "__init__.py", seen)
            elif name.split(".")[0] not in sys.stdlib_module_names:
                yield name.split(".")[0]


def closure(name: str, seen: set[str]) -> set[str]:
    """A distribution and all that it requires on this machine, by normal names."""
    name = name.lower().replace("_", "-")
    if name not in seen:
        try:
            needed = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            return seen
        seen.add(name)
        for requirement in needed:
            if not requirement.marker or requirement.marker.evaluate({"extra": ""}):
                closure(requirement.name, seen)
    return seen


def scripts_and_environments() -> list[tuple[str, str]]:
    """(script, environment) of each rule that runs a script of ours."""
    pairs = []
    for path in sorted((REPOSITORY / "rules").glob("*.smk")):
        for block in re.split(r"^ *rule ", path.read_text(), flags=re.M)[1:]:
            script = re.search(r"python -m workflow_scripts\.([\w.]+)", block)
            if script:
                pairs.append((script[1], re.search(r"envs/(\w+)\.yaml", block)[1]))
    return pairs


@pytest.mark.parametrize(("script", "environment"), scripts_and_environments(), ids=lambda name: name)
def test_an_environment_holds_what_its_scripts_import(script, environment):
    entries = yaml.safe_load((REPOSITORY / f"envs/{environment}.yaml").read_text())["dependencies"]
    held: set[str] = set()
    for requirement in next(entry["pip"] for entry in entries if isinstance(entry, dict)):
        closure(requirement.split("==")[0], held)
    needed = set(imported(REPOSITORY.joinpath("workflow_scripts", *script.split(".")).with_suffix(".py"), set()))
    owners = {name: {owner.lower().replace("_", "-") for owner in DISTRIBUTIONS[name]} for name in needed}
    assert {name for name, distributions in owners.items() if not distributions & held} == set()
