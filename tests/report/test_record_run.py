"""The record of a run names what it was made from and with."""

import json
import subprocess
from importlib.metadata import version

import pytest

from tests.report.conftest import CONFIG
from workflow_scripts.common.files import digest, read_json
from workflow_scripts.report import record_run

RUN = {"configuration": {"seed": 42, "title": "{x}; 'y'"}, "snakemake": "9.27.1", "software_deployment": ["conda"]}


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit of one file, and a folder of environments."""
    repository = tmp_path / "a repository"
    (repository / "envs").mkdir(parents=True)
    (repository / "envs/data.yaml").write_text("dependencies: []\n")
    settings = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "envs"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *settings, *words], cwd=repository, check=True)
    return repository


def test_commit_and_what_differs_from_it(repository):
    state = record_run.git_state(repository)
    assert len(state["commit"]) == 40 and state | {"commit": ""} == {"commit": "", "dirty": False, "changed": []}
    (repository / "envs/data.yaml").write_text("dependencies: [python]\n")
    (repository / "new; file").touch()
    assert record_run.git_state(repository) == state | {"dirty": True, "changed": ["envs/data.yaml", "new; file"]}


def test_code_that_is_no_repository_has_no_commit(repository, tmp_path, monkeypatch):
    assert record_run.git_state(tmp_path) is None
    assert record_run.git_state(repository / "envs") is None, "a repository around the code is not its own"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert record_run.git_state(repository) is None, "no git"


def test_the_record_holds_configuration_versions_and_digests(tmp_path):
    table, out = CONFIG / "gue.tsv", tmp_path / "run.json"
    assert record_run.main(["--run", json.dumps(RUN), "--files", str(table), "--out", str(out)]) == 0
    told = read_json(out)
    assert {key: told[key] for key in RUN} == RUN
    assert told["packages"]["pyarrow"] == version("pyarrow") and told["python"].startswith("3.")
    assert told["files"] == {str(table): digest(table)}
    assert told["environments"] == {path.name: digest(path) for path in (CONFIG.parent / "envs").iterdir()}
