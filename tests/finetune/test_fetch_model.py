"""A model of the hub becomes a directory with a record of its files; the hub here is a filled cache."""

import pytest
from huggingface_hub import constants

from workflow_scripts.common.files import digest, read_json
from workflow_scripts.finetune.fetch_model import main

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = "someone/a-model"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """``cache(files)``: the library's cache holds the model with these files, and there is no network."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def cache(*files: str):
        model = tmp_path / "hub" / "models--someone--a-model"
        (model / "refs").mkdir(parents=True)
        (model / "refs" / "main").write_text(COMMIT)
        (model / "blobs").mkdir()
        for name in files:
            (model / "blobs" / f"of_{name}").write_text(f"this is {name}")
            (model / "snapshots" / COMMIT).mkdir(parents=True, exist_ok=True)
            (model / "snapshots" / COMMIT / name).symlink_to(model / "blobs" / f"of_{name}")

    return cache


@pytest.fixture
def fetch(tmp_path):
    """Fetches the model; returns the exit status and the names of what was written."""

    def fetch(*options: str, hub: str = HUB, revision: str = COMMIT):
        out, record = tmp_path / "out" / "model", tmp_path / "out" / "model.json"
        status = main(["--hub", hub, "--revision", revision, *options, "--out", str(out), "--record", str(record)])
        return status, sorted(path.name for path in out.iterdir()) if out.exists() else []

    return fetch


def test_safetensors_are_taken_and_nothing_that_is_not_needed(cache, fetch, tmp_path):
    cache("config.json", "vocab.txt", "model.safetensors", "pytorch_model.bin", "modeling.py", "README.md", "tf.h5")
    assert fetch() == (0, ["config.json", "model.safetensors", "vocab.txt"])
    record = read_json(tmp_path / "out" / "model.json")
    assert {key: record[key] for key in ("hub", "revision", "commit")} == {
        "hub": HUB,
        "revision": COMMIT,
        "commit": COMMIT,
    }
    for name, told in record["files"].items():
        path = tmp_path / "out" / "model" / name
        assert not path.is_symlink() and path.read_text() == f"this is {name}"
        assert told == {"bytes": path.stat().st_size, "sha256": digest(path)}
    assert sorted(record["files"]) == ["config.json", "model.safetensors", "vocab.txt"]


def test_a_checkpoint_is_taken_where_there_is_nothing_safer_and_code_where_it_is_allowed(cache, fetch):
    cache("config.json", "tokenizer.json", "pytorch_model.bin", "modeling.py")
    assert fetch() == (0, ["config.json", "pytorch_model.bin", "tokenizer.json"])
    assert fetch("--code") == (0, ["config.json", "modeling.py", "pytorch_model.bin", "tokenizer.json"])


def test_a_branch_is_recorded_as_the_commit_it_stands_for(cache, fetch, tmp_path):
    cache("config.json", "model.safetensors")
    assert fetch(revision="main")[0] == 0
    record = read_json(tmp_path / "out" / "model.json")
    assert (record["revision"], record["commit"]) == ("main", COMMIT)


@pytest.mark.parametrize(
    ("files", "changes", "told"),
    [
        (["config.json", "model.safetensors"], {"hub": "someone/other"}, "someone/other at 0123456789ab"),
        (["config.json", "model.safetensors"], {"revision": "v2"}, "someone/a-model at v2: not in the cache"),
        (["config.json", "model.safetensors"], {"hub": "a/b/c"}, "a/b/c at 0123456789ab"),
        (["config.json", "tf.h5"], {}, "has no weights; only models of the transformers library load"),
        (["model.safetensors"], {}, "has no config.json; only models"),
    ],
)
def test_what_cannot_be_had_is_one_line_and_leaves_nothing(cache, fetch, tmp_path, capsys, files, changes, told):
    cache(*files)
    assert fetch(**changes)[0] == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(errors) == 1 and errors[0].startswith("error: ") and told in errors[0]
    assert not (tmp_path / "out").exists()
