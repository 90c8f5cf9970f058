"""The environments of the rules hold the versions that the tests ran with."""

import ast
import json
import re
import subprocess
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


def pip_part(path: Path) -> list[str]:
    """The requirements that pip installs into an environment, NAME==VERSION each."""
    dependencies = yaml.safe_load(path.read_text())["dependencies"]
    return next(entry["pip"] for entry in dependencies if isinstance(entry, dict))


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_versions_are_those_of_the_lock(path):
    for requirement in pip_part(path):
        name, version = requirement.lower().replace("_", "-").split("==")
        assert LOCK[name] == version, f"{path.name}: {requirement}"


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_pins_all_that_its_packages_need(path):
    """But for what torch itself pins, the libraries of the GPU, which are not on every machine."""
    names = {requirement.split("==")[0].lower().replace("_", "-") for requirement in pip_part(path)}
    held: set[str] = set()
    for name in names:
        closure(name, held)
    assert held - {"setuptools"} == names  # pip freeze, which makes the lock, leaves setuptools out


@pytest.mark.slow
@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_the_pip_part_resolves_in_a_clean_venv(path, tmp_path):
    """pip finds every version, and no two of them contradict each other; nothing is installed."""
    (tmp_path / "requirements.txt").write_text("\n".join(pip_part(path)))
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    pip = [str(tmp_path / "venv/bin/python"), "-m", "pip", "--disable-pip-version-check", "--retries", "1"]
    # what has no wheel would be built, from code that is then run
    options = ["--dry-run", "--only-binary", ":all:", "--report", str(tmp_path / "report.json")]
    done = subprocess.run(
        [*pip, "install", *options, "-r", str(tmp_path / "requirements.txt")], capture_output=True, text=True
    )
    if "No matching distribution found" in done.stderr and "(from versions: none)" in done.stderr:
        pytest.skip(f"no package index can be reached: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    found = {}
    for entry in json.loads((tmp_path / "report.json").read_text())["install"]:
        name = entry["metadata"]["name"].lower().replace("_", "-")
        found[name] = entry["metadata"]["version"].split("+")[0]  # torch's of an index without GPU is 2.13.0+cpu
    assert {name for name in found.keys() & LOCK if found[name] != LOCK[name]} == set()
    assert {requirement.split("==")[0].lower().replace("_", "-") for requirement in pip_part(path)} <= found.keys()


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
    held: set[str] = set()
    for requirement in pip_part(REPOSITORY / f"envs/{environment}.yaml"):
        closure(requirement.split("==")[0], held)
    needed = set(imported(REPOSITORY.joinpath("workflow_scripts", *script.split(".")).with_suffix(".py"), set()))
    owners = {name: {owner.lower().replace("_", "-") for owner in DISTRIBUTIONS[name]} for name in needed}
    assert {name for name, distributions in owners.items() if not distributions & held} == set()
