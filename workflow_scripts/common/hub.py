"""Files of the Hugging Face hub: of a model or a data set, at a commit.

They go through the library's cache, which serves later runs, also without network. HF_ENDPOINT, HF_TOKEN, HF_HOME and
HF_HUB_OFFLINE have the library's meaning. Large files are brought into the cache here, because the library starts
them over after an interruption and compares no digest.
"""

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_url, snapshot_download
from huggingface_hub.errors import (
    FileMetadataError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import WeakFileLock, build_hf_headers, filter_repo_objects

from workflow_scripts.common.downloads import fetch
from workflow_scripts.common.errors import FULL, UserError
from workflow_scripts.common.files import digest
from workflow_scripts.common.hashing import git_sha1
from workflow_scripts.common.model_files import is_commit

NOUNS = {"model": "model", "dataset": "data set"}
UNREACHABLE = (httpx2.ConnectError, httpx2.TimeoutException)
DIGEST = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1 of a git blob, or SHA-256
SHA1 = 40  # hexadecimal digits


class Repository(NamedTuple):
    """A repository of the hub at a revision: a commit, or a branch or tag, which may move. ``kind``: see NOUNS."""

    id: str
    revision: str
    kind: str = "model"

    def __str__(self) -> str:
        return f"{self.id} at {self.revision}"

    @property
    def address(self) -> str:
        return f"{constants.ENDPOINT}/{'datasets/' if self.kind == 'dataset' else ''}{self.id}"

    @property
    def folder(self) -> str:
        """The name of its folder in the library's cache."""
        return repo_folder_name(repo_id=self.id, repo_type=self.kind)


def snapshot(repository: Repository, patterns: Sequence[str]) -> Path:
    """The folder of the library's cache with the repository's files of these names; its name is the commit.

    What the cache holds is not downloaded again; a large file that was interrupted is continued. Raises UserError if
    the files cannot be had.
    """
    with explained(repository):
        if not constants.HF_HUB_OFFLINE:
            _fetch_large_files(repository, patterns)
        return Path(
            snapshot_download(
                repository.id,
                repo_type=repository.kind,
                revision=repository.revision,
                allow_patterns=list(patterns),
            )
        )


def copy_files(folder: Path, names: Sequence[str], out: Path) -> dict[str, dict[str, Any]]:
    """Copy files of a snapshot to ``out``; returns size and sha256 of each.

    Raises UserError if one does not have the digest that the hub states, by which the cache names it.
    """
    files = {}
    for name in names:
        source, copy = folder / name, out / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)  # the cache holds links, maybe to another disk
        sha256, stated = digest(copy), source.resolve().name
        found = git_sha1(copy.read_bytes()) if len(stated) == SHA1 else sha256
        if DIGEST.fullmatch(stated) and found != stated:
            raise UserError(f"{source.resolve()}: its digest is {found}; the cache is damaged, delete it and run again")
        files[name] = {"bytes": copy.stat().st_size, "sha256": sha256}
    return files


def folders_of(repository: Repository) -> list[str]:
    """The folders of the repository that hold files; none without network. Raises UserError."""
    if constants.HF_HUB_OFFLINE:
        return []
    with explained(repository):
        return sorted({file.path.rpartition("/")[0] for file in _listed(repository, ["*"])} - {""})


def _listed(repository: Repository, patterns: Sequence[str]) -> list[RepoFile]:
    """The repository's files that match the patterns."""
    listed = HfApi().list_repo_tree(
        repository.id, recursive=True, revision=repository.revision, repo_type=repository.kind
    )
    files = [file for file in listed if isinstance(file, RepoFile)]
    return list(filter_repo_objects(files, allow_patterns=list(patterns), key=lambda file: file.path))


def _fetch_large_files(repository: Repository, patterns: Sequence[str]) -> None:
    """Bring those files into the cache of which the hub states the sha256; nothing if it does not list them."""
    try:
        commit = _commit(repository)
        files = _listed(repository._replace(revision=commit), patterns)
    except (*UNREACHABLE, HfHubHTTPError):
        return  # the cache may have them all; if not, the library meets the same
    headers = build_hf_headers()
    token = {name: value for name, value in headers.items() if name.lower() == "authorization"}
    cache = Path(constants.HF_HUB_CACHE)
    for file in files:
        if file.lfs is None:
            continue
        sha256 = file.lfs.sha256
        blob = cache / repository.folder / "blobs" / sha256
        lock = cache / ".locks" / repository.folder / f"{sha256}.lock"
        lock.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            if not blob.exists():
                url = hf_hub_url(repository.id, file.path, repo_type=repository.kind, revision=commit)
                get_hf_file_metadata(url, headers=headers)  # if it may not be read, this says why
                fetch(url, blob, sha256=sha256, headers=token)


def _commit(repository: Repository) -> str:
    """The commit of a revision; says so if a branch has moved since the cache last saw it."""
    if is_commit(repository.revision):
        return repository.revision
    info = HfApi().repo_info(repository.id, revision=repository.revision, repo_type=repository.kind)
    known = Path(constants.HF_HUB_CACHE, repository.folder, "refs", repository.revision)
    if known.is_file() and (before := known.read_text()) != info.sha:
        print(
            f"warning: {repository.id}: {repository.revision} has moved from {before} to {info.sha}, which is fetched; "
            f"give a commit as revision to keep one",
            file=sys.stderr,
        )
    return str(info.sha)


@contextmanager
def explained(repository: Repository) -> Iterator[None]:
    """Turn what the library, the network and the disk raise into a UserError of one line, which says what to do.

    The library's own texts are not repeated: they have several lines, and addresses that may be signed.
    """
    try:
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL, HFValidationError, OSError) as error:
        raise UserError(f"{repository}: {_reason(error, repository)}") from error


def _reason(error: Exception, repository: Repository) -> str:
    """Why a repository cannot be had, and what to do."""
    # the library looks into its cache after a failed request, and then says that it found nothing
    cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) and error.__cause__ else error
    if isinstance(cause, HfHubHTTPError):
        return _refusal(cause, repository)
    if constants.HF_HUB_OFFLINE or isinstance(cause, OfflineModeIsEnabled):
        return (
            f"not in the cache {constants.HF_HUB_CACHE}, and HF_HUB_OFFLINE is set; unset it, or fill the cache on a "
            "machine with network"
        )
    if isinstance(cause, HFValidationError):
        return f"{repository.id!r} is no id of the hub, such as owner/name"
    if isinstance(cause, OSError) and cause.errno in FULL:
        return f"no space left in {constants.HF_HUB_CACHE}; make room and run again, or set HF_HOME to a larger disk"
    if isinstance(cause, UNREACHABLE):
        return (
            f"{constants.ENDPOINT} cannot be reached and the cache {constants.HF_HUB_CACHE} does not have it; check "
            "the network or HF_ENDPOINT, or fill the cache on a machine with network"
        )
    if isinstance(cause, FileMetadataError):
        return f"{constants.ENDPOINT} does not answer as the hub does; check HF_ENDPOINT and proxies"
    if isinstance(cause, OSError) and cause.errno is not None:
        return f"{cause.filename or constants.HF_HUB_CACHE}: {cause.strerror}"
    failure = type(cause).__name__
    return f"the download broke off in every attempt ({failure}); run again, what has arrived whole is kept"


def _refusal(error: HfHubHTTPError, repository: Repository) -> str:
    """What an answer of the hub without the files means."""
    noun, status = NOUNS[repository.kind], error.response.status_code
    tokens = f"{constants.ENDPOINT}/settings/tokens"
    if isinstance(error, GatedRepoError):
        return (
            f"its owner wants terms accepted ({status}): log in at {repository.address}, accept them, and set HF_TOKEN "
            f"to a token of that account ({tokens})"
        )
    if isinstance(error, RevisionNotFoundError):
        return f"the {noun} has no such commit, branch or tag ({status}); see {repository.address}/commits"
    if isinstance(error, RemoteEntryNotFoundError):
        return f"a file is missing ({status}); see {repository.address}/tree/{repository.revision}"
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"{constants.ENDPOINT} has no such {noun}, or it is private ({status}); check the id, or set HF_TOKEN to a "
            "token that may read it"
        )
    if status in (401, 403):
        return f"the token is refused ({status}); set HF_TOKEN to one that may read it ({tokens}), or unset it"
    return f"the hub answered {status}; try again later"
