"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the repository, end in a passing test."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.docs.markdown import REPOSITORY
from tests.workflow.harness import clone

pytestmark = pytest.mark.slow
PAGE = REPOSITORY / "CONTRIBUTING.md"
STEP = re.compile(
    r"^(?:New file `(?P<new>[^`]+)`|At the end of `(?P<end>[^`]+)`"
    r"|In `(?P<file>[^`]+)`, (?P<where>after|before) `(?P<anchor>[^`]+)`):\n\n"
    r"```\w*\n(?P<text>.*?)^```$"
    r"|^```sh\n(?P<commands>.*?)^```$"
    r"|[Ii]n\s`(?P<edited>[^`]+)`, replace\s`(?P<old>[^`]+)`\swith\s`(?P<replacement>[^`]+)`",
    re.M | re.S,
)
"""A step of a recipe: a new file, lines at the end of a file or next to a line, commands, or a replacement."""


class Recipe(NamedTuple):
    """A recipe: its heading, and its text."""

    name: str
    text: str


def recipes() -> list[Recipe]:
    """The sections whose heading begins with "Add"."""
    sections = re.split(r"^#{2,3} ", PAGE.read_text(), flags=re.M)[1:]
    found = [Recipe(*section.split("\n", 1)) for section in sections]
    return [recipe for recipe in found if recipe.name.startswith("Add ")]


def insert(path: Path, where: str, anchor: str, text: str) -> None:
    """Insert lines next to the only line that contains ``anchor``."""
    lines = path.read_text().splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if anchor in line]
    assert len(found) == 1, f"{path}: {len(found)} lines contain {anchor!r}; a recipe needs one"
    lines.insert(found[0] + (where == "after"), text)
    path.write_text("".join(lines))


def replace(path: Path, old: str, new: str) -> None:
    """Replace the only place that reads ``old``."""
    text = path.read_text()
    assert text.count(old) == 1, f"{path}: {old!r} occurs {text.count(old)} times; a recipe needs it once"
    path.write_text(text.replace(old, new))


def follow(recipe: Recipe, root: Path) -> str:
    """Do each step of a recipe in ``root``; returns the output of the last block of commands, which must succeed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # the options of the outer pytest are not for the inner one
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")} | {"PATH": path}
    output = ""
    for step in STEP.finditer(recipe.text):
        if step["commands"]:
            command = ["bash", "-euo", "pipefail", "-c", step["commands"]]
            done = subprocess.run(command, cwd=root, env=environment, text=True, capture_output=True, check=False)
            output = done.stdout + done.stderr
            assert done.returncode == 0, output[-4000:]
        elif step["new"]:
            path = root / step["new"]
            assert not path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step["text"])
        elif step["end"]:
            with (root / step["end"]).open("a") as file:
                file.write(step["text"])
        elif step["edited"]:
            replace(root / step["edited"], step["old"], step["replacement"])
        else:
            insert(root / step["file"], step["where"], step["anchor"], step["text"])
    return output


def test_each_kind_of_addition_has_a_recipe():
    assert [recipe.name for recipe in recipes()] == [
        "Add a key of the configuration",
        "Add a task",
        "Add a kind of tokenizer",
        "Add a stage",
    ]


def test_every_block_of_code_of_a_recipe_is_a_step():
    for recipe in recipes():
        blocks = [step for step in STEP.finditer(recipe.text) if step["text"] or step["commands"]]
        assert len(blocks) == recipe.text.count("\n```") / 2, recipe.name


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)
def test_following_a_recipe_ends_in_a_passing_test(recipe, tmp_path):
    output = follow(recipe, clone(tmp_path / "copy"))
    assert re.search(r"\d+ passed", output) and "failed" not in output, output[-3000:]
