"""How the processes of a training are started: by torchrun on one node, by Slurm's srun on several nodes.

Imports no torch, so that the program that only starts the others starts at once.
"""

import sys
from collections.abc import Mapping

PROGRAM = "workflow_scripts.pretrain.pretrain_model"
# torchrun forwards these signals, then waits this many seconds for the processes to finish their step and save it.
SIGNALS, SHUTDOWN_SECONDS = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1", 300


def started_by_torchrun(environment: Mapping[str, str]) -> bool:
    """Whether this process is one that torchrun has started."""
    return "RANK" in environment


def started_by_srun(environment: Mapping[str, str]) -> bool:
    """Whether this process is one of several that srun has started.

    A job step of srun has SLURM_STEP_NUM_TASKS; a batch script does not, it is one process.
    """
    return int(environment.get("SLURM_STEP_NUM_TASKS", 1)) > 1


def start_command(nodes: int, gpus: int, threads: int, arguments: list[str]) -> list[str] | None:
    """The command line that starts one process per GPU, or per node without GPUs; None if one process is enough.

    ``gpus`` counts the GPUs of each node, ``threads`` the CPUs of each process that srun starts. ``arguments`` are
    those of the program, which every process gets.
    """
    if nodes > 1:
        tasks = max(gpus, 1)
        # A job step gets only the resources that it asks for, not those of its job.
        options = [f"--nodes={nodes}", f"--ntasks={nodes * tasks}", f"--ntasks-per-node={tasks}"]
        options += [f"--cpus-per-task={threads}", *([f"--gpus-per-node={gpus}"] if gpus else [])]
        return ["srun", *options, "--kill-on-bad-exit=1", sys.executable, "-m", PROGRAM, *arguments]
    if gpus > 1:
        options = [f"--nproc-per-node={gpus}", f"--signals-to-handle={SIGNALS}"]
        options += [f"--shutdown-timeout={SHUTDOWN_SECONDS}"]
        return [sys.executable, "-m", "torch.distributed.run", "--standalone", *options, "-m", PROGRAM, *arguments]
    return None
