"""The user's data sets, checked before any job starts."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json, write_json
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.labelled_set import read_labelled_set
from workflow_scripts.common.labelled_sources import custom_sources
from workflow_scripts.dag.code_dependencies import code
from workflow_scripts.dag.file_digests import digests
from workflow_scripts.dag.gue import Gue, Row

SOUND = Path(".snakemake/custom_datasets.json")  # digests of the data sets that were sound, so none is read twice


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
    if not set(sound) <= known:
        remember(known | set(sound))
    return lines


def ignore(*row: object) -> None:
    """Only the mistakes of the rows are wanted."""


def fingerprint(sources: dict[str, Path], row: Row) -> int:
    """A digest of everything that the outcome of a check depends on; the names of the files are in its messages."""
    files = {str(path): digests([str(path)]) for path in sources.values()}
    return stable_hash(json.dumps([files, row.get("problem"), row.get("split")]), code("gue/take_dataset.py"))


def sound_ones() -> set[int]:
    """The digests of the data sets that were found sound in this working directory."""
    try:
        return set(read_json(SOUND))
    except (OSError, ValueError, TypeError):
        return set()


def remember(sound: set[int]) -> None:
    """Keep the digests, if the working directory is writable; else the files are read again next time."""
    with suppress(OSError):
        write_json(SOUND, sorted(sound))
