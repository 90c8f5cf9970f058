"""The user's data sets, checked before any job starts."""

import json
from collections.abc import Callable
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.labelled_set import read_labelled_set
from workflow_scripts.common.labelled_sources import custom_sources
from workflow_scripts.dag.code_dependencies import code
from workflow_scripts.dag.file_digests import digests
from workflow_scripts.dag.gue import Gue, Row
from workflow_scripts.dag.sound_inputs import remember, sound_ones


def custom_mistakes(gue: Gue, say: Callable[[str], object]) -> list[str]:
    """What is wrong with the custom data sets that the configuration chooses, a line for each mistake.

    ``say`` is told how the files of a sound one are understood, when they are read for the first time.
    """
    known = sound_ones()
    sound, lines = [], []
    for name in gue.datasets:
        if name not in gue.settings.custom:
            continue
        row = gue.registry[name]
        sources = custom_sources(row.get("folder"), row.get("file"))
        state = fingerprint(sources, row)
        try:
            if state not in known:
                for line in read_labelled_set(sources, row["problem"], "split" in row, ignore).understood:
                    say(f"data set {name}: {line}")
            sound.append(state)
        except UserError as error:
            lines += str(error).splitlines()
    remember(set(sound))
    return lines


def ignore(*row: object) -> None:
    """Only the mistakes of the rows are wanted."""


def fingerprint(sources: dict[str, Path], row: Row) -> int:
    """A digest of everything that the outcome of a check depends on; the names of the files are in its messages."""
    files = {str(path): digests([str(path)]) for path in sources.values()}
    return stable_hash(json.dumps([files, row.get("problem"), row.get("split")]), code("gue/take_dataset.py"))
