"""The user's data sets, checked before any job starts."""

import json
from collections.abc import Callable

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.labelled_set import read_labelled_set
from workflow_scripts.dag.code_dependencies import code
from workflow_scripts.dag.file_digests import digests
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.sound_inputs import remember, sound_ones
from workflow_scripts.settings.custom_datasets import Custom
from workflow_scripts.settings.custom_sources import read_made_sources


def custom_mistakes(gue: Gue, say: Callable[[str], object]) -> list[str]:
    """What is wrong with the custom data sets that the configuration chooses, a line for each mistake.

    ``say`` is told how the files of a sound one are understood, when they are read for the first time.
    """
    known = sound_ones()
    sound, lines = [], []
    for name in gue.datasets:
        if name not in gue.settings.custom:
            continue
        custom = gue.settings.custom[name]
        state = fingerprint(custom)
        try:
            if state not in known:
                for line in understood(custom):
                    say(f"data set {name}: {line}")
            sound.append(state)
        except UserError as error:
            lines += str(error).splitlines()
    remember(set(sound))
    return lines


def understood(custom: Custom) -> list[str]:
    """How the files are understood, a line for each. Raises UserError with all mistakes in them."""
    if custom.intervals or custom.fasta:
        return read_made_sources(custom).understood
    return read_labelled_set(custom.files(), custom.problem, custom.split is not None, ignore).understood


def ignore(*row: object) -> None:
    """Only the mistakes of the rows are wanted."""


def fingerprint(custom: Custom) -> int:
    """A digest of everything that the outcome of a check depends on; the names of the files are in its messages."""
    files = {str(path): digests([str(path)]) for path in custom.files().values()}
    return stable_hash(json.dumps(files), custom.model_dump_json(), code("gue/take_dataset.py"))
