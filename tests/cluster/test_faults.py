"""What befalls a training on a cluster: it ends with the bytes of an undisturbed one, and no step is done twice."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.cluster.conftest import Workflow
from tests.cluster.slurm import wait_for
from tests.pretrain.working import ALONE, configured, newest_state
from tests.workflow.harness import REPOSITORY
from workflow_scripts.dag.running_jobs import running_jobs

pytestmark = pytest.mark.slow
TRAINING = {"steps": 6000, "checkpoint_every": 50, "keep_checkpoints": 1, "validate_every": 2000, "log_every": 500}
# Too little memory for the first attempt, a warning twenty seconds before the time is up, and a GPU by --gres.
RESOURCES = (
    "mem_mb=300 * attempt * attempt",
    "slurm_extra='--signal=USR1@20'",
    "slurm_partition=gpu",
    "gres=gpu:1",
)


class Watch(threading.Thread):
    """Looks at a working directory all the time: at the processes that train there, and at the states they save."""

    def __init__(self, root: Path):
        super().__init__(daemon=True)
        self.root, self.stopped = root, threading.Event()
        self.most, self.steps = 0, [0]

    def run(self) -> None:
        while not self.stopped.wait(0.1):
            self.most = max(self.most, len(running_jobs(self.root)))
            step = newest_state(self.root)
            if step not in (0, self.steps[-1]):
                self.steps.append(step)


@contextmanager
def watched(root: Path) -> Iterator[Watch]:
    watch = Watch(root)
    watch.start()
    try:
        yield watch
    finally:
        watch.stopped.set()
        watch.join()


class Training:
    """The run of a training on a Slurm, and what can be done to it."""

    def __init__(self, run: Workflow, watch: Watch):
        self.run, self.watch, self.slurm = run, watch, run.slurm

    def job(self) -> dict[str, str]:
        """The job that trains now, as soon as it has saved one more state."""
        seen = len(self.watch.steps)
        wait_for("new state", lambda: len(self.watch.steps) > seen or self.run.process.poll() is not None)
        return self.run.jobs()[-1]

    def time_is_up(self) -> None:
        """Give the job one more minute; the training stands still until Slurm, which looks twice a minute, warns it."""
        job = self.job()
        end = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(time.time() + 60))
        self.slurm.run("scontrol", "update", f"JobId={job['JobIDRaw']}", f"EndTime={end}")
        for process in running_jobs(self.watch.root):
            os.kill(process, signal.SIGSTOP)
        wait_for("next job of the chain", lambda: self.restarted(job))
        self.slurm.run("scontrol", "update", f"JobId={job['JobIDRaw']}", "TimeLimit=60")

    def restarted(self, job: dict[str, str]) -> bool:
        """Whether a job runs again, under its old number, since it was looked at."""
        now = self.run.jobs()[-1]
        return now["JobIDRaw"] == job["JobIDRaw"] and now["Start"] > job["Start"] and now["State"] == "RUNNING"


def losses(results: Path) -> list[tuple[int, float]]:
    entries = [json.loads(line) for line in (results / "pretrain/dnabert2/log.jsonl").open()]
    return [(entry["step"], entry[key]) for entry in entries for key in ("loss", "mask_loss") if key in entry]


def model(results: Path) -> dict[str, bytes]:
    """The files of the trained model but for its log and its card, which tell of time."""
    files = (results / "pretrain/dnabert2").iterdir()
    return {path.name: path.read_bytes() for path in files if path.name not in ("log.jsonl", "README.md")}


def test_a_training_goes_through_all_that_a_cluster_does_to_it(training):
    """Killed for memory, cancelled, its node lost, preempted, its controller restarted, its time up, and up again."""
    alone, run = training("alone"), training("disturbed")
    undisturbed = [Path(sys.executable).with_name("snakemake"), *configured(alone.root, **TRAINING), *ALONE]
    command = [*undisturbed, "--cores", "1", "--quiet"]
    with subprocess.Popen(command, cwd=REPOSITORY) as reference, watched(run.root) as watch:
        run.start(
            *configured(run.root, **TRAINING),
            *ALONE,
            *("--set-resources", *(f"pretrain_model:{resource}" for resource in RESOURCES)),
            *("--set-threads", "pretrain_model=1"),
        )
        it, slurm = Training(run, watch), run.slurm

        job = it.job()  # the second: the first had too little memory
        slurm.run("scancel", job["JobIDRaw"])
        wait_for("third job", lambda: len(run.jobs()) == 3)

        job = it.job()
        slurm.cut_power(job["NodeList"])
        wait_for("other node", lambda: it.restarted(job))
        slurm.start_node(job["NodeList"])

        job = it.job()
        urgent = ("-p", "urgent", "-c", "2", "-w", job["NodeList"], "-o", "/dev/null")
        slurm.run("sbatch", *urgent, "--wrap", "sleep 1")
        wait_for("restart after the urgent job", lambda: it.restarted(job))

        job = it.job()
        slurm.stop_controller()
        slurm.start_controller()
        it.time_is_up()
        it.time_is_up()
        run.finish(minutes=20)

    assert reference.wait() == 0
    assert model(run.results) == model(alone.results) and losses(run.results) == losses(alone.results)
    assert watch.most == 1
    assert watch.steps == sorted(watch.steps)
    jobs = run.jobs()
    numbers = [job["JobIDRaw"] for job in jobs]
    assert len(set(numbers)) == 3 and numbers.count(numbers[-1]) == len(numbers) - 2
    states = [job["State"].split()[0] for job in jobs]
    assert states[:2] == ["FAILED", "CANCELLED"] and states[-1] == "COMPLETED"
    assert len(states) >= 7 and set(states[2:-1]) <= {"NODE_FAIL", "PREEMPTED", "REQUEUED"}
    assert [job["ReqTRES"].split("mem=")[1].split(",")[0] for job in jobs[:3]] == ["300M", "1200M", "2700M"]
    assert all("gres/gpu=1," in job["ReqTRES"] for job in jobs)
    assert all(before["End"] <= after["Start"] for before, after in pairwise(jobs))
