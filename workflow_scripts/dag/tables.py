"""Tables that the configuration names: of this repository, or the user's."""

import os
from pathlib import Path
from typing import Any

from workflow_scripts.settings.corpora import table_path

TABLES = (
    ("genomes", "corpus"),
    ("gue", "registry"),
    ("gue", "sources"),
    ("gue", "known_files"),
    ("gue", "hub_files"),
    ("gue", "candidates"),
    ("finetune", "hparams"),
    ("finetune", "families"),
    ("report", "paper_results"),
    ("report", "paper_models"),
    ("report", "reruns"),
)


def resolve_tables(config: dict[str, Any], repository: Path) -> None:
    """Replace the tables of a configuration, checked or not, by paths that open from the working directory.

    A file of the working directory goes before the one of that name in the repository, whose path is made relative: so
    it can be a part of a command, and another clone at the same relative place reruns nothing.
    """
    for section, key in TABLES:
        values = config.get(section)
        if isinstance(values, dict) and isinstance(values.get(key), str):
            path = table_path(values[key])
            values[key] = path if Path(path).exists() else os.path.relpath(repository / path)
