"""The source files on which a script's results depend; only the standard library, because the Snakefile asks."""

import ast
from functools import cache
from pathlib import Path


def modules_of(script: Path) -> list[Path]:
    """A script and the modules beside it that it imports, directly or through one another, by name.

    What several stages share is not among them: a change there that changes results is named by the rule.
    """
    found, waiting = set(), [script]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imported(path)
    return sorted(found)


@cache
def _imported(path: Path) -> list[Path]:
    """The modules of the same folder that a module imports by ``from PACKAGE.FOLDER...``."""
    here = f"{path.parent.parent.name}.{path.parent.name}"
    statements = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    names = [alias.name for node in statements if node.module == here for alias in node.names]
    names += [
        node.module.rsplit(".", 1)[1] for node in statements if node.module and node.module.startswith(f"{here}.")
    ]
    return [path.with_name(f"{name}.py") for name in names if path.with_name(f"{name}.py").exists()]
