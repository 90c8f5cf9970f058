"""The code on which the result of a rule depends: its program, and what that imports."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from workflow_scripts.common.files import digest
from workflow_scripts.common.hashing import stable_hash

SCRIPTS = Path(__file__).resolve().parents[1]
# Rooms whose modules are followed; what settings define reaches a program by its options.
FOLLOWED = ("common", "inference", "model")
# They decide how files are written, what is logged and how fast it goes, not what comes out. An edit reruns nothing.
UNCOUNTED = {f"common/{name}.py" for name in ("bpe_memory", "errors", "files", "numba_cache", "progress")}


def code(program: str, *others: str, scripts: Path = SCRIPTS) -> int:
    """A param that changes with the content of a program, of the modules that decide its result, and of other files.

    ``program`` and ``others`` are relative to workflow_scripts; the others may hold ``*``. As a param it reruns the
    jobs of a rule after an edit, but not after a touch or in a new clone. Raises FileNotFoundError for a name or
    pattern of no file.
    """
    found = [path for pattern in others for path in _files(scripts, pattern)]
    return stable_hash(*(_digest(path) for path in [*modules_of(scripts / program), *found]))


def _files(scripts: Path, pattern: str) -> list[Path]:
    files = sorted(path for path in scripts.glob(pattern) if path.is_file() and not path.name.startswith("."))
    if not files:
        raise FileNotFoundError(f"{scripts / pattern}: no such file")
    return files


def modules_of(program: Path) -> list[Path]:
    """A program and the modules of its stage and of the shared rooms that it imports, directly or through others."""
    found: set[Path] = set()
    waiting = [program]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    scripts = program.parents[1]
    return sorted(path for path in found if path.relative_to(scripts).as_posix() not in UNCOUNTED)


@cache
def _digest(path: Path) -> str:
    return digest(path)


@cache
def _imported(path: Path) -> list[Path]:
    """The modules of the same room and of those in FOLLOWED that a module imports by ``from PACKAGE.ROOM...``."""
    scripts = path.parents[1]
    rooms = {path.parent.name, *FOLLOWED}
    modules = []
    for package, *rest in (name.split(".") for name in _names(path)):
        if package == scripts.name and len(rest) == 2 and rest[0] in rooms:
            room, name = rest
            module = scripts / room / f"{name}.py"
            modules.append(module if module.is_file() else scripts / room / "__init__.py")
    return [module for module in modules if module.is_file()]


def _names(path: Path) -> Iterator[str]:
    """Dotted names that may be modules: of ``from a.b import c`` both a.b and a.b.c."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
