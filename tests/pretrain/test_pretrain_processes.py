"""Any number of processes trains the same: the same batches in the same order, the loss equal to rounding."""

import pytest
import torch
from safetensors.torch import load_file

from workflow_scripts.pretrain import launch
from workflow_scripts.pretrain.processes import Processes, placed

TOGETHER = {"processes": 2}


def losses(log: list[dict]) -> list[float]:
    return [entry.get("loss", entry.get("validation_loss")) for entry in log]


def test_one_two_and_one_process_train_as_one_does(arguments, attempts, read_log, tmp_path, capfd):
    """With dropout, several micro-batches in each process, and a run that changes hands in the midst of a log line."""
    settings = {"steps": 30, "log_every": 5, "validate_every": 15, "micro_batch_size": 4}
    commands = {name: arguments(name, **settings) for name in ("alone", "changing", "slurm")}
    leaving = {"point": "update", "count": 8, "signal": "SIGTERM"}
    statuses, said = attempts(commands["changing"], leaving, TOGETHER | leaving | {"rank": 1}, {})
    assert statuses == [75, 75, 0]
    assert "resumed at step 8" in said and "resumed at step 16" in said and "2 x " in said
    assert attempts(commands["alone"], {})[0] == attempts(commands["slurm"], TOGETHER | {"slurm": True})[0] == [0]
    logs = {name: read_log(tmp_path / name) for name in commands}
    for name in ("changing", "slurm"):
        assert [entry["step"] for entry in logs[name]] == [entry["step"] for entry in logs["alone"]]
        assert losses(logs[name]) == pytest.approx(losses(logs["alone"]), rel=1e-4)
        assert losses(logs[name]) != losses(logs["alone"])  # another order of sums: it was another way
    again = attempts(arguments("again", **settings), TOGETHER)
    assert again[0] == [0] and read_log(tmp_path / "again") == logs["slurm"]


def test_the_gradient_is_that_of_all_masked_tokens_of_the_batch(arguments, attempts, tmp_path):
    """The first moment of the first step is the gradient: Adam itself would not tell a wrong scale."""
    left = {"point": "update", "signal": "SIGTERM"}
    for name, processes in (("one", 1), ("two", 2)):
        command = arguments(name, micro_batch_size=4)
        assert attempts(command, left | {"processes": processes})[0] == [75]
    one, two = (load_file(tmp_path / f".state-{name}" / "step-000000001.safetensors") for name in ("one", "two"))
    moments = [name for name in one if name.endswith(".exp_avg")]
    assert len(moments) > 20 and all(torch.allclose(one[name], two[name], rtol=1e-3, atol=1e-7) for name in moments)


def test_a_batch_that_processes_cannot_share_is_refused(arguments, attempts, tmp_path):
    statuses, said = attempts(arguments("model", micro_batch_size=32), TOGETHER)
    assert statuses == [1] and "batch_size 32 is not a multiple of micro_batch_size 32 x 2 processes" in said
    assert not list(tmp_path.glob(".state-model/step-*"))


def test_place_by_torchrun_by_srun_and_alone():
    torchrun = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "n1", "MASTER_PORT": "29500"}
    assert placed(torchrun) == (Processes(3, 1, 4), {"MASTER_ADDR": "n1", "MASTER_PORT": "29500"})
    batch = {"SLURM_JOB_ID": "41234", "SLURM_PROCID": "0", "SLURM_NTASKS": "8"}
    assert placed(batch) == placed({}) == (Processes(), {})
    step = {"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_LOCALID": "1"}
    place, meeting = placed(batch | step | {"SLURM_LAUNCH_NODE_IPADDR": "10.0.0.7"})
    assert place == Processes(5, 1, 8) and not place.first
    assert meeting == {"MASTER_ADDR": "10.0.0.7", "MASTER_PORT": "21234"}


def test_each_number_of_gpus_has_its_launcher():
    alone = launch.command(1, 0, 8, ["--name", "m"])
    assert alone[1:] == ["-m", "workflow_scripts.pretrain.pretrain_model", "--name", "m"]
    assert launch.command(1, 1, 8, alone[3:]) == alone
    torchrun = launch.command(1, 8, 64, alone[3:])
    assert torchrun[1:5] == ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=8"]
    assert "SIGUSR1" in " ".join(torchrun) and torchrun[-4:] == alone[1:]
    srun = launch.command(2, 8, 4, alone[3:])
    assert srun[:4] == ["srun", "--nodes=2", "--ntasks=16", "--ntasks-per-node=8"] and srun[-5:] == alone
    assert srun[4:6] == ["--cpus-per-task=4", "--gpus-per-node=8"]
    assert launch.command(2, 0, 4, alone[3:])[1:5] == [*srun[1:2], "--ntasks=2", "--ntasks-per-node=1", srun[4]]
