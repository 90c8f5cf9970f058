"""The record of a run: git state, configuration, versions and digests."""

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
    """A git repository with one commit of one file, envs/data.yaml."""
    repository = tmp_path / "a repository"
    (repository / "envs").mkdir(parents=True)
    (repository / "envs/data.yaml").write_text("dependencies: []\n")
    settings = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "envs"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *settings, *words], cwd=repository, check=True)
    return repository


def test_commit_and_changed_files(repository):
    state = record_run.git_state(repository)
    assert len(state["commit"]) == 40 and state | {"commit": ""} == {"commit": "", "dirty": False, "changed": []}
    (repository / "envs/data.yaml").write_text("dependencies: [python]\n")
    (repository / "new; file").touch()
    assert record_run.git_state(repository) == state | {"dirty": True, "changed": ["envs/data.yaml", "new; file"]}


def test_code_outside_a_repository_has_no_commit(repository, tmp_path, monkeypatch):
    assert record_run.git_state(tmp_path) is None
    assert record_run.git_state(repository / "envs") is None, "a repository in a parent folder does not count"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert record_run.git_state(repository) is None, "no git"


def test_the_record_has_configuration_versions_and_digests(tmp_path):
    table, run, out = CONFIG / "gue.tsv", tmp_path / "configuration.json", tmp_path / "run.json"
    run.write_text(json.dumps(RUN))
    assert record_run.main(["--run", str(run), "--files", str(table), "--out", str(out)]) == 0
    record = read_json(out)
    assert {key: record[key] for key in RUN} == RUN
    assert record["packages"]["pyarrow"] == version("pyarrow") and record["python"].startswith("3.")
    assert record["files"] == {str(table): digest(table)}
    assert record["environments"] == {path.name: digest(path) for path in (CONFIG.parent / "envs").iterdir()}


def test_without_the_configuration_the_program_fails(tmp_path, capsys):
    arguments = ["--files", str(CONFIG / "gue.tsv"), "--out", str(tmp_path / "run.json")]
    assert record_run.main(["--run", str(tmp_path / "missing.json"), *arguments]) == 1
    assert "missing.json: no such file; Snakemake writes it" in capsys.readouterr().err
    assert not (tmp_path / "run.json").exists()
