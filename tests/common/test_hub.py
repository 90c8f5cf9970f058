"""Files of the hub arrive whole or with one line that says what to do; the hub is a server of this machine."""

import errno
import hashlib
from itertools import repeat

import pytest
from huggingface_hub import constants, file_download

from tests.server import answer, cut
from workflow_scripts.common import http_retry
from workflow_scripts.common import hub as module
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hub import Repository, copy_files, folders_of, snapshot

ID, LARGE = "someone/a-model", bytes(range(256)) * 400
FILES = {"config.json": b"{}", "sub/vocab.txt": b"A\nC\n", "model.safetensors": LARGE, "README.md": b"#"}
WANTED = ["config.json", "sub/*", "*.safetensors"]
TOKEN = "hf_secret"


@pytest.fixture
def commit(hub):
    return hub.add(ID, FILES)


def told(repository: Repository) -> str:
    """The one line that is said about a repository that cannot be had."""
    with pytest.raises(UserError) as error:
        snapshot(repository, WANTED)
    (line,) = str(error.value).splitlines()
    assert TOKEN not in line
    return line


def names(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_files_arrive_with_their_digests_and_only_those_that_are_wanted(hub, tmp_path, kind):
    commit = hub.add(ID, FILES, kind)
    folder = snapshot(Repository(ID, "main", kind), WANTED)
    assert folder.name == commit and names(folder) == ["config.json", "model.safetensors", "sub/vocab.txt"]
    record = copy_files(folder, names(folder), tmp_path / "out")
    assert record == {
        name: {"bytes": len(FILES[name]), "sha256": hashlib.sha256(FILES[name]).hexdigest()} for name in names(folder)
    }
    assert (tmp_path / "out/model.safetensors").read_bytes() == LARGE
    assert folders_of(Repository(ID, commit, kind)) == ["sub"]


def test_what_is_cached_needs_no_network(hub, commit, monkeypatch):
    snapshot(Repository(ID, commit), WANTED)
    assert hub.sent(hub.large_file(ID, "model.safetensors")) == [len(LARGE)]
    hub.asked.clear()
    snapshot(Repository(ID, commit), WANTED)
    assert not [line for line in hub.asked if "/resolve/" in line] and len(hub.requests) == 1
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert names(snapshot(Repository(ID, commit), WANTED)) == ["config.json", "model.safetensors", "sub/vocab.txt"]
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert snapshot(Repository(ID, commit), WANTED).name == commit


def test_a_renamed_repository_is_found(hub, commit):
    hub.renamed["someone/old"] = ID
    assert names(snapshot(Repository("someone/old", commit), WANTED)) == names(snapshot(Repository(ID, commit), WANTED))


# ---- interruptions


def test_a_large_file_that_breaks_off_is_continued_also_by_the_next_run(hub, commit):
    path = hub.large_file(ID, "model.safetensors")
    hub.faults[path] = iter([cut(60_000), *repeat(answer(503), http_retry.ATTEMPTS)])
    line = told(Repository(ID, commit))
    assert line.endswith("8 attempts in a row failed, check the address or try again later")
    snapshot(Repository(ID, commit), WANTED)
    assert hub.sent(path)[0] == 60_000 and hub.sent(path)[-1] == len(LARGE) - 60_000


def test_a_large_file_of_other_bytes_is_refused(hub, commit):
    hub.files[hub.large_file(ID, "model.safetensors")] = LARGE[::-1]
    assert "the file is damaged or has changed" in told(Repository(ID, commit))


def test_a_small_file_that_breaks_off_in_every_attempt_is_one_line(hub, monkeypatch):
    commit = hub.add(ID, {"config.json": b"{}"})
    monkeypatch.setattr(hub.handler, "_file", lambda handler, *_: (handler.head(200, BROKEN), handler.reset()))
    assert told(Repository(ID, commit)).startswith(f"{ID} at {commit}: the download broke off in every attempt (")


BROKEN = {"ETag": '"0"', "X-Repo-Commit": "0" * 40, "Content-Length": "10"}


def test_a_file_that_was_damaged_in_the_cache_is_not_copied(hub, commit, tmp_path):
    folder = snapshot(Repository(ID, commit), WANTED)
    for name in ("config.json", "model.safetensors"):
        blob = (folder / name).resolve()
        blob.write_bytes(b"x" * blob.stat().st_size)
        with pytest.raises(UserError, match="the cache is damaged, delete it and run again"):
            copy_files(folder, [name], tmp_path / "out")


# ---- what cannot be had


def test_what_the_hub_does_not_have(hub, commit):
    assert told(Repository("someone/other", commit)) == (
        f"someone/other at {commit}: {hub.url} has no such model, or it is private (404); check the id, or set "
        "HF_TOKEN to a token that may read it"
    )
    assert "has no such data set" in told(Repository(ID, commit, "dataset"))
    assert "the model has no such commit, branch or tag (404); see" in told(Repository(ID, "v2"))
    assert "the model has no such commit, branch or tag (404); see" in told(Repository(ID, "0" * 40))
    assert "'a/b/c' is no id of the hub, such as owner/name" in told(Repository("a/b/c", commit))


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("hf_other", 403)])
@pytest.mark.parametrize("files", [FILES, {"config.json": b"{}"}], ids=["large", "small"])
def test_a_gated_model_says_to_accept_its_terms(hub, monkeypatch, token, status, files):
    commit = hub.add(ID, files)
    hub.repositories[ID].gated = TOKEN
    if token:
        monkeypatch.setenv("HF_TOKEN", token)
    line = told(Repository(ID, commit))
    assert line == (
        f"{ID} at {commit}: its owner wants terms accepted ({status}): log in at {hub.url}/{ID}, accept them, and set "
        f"HF_TOKEN to a token of that account ({hub.url}/settings/tokens)"
    )
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert "config.json" in names(snapshot(Repository(ID, commit), WANTED))
    elsewhere = [request for request in hub.requests if "/large/" in request.path]
    assert bool(elsewhere) == (files is FILES)
    assert not any(TOKEN in str(request.headers) for request in elsewhere), "the token goes to the hub only"


def refuse(handler, status, headers):
    handler.answer(status, b"", **headers)


def test_a_refused_token_and_a_busy_hub(hub, commit, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    refused = {"X_Error_Message": "Invalid credentials in Authorization header"}
    for status, headers, expected in [
        (401, refused, "the token is refused (401); set HF_TOKEN to one that may read it"),
        (403, {}, "the token is refused (403); set HF_TOKEN to one that may read it"),
        (503, {}, "the hub answered 503; try again later"),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(hub.handler, "_of_repository", lambda handler, *_, of=(status, headers): refuse(handler, *of))
            assert expected in told(Repository(ID, commit))


def test_without_a_network(hub, commit, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert told(Repository(ID, commit)) == (
        f"{ID} at {commit}: http://127.0.0.1:9 cannot be reached and the cache {tmp_path}/cache does not have it; "
        "check the network or HF_ENDPOINT, or fill the cache on a machine with network"
    )
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert told(Repository(ID, commit)) == (
        f"{ID} at {commit}: not in the cache {tmp_path}/cache, and HF_HUB_OFFLINE is set; unset it, or fill the cache "
        "on a machine with network"
    )


def test_a_full_disk(hub, commit, monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "fetch", full)
    assert told(Repository(ID, commit)) == (
        f"{ID} at {commit}: no space left in {tmp_path}/cache; make room and run again, or set HF_HOME to a larger disk"
    )
    hub.add(ID, {"config.json": b"{}"})
    monkeypatch.setattr(file_download, "http_get", full)
    assert "make room and run again, or set HF_HOME to a larger disk" in told(Repository(ID, "main"))


def test_a_branch_that_has_moved_is_said_and_a_commit_stays(hub, commit, capsys):
    snapshot(Repository(ID, "main"), WANTED)
    assert "warning" not in capsys.readouterr().err
    other = hub.add(ID, FILES | {"config.json": b"[]"})
    assert snapshot(Repository(ID, "main"), WANTED).name == other
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert f"main has moved from {commit} to {other}" in line and "give a commit as revision" in line
    assert snapshot(Repository(ID, commit), WANTED).name == commit
