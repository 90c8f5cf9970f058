"""The start of a run: the plan, jobs that were left running, and the file with the configuration."""

import subprocess
import sys
from pathlib import Path

import pytest

from workflow_scripts.common.files import read_json
from workflow_scripts.dag.running_jobs import SERVER, running_jobs
from workflow_scripts.dag.start import CONFIGURATION, complete, start
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.pretrain import Training


class Plan:
    """A plan that notes what it is asked to say, and what was written by then."""

    def __init__(self) -> None:
        self.said: list = []

    def say_and_wait(self, jobs, in_doubt) -> None:
        assert not Path(CONFIGURATION).exists(), "a run that is stopped in time has written nothing"
        self.said += jobs


@pytest.fixture
def job(tmp_path):
    """``job(name)``: start a process in the working directory whose command line names a program, and end it."""
    processes = []

    def job(name: str) -> int:
        command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)", name]
        processes.append(subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE))
        processes[-1].stdout.readline()
        return processes[-1].pid

    yield job
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_run_says_its_plan_and_then_writes_its_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan, facts = Plan(), {"snakemake": "9.27.1", "software_deployment": ["conda"]}
    assert start(plan, ["a job"], 0, Configuration(seed=1), facts) is None
    written = read_json(CONFIGURATION)
    assert plan.said == ["a job"] and written.items() > facts.items() and written["configuration"]["seed"] == 1


def test_the_configuration_is_written_with_its_defaults(configured):
    more = {"from": "dnabert2", "data": "gue", "gpus": 1}
    layers = {"tasks": {"covid": {"epochs": 4}}, "settings": {"batch_size": 8}}
    settings = configured({"pretrain": {"more": more}, "finetune": layers})
    written = complete(settings)
    assert written["pretrain"]["more"] == {**more, "nodes": 1, "threads": 8, "training": Training().model_dump()}
    assert written["finetune"]["tasks"] == {"covid": {"epochs": 4}}, "a layer over others"
    assert written["finetune"]["settings"]["batch_size"] == 8 and "demo" not in written
    assert written["finetune"]["runs"][0].keys() == {"models", "method", "datasets"}
    assert Configuration.model_validate(written) == settings


def test_a_run_does_not_start_next_to_jobs_of_an_earlier_one(tmp_path, monkeypatch, job):
    monkeypatch.chdir(tmp_path)
    number, plan = job("workflow_scripts.genomes.chunk_genome"), Plan()
    reason = start(plan, [], 0, Configuration(), {})
    assert f"still work in {tmp_path}: processes {number}. Wait for them" in reason
    assert plan.said == [] and not Path("results").exists()


def test_only_programs_of_the_workflow_in_this_folder_are_its_jobs(tmp_path, job):
    ours = job("workflow_scripts.genomes.chunk_genome")
    job("something.else")
    job(SERVER.decode())
    assert running_jobs(tmp_path) == [ours]
    (tmp_path / "elsewhere").mkdir()
    assert running_jobs(tmp_path / "elsewhere") == []


def test_results_that_cannot_be_written_are_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("results").write_text("a file")
    reason = "results: File exists; it exists already; move it away, or choose another place"
    assert start(Plan(), [], 0, Configuration(), {}) == reason
