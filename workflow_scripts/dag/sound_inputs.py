"""Which of the user's inputs were checked and found sound, so that none is read twice."""

from contextlib import suppress
from pathlib import Path

from workflow_scripts.common.files import read_json, write_json

SOUND = Path(".snakemake/sound_inputs.json")  # digests of all that a check depends on


def sound_ones() -> set[int]:
    """The digests of the inputs that were found sound in this working directory."""
    try:
        return set(read_json(SOUND))
    except (OSError, ValueError, TypeError):
        return set()


def remember(sound: set[int]) -> None:
    """Keep more digests, if the working directory is writable; else the inputs are read again next time."""
    known = sound_ones()
    if not sound <= known:
        with suppress(OSError):
            write_json(SOUND, sorted(known | sound))
