"""Run a pre-training to its end, and again under SIGKILL: killed at random moments, restarted until it gets through.

    python interrupted.py UNINTERRUPTED INTERRUPTED

Both arguments are JSON: the command line of workflow_scripts.pretrain.train. Each attempt is a child process.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from workflow_scripts.pretrain.train import main  # imported once: a child trains at once


def start(arguments: list[str]) -> int:
    """Start a training in a child; returns its process id."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            status = main(arguments)
        finally:
            os._exit(status)
    return process


def saved_step(state: Path) -> int:
    """The step of the newest saved state, 0 before the first."""
    return max((int(path.stem.removeprefix("step-")) for path in state.glob("step-*.safetensors")), default=0)


def kill_after(arguments: list[str], step: int) -> None:
    """Start a training and kill it a moment after it has saved ``step``, or for step 0 after it has begun its log."""
    state = Path(arguments[arguments.index("--state") + 1])
    process = start(arguments)
    while not (state / "log.jsonl").exists() or saved_step(state) < step:
        time.sleep(0.001)
    time.sleep(random.uniform(0, 0.02))
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status), f"the training was over before it could be killed after step {step}"
    print(f"killed with state {saved_step(state)}", file=sys.stderr, flush=True)


uninterrupted, interrupted = map(json.loads, sys.argv[1:])
assert os.waitpid(start(uninterrupted), 0)[1] == 0
for step in (0, random.randrange(5, 60), random.randrange(60, 100)):
    kill_after(interrupted, step)
assert os.waitpid(start(interrupted), 0)[1] == 0
