"""A stand-in of the Hugging Face hub: models and data sets at commits, as the pinned huggingface_hub asks for them.

with Hub() as hub:
    commit = hub.add("owner/name", {"config.json": b"{}", "model.safetensors": weights})
    hub.repositories["owner/name"].branches["main"] = commit   # add has done so; to move a branch, add other files
    hub.repositories["owner/name"].gated = "hf_secret"          # only for this token
    hub.renamed["owner/old"] = "owner/name"
    hub.large_file("owner/name", "model.safetensors")           # its path, for faults[...] and sent(...) of the server

Files from LARGE bytes on are kept apart, as the hub does with LFS: a request is redirected to them.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from tests.server import Handler, Request, Server
from workflow_scripts.common.hashing import git_sha1

LARGE = 1000  # bytes
API = re.compile(r"/api/(model|dataset)s/([^/]+/[^/]+?)(?:/(revision|tree)/([^/]+))?")
FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Repository:
    """The files of each commit, and the commit of each branch. ``gated``: the only token that may read them."""

    kind: str
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    gated: str | None = None


class HubHandler(Handler):
    """Answers what the library asks: the API, HEAD and GET of files."""

    def do_HEAD(self):  # noqa: N802
        self.do_GET()

    def send(self, body: bytes) -> None:
        if self.command != "HEAD":
            super().send(body)

    def do_GET(self):  # noqa: N802
        hub, path = self.server.owner, unquote(urlsplit(self.path).path)
        if self.path in hub.files:
            return super().do_GET()
        hub.asked.append(f"{self.command} {path}")
        self.request_seen = Request(path, dict(self.headers))
        if found := API.fullmatch(path):
            kind, name, what, revision = found.groups()
            return self._of_repository(kind, name, revision or "main", lambda *known: self._described(what, *known))
        if found := FILE.fullmatch(path):
            folder, name, revision, file = found.groups()
            kind = "dataset" if folder else "model"
            return self._of_repository(kind, name, revision, lambda *known: self._file(file, *known))
        return self.answer(404, b"")

    def _of_repository(self, kind, name, revision, answer):
        hub = self.server.owner
        if name in hub.renamed:
            return self.answer(307, b"", Location=self.path.replace(name, hub.renamed[name]))
        repository = hub.repositories.get(name)
        if repository is None or repository.kind != kind:
            return self.answer(404, b"", X_Error_Code="RepoNotFound", X_Error_Message="Repository not found")
        commit = repository.branches.get(revision, revision)
        if commit not in repository.commits:
            return self.answer(404, b"", X_Error_Code="RevisionNotFound", X_Error_Message="Invalid rev id")
        return answer(name, repository, commit)

    def _described(self, what, name, repository, commit):
        """The listing of a tree, or what there is to say about the repository."""
        files = [described(path, content) for path, content in repository.commits[commit].items()]
        about = {
            "id": name,
            "sha": commit,
            "siblings": [{"rfilename": file["path"], "size": file["size"]} for file in files],
            "tags": [],
        }
        self.answer(200, json.dumps(files if what == "tree" else about).encode(), Content_Type="application/json")

    def _file(self, path, name, repository, commit):
        if repository.gated and self.headers.get("Authorization") != f"Bearer {repository.gated}":
            status = 403 if self.headers.get("Authorization") else 401
            message = "Access to this repository is restricted"
            return self.answer(status, b"", X_Error_Code="GatedRepo", X_Error_Message=message)
        content = repository.commits[commit].get(path)
        if content is None:
            return self.answer(404, b"", X_Error_Code="EntryNotFound", X_Error_Message="Entry not found")
        if len(content) < LARGE:
            tag = {"ETag": f'"{git_sha1(content)}"', "X-Repo-Commit": commit, "Content-Length": str(len(content))}
            self.head(200, tag)
            return self.send(content)
        sha256 = hashlib.sha256(content).hexdigest()
        linked = {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(content)), "X-Repo-Commit": commit}
        # another host, as the hub's: the library follows no other redirect for HEAD, and no token may go there
        place = f"{self.server.owner.url.replace('127.0.0.1', 'localhost')}/large/{sha256}"
        self.head(302, linked | {"Location": place, "Content-Length": "0"})


class Hub(Server):
    """A hub on a free port of this machine, within ``with``; ``asked``: the requests, but those of large files."""

    handler = HubHandler

    def __init__(self):
        super().__init__()
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        self.asked: list[str] = []

    def add(self, name: str, files: dict[str, bytes], kind: str = "model", commit: str | None = None) -> str:
        """Make a commit of a repository, and move its branch main to it; returns the commit."""
        repository = self.repositories.setdefault(name, Repository(kind))
        commit = commit or hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        repository.commits[commit] = files
        repository.branches["main"] = commit
        for content in files.values():
            if len(content) >= LARGE:
                self.files[f"/large/{hashlib.sha256(content).hexdigest()}"] = content
        return commit

    def large_file(self, name: str, path: str) -> str:
        """The path at which a large file of the branch main is served."""
        repository = self.repositories[name]
        content = repository.commits[repository.branches["main"]][path]
        return f"/large/{hashlib.sha256(content).hexdigest()}"


def described(path: str, content: bytes) -> dict:
    """A file in the listing of a tree."""
    file = {"type": "file", "path": path, "size": len(content), "oid": git_sha1(content)}
    if len(content) >= LARGE:
        file["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return file
