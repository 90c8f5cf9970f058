"""The known hashes and sizes of the published files, and the comparison of a file with them.

The hashes in ``config/gue_published.tsv`` are git blob SHA-1s: of the header "blob SIZE\\0" and the content. Two
repositories have the files, one with LF and one with CRLF line ends, so each file has two hashes.
"""

from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.hashing import git_sha1
from workflow_scripts.gue.registry import Dataset
from workflow_scripts.settings.names import SPLITS

DIFFERS = "differs from the known file"
NEITHER = "neither as released nor as in the paper"


def read_known_hashes(path: str | Path, dataset: Dataset) -> dict[str, set[str]]:
    """Split -> the SHA-1s of its file with either line end; a split without known hashes is absent."""
    try:
        return {
            row["split"]: {row["git_sha1_lf"], row["git_sha1_crlf"]}
            for row in read_table(path)
            if (row["task"], row["dataset"]) == (dataset.task, dataset.dataset)
        }
    except KeyError as error:
        raise UserError(f"{path}: no column {error.args[0]}; see config/gue_published.tsv") from error


def compare_hash(content: bytes, hashes: set[str] | None) -> str:
    """Whether a file, decompressed, has one of its known hashes; in words for the datasheet."""
    if hashes is None:
        return "no known file"
    return "git blob SHA-1" if git_sha1(content) in hashes else DIFFERS


def compare_size(count: int, split: str, dataset: Dataset) -> str:
    """Which of the two documented sizes of a split ``count`` is, if any; in words for the datasheet."""
    index = SPLITS.index(split)
    if count == dataset.rows[index]:
        return "as released"
    return "as in the paper" if count == dataset.paper_rows[index] else NEITHER
