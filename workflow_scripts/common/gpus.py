"""Assigns each GPU of this machine to one job at a time; Snakemake only counts GPUs."""

import io
import os
import re
import sys
import time
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.locks import locked, private_folder

_claimed: list[io.FileIO] = []  # locks, open until this process ends


def visible() -> list[str]:
    """The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, else the numbers of all NVIDIA GPUs."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    numbers = (re.fullmatch(r"nvidia(\d+)", path.name) for path in Path("/dev").glob("nvidia*"))
    return [str(number) for number in range(sum(number is not None for number in numbers))]


def lock_free(names: list[str], count: int) -> dict[str, io.FileIO]:
    """Lock ``count`` free GPUs; returns their locks by name, none if fewer are free."""
    locks: dict[str, io.FileIO] = {}
    for name in names:
        if len(locks) < count:
            try:
                locks[name] = locked(private_folder() / f"gpu-{name}.lock", f"GPU {name} is in use")
            except UserError:
                continue
    if len(locks) < count:
        for handle in locks.values():
            handle.close()
        return {}
    return locks


def claim_or_hide(count: int) -> None:
    """Reserve ``count`` GPUs, see :func:`claim`; with 0 hide all of them, so that the process works on the CPU."""
    if count:
        claim(count)
    else:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def claim(count: int) -> None:
    """Reserve ``count`` GPUs for this process until it, or the program that replaces it by exec, ends.

    Waits while other jobs of this user hold them, then sets CUDA_VISIBLE_DEVICES to them. Does nothing in a Slurm job,
    because Slurm assigns GPUs itself, and if the machine has fewer GPUs.
    """
    names = visible()
    if "SLURM_JOB_ID" in os.environ or not 0 < count <= len(names):
        return
    announced = False
    while not (locks := lock_free(names, count)):
        if not announced:
            print(f"waiting for {count} of the GPUs {', '.join(names)}", file=sys.stderr, flush=True)
            announced = True
        time.sleep(1)
    for handle in locks.values():
        os.set_inheritable(handle.fileno(), True)
    _claimed.extend(locks.values())
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(locks)
