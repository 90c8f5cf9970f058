"""What is in the user's files, so that their bytes decide what runs again, and not their times or how they are named.

The digest of a file is kept with its path, size, times and inode, and is computed again when one of them differs. The
digests are params of the rules that read such files, which are ``ancient`` inputs there.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from workflow_scripts.common.files import digest

KEPT = Path(".snakemake/file_digests.tsv")  # a line a file: size, times, inode, digest, path


def digests(paths: Iterable[str]) -> list[str]:
    """The SHA-256 of each file, in the order of the paths; of a file that does not exist, that it does not."""
    return [_digest(tidy(path), _state(path)) for path in paths]


def tidy(path: str) -> str:
    """One spelling of a path: without ``.``, ``..``, ``//``, and relative to the working directory if below it."""
    here = Path.cwd()
    absolute = Path(os.path.normpath(here / path))  # resolve() would follow links: a new target is a new path then
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _state(path: str) -> str:
    """Size, times of change (of content, and of inode) and inode of a file; empty if it does not exist."""
    try:
        found = Path(path).stat()
    except OSError:
        return ""
    return f"{found.st_size}\t{found.st_mtime_ns}\t{found.st_ctime_ns}\t{found.st_ino}"


@cache  # every job that reads the file asks
def _digest(path: str, state: str) -> str:
    if not state:
        return "no such file"
    kept = _kept().get(path, "").rpartition("\t")
    if kept[0] == state:
        return kept[2]
    content = digest(path)
    with suppress(OSError):  # in a folder that cannot be written files are read again next time
        KEPT.parent.mkdir(exist_ok=True)
        with KEPT.open("a", encoding="utf-8") as lines:
            lines.write(f"{state}\t{content}\t{path}\n")
    return content


@cache  # what is added while this process runs, it knows already
def _kept() -> dict[str, str]:
    """State and digest of each file by its path; the last line of a path counts."""
    try:
        lines = KEPT.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    rows = [line.rpartition("\t") for line in lines]
    return {path: known for known, _, path in rows if known.count("\t") == 4}
