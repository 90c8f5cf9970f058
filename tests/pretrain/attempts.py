"""Run trainings repeatedly, as described by plans, each attempt in new processes; print how each attempt ended.

A plan is a line of JSON on standard input: a list of attempts, each with
    command          command line of workflow_scripts.pretrain.pretrain_model
    processes        number of processes (1), started as by torchrun, or with ``slurm`` as by srun
    point, count     the process sends itself a signal at call number ``count`` (1) of the function POINTS[point]
    after            send the signal after that call, not before it
    rank             process that gets the signal (0)
    environment      variables of the processes ({})
    signal           the signal (SIGKILL)
    seconds          instead of a point: seconds after the start
Prints a JSON list for each plan: the exit status of each attempt's first process, or minus the signal that ended it.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from workflow_scripts.common import checkpoints
from workflow_scripts.pretrain import pretrain_model, telemetry, training_run

POINTS = {
    "update": (torch.optim.AdamW, "step"),
    "line of the log": (telemetry.Log, "add"),
    "state": (checkpoints, "save_file"),
    "half a state": (checkpoints, "save_file"),
    "flush": (checkpoints, "to_disk"),
    "rename": (Path, "replace"),
    "directory": (Path, "rename"),
    "removal": (Path, "unlink"),
    "model": (training_run, "write_json"),
    "end": (shutil, "rmtree"),
}


def set_trap(attempt: dict[str, Any]) -> None:
    """Make this process send itself the attempt's signal."""
    point, number = attempt["point"], signal.Signals[attempt.get("signal", "SIGKILL")]
    owner, name = POINTS[point]
    genuine = getattr(owner, name)
    left = attempt.get("count", 1)

    def trapped(*args, **options):
        nonlocal left
        left -= 1
        if left == 0:
            if point == "half a state":
                tensors, path, metadata = args
                whole = safetensors.torch.save(tensors, metadata)
                path.write_bytes(whole[: len(whole) // 2])
            if "after" in attempt:
                genuine(*args, **options)
            os.kill(os.getpid(), number)
            if "after" in attempt:
                return None
        return genuine(*args, **options)

    setattr(owner, name, trapped)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def place(attempt: dict[str, Any], rank: int, port: int) -> dict[str, str]:
    """The variables that give a process its rank."""
    count = attempt.get("processes", 1)
    if count == 1:
        return {}
    if "slurm" in attempt:
        # the port is 20,000 or more, computed from the job id
        job = {"SLURM_JOB_ID": str(port), "SLURM_LAUNCH_NODE_IPADDR": "127.0.0.1", "SLURM_STEP_NUM_TASKS": str(count)}
        return job | {"SLURM_PROCID": str(rank), "SLURM_LOCALID": str(rank)}
    here = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return {name: str(value) for name, value in here.items()}


def start(attempt: dict[str, Any], rank: int, port: int) -> int:
    """Start one process of an attempt; returns its id."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.environ.update(place(attempt, rank, port) | attempt.get("environment", {}))
        if "point" in attempt and rank == attempt.get("rank", 0):
            set_trap(attempt)
        status = pretrain_model.main(attempt["command"])
    except SystemExit as left:
        status = left.code
    finally:
        sys.stderr.flush()
        os._exit(status)


def run(attempt: dict[str, Any]) -> int:
    port = free_port()
    children = [start(attempt, rank, port) for rank in range(attempt.get("processes", 1))]
    if "seconds" in attempt:
        time.sleep(attempt["seconds"])
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    return statuses[0]


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps([run(attempt) for attempt in json.loads(line)]), flush=True)
