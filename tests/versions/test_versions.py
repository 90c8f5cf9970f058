"""Exported models in other versions of the libraries: away from the repository, offline, read-only, with no terminal.

Not part of the test suite: ``make test-versions`` makes an environment for each version in .venv-versions, some GB, and
writes the differences into benchmarks/results/versions.md.
"""

import functools
import json
import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.versions.check_exports import CHECKS, PUBLISHED, TOOLS
from tests.versions.environments import REQUIREMENTS, python
from tests.versions.exports import write_exports
from workflow_scripts.common.files import digest, write_text

CHECKER = Path(__file__).with_name("check_exports.py")
TABLE = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "versions.md"
RELEASED = "4.29.2"
"""The version that the published code is written for."""
TOLERANCES = {"captum": 1e-2, "ONNX": 1e-4}
TOLERANCE = 2e-5

Outcomes = dict[tuple[str, str], dict]
"""What check_exports.py says about each check and export."""


def checks(environment: str) -> dict[str, tuple]:
    """The checks to make in an environment."""
    if environment == "tools":
        return TOOLS
    return CHECKS | PUBLISHED if environment == RELEASED else CHECKS


CASES = [
    (environment, check, export)
    for environment in REQUIREMENTS
    for check, (_function, exports) in checks(environment).items()
    for export in exports
]


@pytest.fixture(scope="module")
def exports(tmp_path_factory) -> Iterator[Path]:
    """All exports, which nobody may change."""
    root = tmp_path_factory.mktemp("exports")
    write_exports(root)
    files = [path for path in root.rglob("*") if path.is_file()]
    for path in [*files, *(path for path in root.rglob("*") if path.is_dir()), root]:
        path.chmod(path.stat().st_mode & ~0o222)
    before = {path: digest(path) for path in files}
    yield root
    assert {path: digest(path) for path in root.rglob("*") if path.is_file()} == before
    for path in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        path.chmod(path.stat().st_mode | 0o700)  # so that pytest can remove it


@pytest.fixture(scope="module")
def outcomes(exports, tmp_path_factory) -> Iterator[Callable[[str], Outcomes]]:
    """Makes all checks in an environment once; if every environment had its turn, the table is written."""
    found: dict[str, Outcomes] = {}

    @functools.cache
    def outcomes(environment: str) -> Outcomes:
        place = tmp_path_factory.mktemp("place")
        command = [python(environment), "-I", CHECKER, exports, *checks(environment)]
        variables = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(place / "hub"), "CUDA_VISIBLE_DEVICES": ""}
        done = subprocess.run(
            command, cwd=place, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        installed, *lines = map(json.loads, done.stdout.splitlines())
        for package, _, version in (pin.partition("==") for pin in REQUIREMENTS[environment].split()):
            assert installed[package].partition("+")[0] == version
        found[environment] = {(line["check"], line["export"]): line for line in lines}
        return found[environment]

    yield outcomes
    if found.keys() == REQUIREMENTS.keys():
        write_text(TABLE, table(found))


@pytest.mark.parametrize(("environment", "check", "export"), CASES)
def test_an_export_gives_its_numbers(outcomes, environment, check, export):
    outcome = outcomes(environment)[check, export]
    if "skipped" in outcome:
        pytest.skip(outcome["skipped"])
    assert "error" not in outcome, outcome["error"]
    assert outcome["difference"] <= TOLERANCES.get(check, TOLERANCE)


def table(found: dict[str, Outcomes]) -> str:
    """The largest difference of each check in each environment, in Markdown."""
    lines = [
        "Largest difference between what an exported model gives and what it must give, relative above 1; written by",
        f"`make test-versions` on {platform.machine()}, Python {platform.python_version()}. Columns are versions of",
        "transformers.",
        "",
        f"| check | export | {' | '.join(REQUIREMENTS)} |",
        "|---" * (2 + len(REQUIREMENTS)) + "|",
    ]
    for check, (_function, exports) in (CHECKS | PUBLISHED | TOOLS).items():
        for export in exports:
            cells = [cell(found[environment].get((check, export))) for environment in REQUIREMENTS]
            lines.append(f"| {check} | {export} | {' | '.join(cells)} |")
    installed = [f"- {name}: {requirements}" for name, requirements in REQUIREMENTS.items()]
    return "\n".join([*lines, "", "What was installed:", "", *installed, ""])


def cell(outcome: dict | None) -> str:
    """One outcome; empty for a check that is not made in an environment."""
    if outcome is None:
        return ""
    if "difference" in outcome:
        return f"{outcome['difference']:.0e}" if outcome["difference"] else "0"
    return "skipped" if "skipped" in outcome else "failed"
