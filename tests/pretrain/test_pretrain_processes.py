"""Any number of processes trains the same model: same batches, same order, losses equal up to rounding."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from workflow_scripts.common import gpus
from workflow_scripts.pretrain import pretrain_model
from workflow_scripts.pretrain.launcher import start_command
from workflow_scripts.pretrain.processes import Processes, place_in

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = ["-m", "workflow_scripts.pretrain.pretrain_model"]

TOGETHER = {"processes": 2}


def losses(log: list[dict]) -> list[float]:
    return [entry.get("loss", entry.get("mask_loss")) for entry in log]


def test_a_run_on_one_then_two_then_one_process_equals_one_on_one_process(arguments, attempts, read_log, tmp_path):
    """With dropout, several micro-batches in each process, and changes in the middle of a log interval."""
    settings = {"steps": 30, "log_every": 5, "validate_every": 15, "micro_batch_size": 4}
    commands = {name: arguments(name, **settings) for name in ("single", "changing", "slurm")}
    stop = {"point": "update", "count": 8, "signal": "SIGTERM"}
    statuses, stderr = attempts(commands["changing"], stop, TOGETHER | stop | {"rank": 1}, {})
    assert statuses == [75, 75, 0]
    assert "resumed at step 8" in stderr and "resumed at step 16" in stderr and "2 x " in stderr
    assert attempts(commands["single"], {})[0] == attempts(commands["slurm"], TOGETHER | {"slurm": True})[0] == [0]
    logs = {name: read_log(tmp_path / name) for name in commands}
    for name in ("changing", "slurm"):
        assert [entry["step"] for entry in logs[name]] == [entry["step"] for entry in logs["single"]]
        assert losses(logs[name]) == pytest.approx(losses(logs["single"]), rel=1e-4)
        assert losses(logs[name]) != losses(logs["single"])  # sums in another order: two processes
    again = attempts(arguments("again", **settings), TOGETHER)
    assert again[0] == [0] and read_log(tmp_path / "again") == logs["slurm"]


def test_the_gradient_is_that_of_all_masked_tokens_of_the_batch(arguments, attempts, tmp_path):
    """The first moment of the first step is the gradient; Adam's update itself does not depend on its scale."""
    stop = {"point": "update", "signal": "SIGTERM"}
    for name, processes in (("one", 1), ("two", 2)):
        command = arguments(name, micro_batch_size=4)
        assert attempts(command, stop | {"processes": processes})[0] == [75]
    one, two = (load_file(tmp_path / f".state-{name}" / "step-000000001.safetensors") for name in ("one", "two"))
    moments = [name for name in one if name.endswith(".exp_avg")]
    assert len(moments) > 20 and all(torch.allclose(one[name], two[name], rtol=1e-3, atol=1e-7) for name in moments)


def test_a_batch_that_cannot_be_divided_among_the_processes_is_refused(arguments, attempts, tmp_path):
    statuses, stderr = attempts(arguments("model", micro_batch_size=32), TOGETHER)
    assert statuses == [1] and "batch_size 32 is not a multiple of micro_batch_size 32 x 2 processes" in stderr
    assert not list(tmp_path.glob(".state-model/step-*"))


def test_place_of_a_process_started_by_torchrun_by_srun_or_by_nobody():
    torchrun = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "n1", "MASTER_PORT": "29500"}
    assert place_in(torchrun) == (Processes(3, 1, 4), "env://")
    batch = {"SLURM_JOB_ID": "41234", "SLURM_PROCID": "0", "SLURM_NTASKS": "8"}
    assert place_in(batch) == place_in({}) == (Processes(), "")
    step = {"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_LOCALID": "1"}
    place, address = place_in(batch | step | {"SLURM_LAUNCH_NODE_IPADDR": "10.0.0.7"})
    assert place == Processes(5, 1, 8) and not place.first
    assert address == "tcp://10.0.0.7:21234"


def test_start_command_of_each_number_of_gpus_and_nodes():
    arguments = ["--name", "m"]
    assert start_command(1, 0, 8, arguments) is start_command(1, 1, 8, arguments) is None
    torchrun = start_command(1, 8, 64, arguments)
    assert torchrun[1:5] == ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=8"]
    assert "SIGUSR1" in " ".join(torchrun) and torchrun[-4:] == [*PROGRAM, *arguments]
    srun = start_command(2, 8, 4, arguments)
    assert srun[:4] == ["srun", "--nodes=2", "--ntasks=16", "--ntasks-per-node=8"]
    assert srun[-5:] == [sys.executable, *PROGRAM, *arguments]
    assert srun[4:6] == ["--cpus-per-task=4", "--gpus-per-node=8"]
    assert start_command(2, 0, 4, arguments)[1:5] == [*srun[1:2], "--ntasks=2", "--ntasks-per-node=1", srun[4]]


class ReplacedError(Exception):
    """Stands for the end of this program, which another one replaces."""


@pytest.mark.parametrize(
    ("environment", "replaced"),
    [
        ({}, True),
        ({"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}, False),
        ({"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1", "SLURM_LOCALID": "1"}, False),
    ],
)
def test_the_program_starts_others_with_its_own_arguments_unless_it_was_started_as_one(
    arguments, monkeypatch, environment, replaced
):
    """The GPUs are claimed once, before the others are started."""
    events = []
    command = [*arguments("model"), "--gpus", "2"]

    def execvp(file, words):
        events.append([file, *words])
        raise ReplacedError

    monkeypatch.setattr(gpus, "claim", lambda count: events.append(count))
    monkeypatch.setattr(os, "execvp", execvp)
    monkeypatch.setattr("workflow_scripts.pretrain.training_run.pretrain", lambda args: events.append("trained"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if replaced:
        with pytest.raises(ReplacedError):
            pretrain_model.main(command)
        assert events == [2, [sys.executable, *start_command(1, 2, 1, command)]]
    else:
        assert pretrain_model.main(command) == 0
        assert events == ["trained"]


def test_one_command_line_trains_in_two_processes(arguments, attempts, read_log, tmp_path):
    """Started for two GPUs, the program replaces itself by torchrun, on a machine without GPUs too."""
    settings = {"steps": 10, "micro_batch_size": 8}
    command = [sys.executable, *PROGRAM, *arguments("model", **settings), "--gpus", "2"]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "2 x " in done.stderr
    assert attempts(arguments("expected", **settings), TOGETHER)[0] == [0]
    assert read_log(tmp_path / "model") == read_log(tmp_path / "expected")


def test_the_program_imports_torch_only_after_claiming_gpus():
    """CUDA reads CUDA_VISIBLE_DEVICES once, and a program that only starts others has nothing to load."""
    check = "import sys, workflow_scripts.pretrain.pretrain_model; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=REPOSITORY).returncode == 0
