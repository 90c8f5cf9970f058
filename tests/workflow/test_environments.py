"""The environments of the rules hold the versions that the tests ran with."""

import re

import pytest
import yaml

from tests.workflow.harness import REPOSITORY

LOCK = dict(
    line.lower().replace("_", "-").split("==")
    for line in (REPOSITORY / "requirements.lock").read_text().splitlines()
    if "==" in line
)
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
