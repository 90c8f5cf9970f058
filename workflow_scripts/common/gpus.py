"""The GPUs of this machine, each for one job at a time: Snakemake counts GPUs, but gives none to anyone."""

import io
import os
import re
import sys
import time
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.locks import locked, private_folder

_claimed: list[io.FileIO] = []  # open for as long as this process lives


def visible() -> list[str]:
    """The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, else all of NVIDIA's by their numbers."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    numbers = (re.fullmatch(r"nvidia(\d+)", path.name) for path in Path("/dev").glob("nvidia*"))
    return [str(number) for number in range(sum(number is not None for number in numbers))]


def free(names: list[str], count: int) -> dict[str, io.FileIO]:
    """Locks of ``count`` GPUs that no one else has; of none where fewer are free."""
    held: dict[str, io.FileIO] = {}
    for name in names:
        if len(held) < count:
            try:
                held[name] = locked(private_folder() / f"gpu-{name}.lock", f"GPU {name} is at work")
            except UserError:
                continue
    if len(held) < count:
        for handle in held.values():
            handle.close()
        return {}
    return held


def claim(count: int) -> None:
    """Keep ``count`` GPUs for this process until it, or the program that takes its place, ends.

    CUDA_VISIBLE_DEVICES then names them alone. Waits for them while others of this user have them. Does nothing where
    Slurm has given out the GPUs, and where there are not so many.
    """
    names = visible()
    if "SLURM_JOB_ID" in os.environ or not 0 < count <= len(names):
        return
    told = False
    while not (held := free(names, count)):
        if not told:
            print(f"waiting for {count} of the GPUs {', '.join(names)}", file=sys.stderr, flush=True)
            told = True
        time.sleep(1)
    for handle in held.values():
        os.set_inheritable(handle.fileno(), True)
    _claimed.extend(held.values())
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(held)
