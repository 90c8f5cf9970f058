"""No two jobs use the same GPU at a time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
# a job claims GPUs, replaces itself by another program, prints its GPUs, and runs until its input ends
JOB = """
import os, sys
from workflow_scripts.common import gpus
gpus.claim(int(sys.argv[1]))
os.execvp('sh', sys.argv[2:])
"""
WORK = ["sh", "-c", "echo $CUDA_VISIBLE_DEVICES; read end"]


@pytest.fixture
def job(tmp_path):
    """Starts a job that needs ``count`` GPUs, with environment variables; ends all jobs after the test."""
    started = []

    def job(count: int, **variables: str) -> subprocess.Popen:
        environment = {key: value for key, value in os.environ.items() if key != "SLURM_JOB_ID"}
        environment |= {"TMPDIR": str(tmp_path), "CUDA_VISIBLE_DEVICES": "0,1"} | variables
        command = [sys.executable, "-c", JOB, str(count), *WORK]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(command, cwd=REPOSITORY, env=environment, text=True, **pipes))
        return started[-1]

    yield job
    for process in started:
        process.kill()
        process.communicate()


def gpus(job: subprocess.Popen) -> str:
    return job.stdout.readline().strip()


@pytest.mark.slow
def test_each_job_has_its_own_gpus_and_waits_until_there_are_free_ones(job):
    first, second = job(1), job(1)
    assert {gpus(first), gpus(second)} == {"0", "1"}
    both = job(2)
    assert both.stderr.readline() == "waiting for 2 of the GPUs 0, 1\n"
    first.kill()  # a killed job releases its GPU
    second.communicate("end\n")
    assert gpus(both) == "0,1"


def test_nothing_is_claimed_under_slurm_or_without_enough_gpus(job):
    assert gpus(job(1)) == "0"
    assert gpus(job(1, SLURM_JOB_ID="7")) == "0,1"
    assert gpus(job(0)) == gpus(job(3)) == "0,1"
    assert gpus(job(1, CUDA_VISIBLE_DEVICES="")) == ""
