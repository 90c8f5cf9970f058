"""Run fits again and again as plans say, each attempt in a process of its own; print how each ended.

A plan is a line of JSON on standard input: a list of attempts, each with
    command          the command line of workflow_scripts.finetune.finetune_model
    point, count     where it is killed: at the so-manieth call of a function in POINTS (1); without a point it is not
For each plan a JSON list is printed: of each attempt the status, minus the signal that ended it, and what it said.
States are saved after every step.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import peft  # noqa: F401 - once for all attempts
import pyarrow.parquet as pq
import safetensors.torch
import torch

from workflow_scripts.common import checkpoints
from workflow_scripts.finetune import fine_tuning, finetune_model, training

POINTS = {
    "update": (torch.optim.AdamW, "step"),
    "evaluation": (training.Fit, "evaluate"),
    "state": (checkpoints, "save_file"),
    "half a state": (checkpoints, "save_file"),
    "flush": (checkpoints, "to_disk"),
    "rename": (Path, "replace"),
    "predictions": (pq, "write_table"),
    "model": (fine_tuning, "save_model"),
    "half a model": (Path, "rename"),
    "metrics": (fine_tuning, "write_json"),
    "end": (shutil, "rmtree"),
}


def set_trap(point: str, count: int) -> None:
    """Let this process kill itself at a call of the function."""
    owner, name = POINTS[point]
    genuine = getattr(owner, name)
    left = count

    def trapped(*args, **options):
        nonlocal left
        left -= 1
        if left == 0:
            if point == "half a state":
                tensors, path, metadata = args
                whole = safetensors.torch.save(tensors, metadata)
                path.write_bytes(whole[: len(whole) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return genuine(*args, **options)

    setattr(owner, name, trapped)


def run(attempt: dict[str, Any]) -> tuple[int, str]:
    """Run one attempt; returns its status and what it wrote to standard error."""
    with tempfile.TemporaryFile("w+") as said:
        process = os.fork()
        if not process:
            status = 1
            try:
                os.dup2(said.fileno(), sys.stderr.fileno())
                torch.set_num_threads(1)
                training.STATE_SECONDS = 0.0
                if "point" in attempt:
                    set_trap(attempt["point"], attempt.get("count", 1))
                status = finetune_model.main(attempt["command"])
            finally:
                sys.stderr.flush()
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        said.seek(0)
        return status, said.read()


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps([run(attempt) for attempt in json.loads(line)]), flush=True)
