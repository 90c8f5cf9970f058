"""What is known of the published files (``config/gue_published.tsv``), and whether a file is the known one.

A blob's SHA-1 is git's: of the header "blob SIZE\\0" and the bytes. Two repositories hold the files, one with LF and
one with CRLF at the line ends, so that each file has two.
"""

import hashlib
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table
from workflow_scripts.gue.registry import Dataset
from workflow_scripts.settings.names import SPLITS

DIFFERS = "differs from the known file"
NEITHER = "neither as released nor as in the paper"


def git_sha1(content: bytes) -> str:
    """The name that git gives to a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def known_hashes(path: str | Path, dataset: Dataset) -> dict[str, set[str]]:
    """Split -> the SHA-1 that its file has with either line end; splits that are not known are left out."""
    try:
        return {
            row["split"]: {row["git_sha1_lf"], row["git_sha1_crlf"]}
            for row in read_table(path)
            if (row["task"], row["dataset"]) == (dataset.task, dataset.dataset)
        }
    except KeyError as error:
        raise UserError(f"{path}: no column {error.args[0]}; see config/gue_published.tsv") from error


def verify(content: bytes, hashes: set[str] | None) -> str:
    """Whether a file, taken out of its compression, is the known one."""
    if hashes is None:
        return "no known file"
    return "git blob SHA-1" if git_sha1(content) in hashes else DIFFERS


def verify_rows(count: int, split: str, dataset: Dataset) -> str:
    """Which of the two sizes that are told of a split ``count`` is."""
    index = SPLITS.index(split)
    if count == dataset.rows[index]:
        return "as released"
    return "as in the paper" if count == dataset.paper_rows[index] else NEITHER
