"""Pre-training by Snakemake: killed and terminated attempts leave no trace; hardware is not a param."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pretrain.working import ALONE, configured, lay_out, newest_state
from tests.workflow.harness import REPOSITORY, job_counts, small_disk, snakemake
from workflow_scripts.dag.running_jobs import running_jobs

pytestmark = pytest.mark.slow


@pytest.fixture
def prepared(planted, tokenizer_folder, tmp_path):
    """Makes a working directory with the tokens of two genomes; returns the options that train a model on them."""

    def prepared(name: str, model: dict | None = None, **training) -> list[str]:
        root = tmp_path / name
        lay_out(root, planted, tokenizer_folder)
        return [*configured(root, model, **training), "--cores", "1", *ALONE]

    return prepared


def wait_for_a_state_after(step: int, root: Path, snakemake: subprocess.Popen) -> int:
    """Wait for a state with a later step than ``step``; returns its step."""
    deadline = time.monotonic() + 600
    while (saved := newest_state(root)) <= step:
        assert snakemake.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    return saved


def test_killed_and_terminated_attempts_are_repeated_and_write_the_same_bytes(prepared, tmp_path):
    snakemake(*prepared("whole"))
    root = tmp_path / "killed"
    command = [str(Path(sys.executable).with_name("snakemake")), *prepared("killed"), "--retries", "2"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
        saved = 0
        for number in (signal.SIGKILL, signal.SIGTERM):
            saved = wait_for_a_state_after(saved, root, process)
            os.kill(running_jobs(root)[0], number)
        assert process.wait(timeout=120) == 0, (tmp_path / "log").read_text()[-3000:]
    assert "resumed at step" in (root / "results/logs/pretrain/pretrain_model/dnabert2.log").read_text()
    whole, killed = (tmp_path / name / "results/pretrain/dnabert2" for name in ("whole", "killed"))
    assert (whole / "model.safetensors").read_bytes() == (killed / "model.safetensors").read_bytes()
    steps = [[json.loads(line)["step"] for line in (run / "log.jsonl").open()] for run in (whole, killed)]
    assert steps[0] == steps[1] and sorted(steps[0]) == steps[0]
    assert not any((root / "results/pretrain/.state").iterdir())


def test_a_full_disk_costs_only_the_steps_since_the_last_checkpoint(prepared, tmp_path):
    """One state of 240 kB fits on the disk, two do not."""
    snakemake(*prepared("whole"))
    options = prepared("full")
    folder = tmp_path / "full/results/pretrain"
    with small_disk(folder, 400) as remount:
        done = snakemake(*options, "--show-failed-logs", check=False)
        assert done.returncode != 0 and "Traceback" not in done.stdout
        assert "make room and run again" in done.stdout or "make room and start again" in done.stdout
        (state,) = (folder / ".state/dnabert2").glob("step-*.safetensors")
        remount("size=64m")
        snakemake(*options)
        log = (tmp_path / "full/results/logs/pretrain/pretrain_model/dnabert2.log").read_text()
        assert f"resumed at step {int(state.stem[5:])}" in log
        model = "dnabert2/model.safetensors"
        assert (folder / model).read_bytes() == (tmp_path / "whole/results/pretrain" / model).read_bytes()


def test_other_hardware_reruns_no_finished_training_but_another_setting_does(prepared, tmp_path):
    options = prepared("run", steps=6)
    snakemake(*options)
    root = tmp_path / "run"

    def pending(model: dict | None = None, **training) -> dict[str, int]:
        again = configured(root, model, **{"steps": 6} | training)
        return job_counts(snakemake(*again, "--cores", "1", "-n", *ALONE).stdout)

    assert pending() == {}
    how = {"micro_batch_size": 8, "checkpoint_every": 5, "keep_checkpoints": 1, "attention": "sdpa", "compile": True}
    assert pending({"gpus": 2, "nodes": 2}, **how) == {}
    assert pending(learning_rate=2e-3) == {"pretrain_model": 1}


@pytest.mark.parametrize(
    ("gpus", "nodes", "words"),
    [
        (8, 1, ["threads: 64", "gpu=8", "nodes=1"]),
        (8, 2, ["threads: 8", "gpu=16", "nodes=2", "mpi=srun", "tasks=16", "--gpus-per-node=8"]),
        (0, 2, ["threads: 8", "gpu=0", "nodes=2", "mpi=srun", "tasks=2", "--ntasks-per-node=1"]),
    ],
)
def test_a_job_asks_for_what_its_processes_need(prepared, gpus, nodes, words):
    output = snakemake(
        *prepared("run", {"gpus": gpus, "nodes": nodes}, micro_batch_size=2), "-n", "--cores", "64"
    ).stdout
    assert all(word in output for word in words) and ("mpi" in output) == (nodes > 1)
