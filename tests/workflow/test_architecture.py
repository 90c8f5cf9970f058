"""The rooms of docs/architecture.md: imports go down, never in a circle, and files stay short."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.workflow.harness import REPOSITORY

SCRIPTS = REPOSITORY / "workflow_scripts"
FLOORS = (("settings", "model", "common"), ("dag", "inference"))  # from the ground up; every other room is a stage
# The ground has an order of its own: settings use common, and nothing uses model there.
GROUND = {"settings": {"common"}, "model": set(), "common": set()}
LINES = 400


def rooms() -> list[str]:
    return sorted(path.parent.name for path in SCRIPTS.glob("*/__init__.py"))


def floor(room: str) -> int:
    return next((number for number, names in enumerate(FLOORS) if room in names), len(FLOORS))


def imported(path: Path) -> set[str]:
    """The modules of this project that a module imports, at its top or in a function: ``room.module`` or ``room``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("workflow_scripts."):
            parts = node.module.split(".")[1:]
            modules = [parts] if len(parts) > 1 else [[*parts, alias.name] for alias in node.names]
            names |= {".".join(module) for module in modules}
    return names


def used_rooms(room: str) -> set[str]:
    return {name.split(".")[0] for path in (SCRIPTS / room).glob("*.py") for name in imported(path)} - {room}


def allowed(room: str) -> set[str]:
    return GROUND.get(room, {other for other in rooms() if floor(other) < floor(room)})


@pytest.mark.parametrize("room", rooms())
def test_a_room_imports_from_lower_floors_only(room):
    assert used_rooms(room) <= allowed(room)


def test_modules_import_each_other_in_no_circle():
    modules = {f"{path.parent.name}.{path.stem}": path for path in SCRIPTS.glob("*/*.py")}
    graph = {name: {other for other in imported(path) if other in modules} for name, path in modules.items()}
    assert len(graph) > 100
    list(TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


def test_every_room_is_in_the_table_of_the_architecture():
    page = (REPOSITORY / "docs/architecture.md").read_text()
    assert sorted(re.findall(r"^\| (?:top|middle|ground) \| `(\w+)`", page, re.M)) == rooms()


def test_data_rooms_need_no_torch_and_the_report_trains_nothing():
    for room in ("genomes", "gue", "tokenizer", "report", "dag", "settings"):
        for path in (SCRIPTS / room).glob("*.py"):
            assert not re.search(r"^\s*(?:import|from) torch\b", path.read_text(), re.M), path
    assert "inference" not in used_rooms("report") and "model" not in used_rooms("report")


def test_no_file_is_too_long():
    files = [
        path
        for pattern in ("workflow_scripts/*/*", "rules/*.smk", "tests/**/*.py")
        for path in REPOSITORY.glob(pattern)
    ]
    long = {
        str(path.relative_to(REPOSITORY))
        for path in files
        if path.is_file() and path.suffix in (".py", ".smk", ".j2") and len(path.read_text().splitlines()) > LINES
    }
    assert long == set()
