"""The saved states of a running training: whole, verified, bound to what they belong to, written by one process.

A state is never among a rule's declared outputs, because Snakemake removes those when a job fails. Each is one
safetensors file with weights and optimiser moments. Its metadata hold the step, what the run is made of, what else the
run must remember, and a SHA-256 over all of it.
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import atomic
from workflow_scripts.common.locks import locked

PATTERN = "step-*.safetensors"


@contextlib.contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Lock the folder for this process; the lock ends with the process, however that ends.

    Raises UserError while another process has it. Files that a killed process left half written are removed.
    """
    with locked(folder / "lock", f"{folder}: another process is training this model; wait for it or end it"):
        for torn in [*folder.glob(".*.tmp"), *folder.glob(".tmp*")]:  # ours, and those of safetensors
            torn.unlink()
        yield


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a failed write, such as to a full disk, into a UserError; saved states stay as they are."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{path}: {reason}; make room and start again, the last saved state is intact") from None


def to_disk(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> str:
    """SHA-256 over metadata and tensors, in the order of their names."""
    total = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def write(path: Path, tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> None:
    """Write tensors of the CPU with metadata, for :func:`read`, and wait until they are on the disk."""
    with atomic(path) as temporary:
        save_file(tensors, temporary, metadata | {"sha256": digest(tensors, metadata)})
        to_disk(temporary)
    to_disk(path.parent)


def save(
    folder: Path,
    step: int,
    belongs_to: dict[str, Any],
    memory: dict[str, Any],
    weights: dict[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    keep: int,
) -> None:
    """Write the state after ``step`` optimiser steps; keep the newest ``keep``.

    ``belongs_to`` and ``memory`` are JSON: what the run is made of, and what it must remember besides the tensors.
    Raises UserError if the write fails, such as on a full disk.
    """
    tensors = {f"model.{name}": tensor.detach() for name, tensor in weights.items()}
    for number, moments in optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            tensors[f"optimizer.{number}.{name}"] = value
    tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
    metadata = {"step": str(step), "belongs_to": json.dumps(belongs_to), "memory": json.dumps(memory)}
    path = folder / f"step-{step:09d}.safetensors"
    with disk_errors(path):
        write(path, tensors, metadata)
    # a state beyond this step is one that could not be read
    kept = [state for state in sorted(folder.glob(PATTERN)) if state <= path][-keep:]
    for state in folder.glob(PATTERN):
        if state not in kept:
            state.unlink()


def read(path: Path) -> tuple[dict[str, str], dict[str, torch.Tensor]]:
    """Metadata and tensors of a state. Raises SafetensorError or OSError if it is not as it was written."""
    with safe_open(path, "pt") as handle:
        metadata = handle.metadata() or {}
        tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
    if metadata.pop("sha256", None) != digest(tensors, metadata):
        raise SafetensorError("the checksum differs")
    return metadata, tensors


def newest(folder: Path, belongs_to: dict[str, Any]) -> Path | None:
    """The newest state that can be read, None if there is none; prints which ones it skips.

    Raises UserError if that state belongs to another run, and names what differs.
    """
    for path in sorted(folder.glob(PATTERN), reverse=True):
        try:
            metadata, _ = read(path)
        except (SafetensorError, OSError) as error:
            print(f"{path}: not readable ({error}); trying the state before it", file=sys.stderr, flush=True)
            continue
        if differences := list(_differences(json.loads(metadata["belongs_to"]), belongs_to)):
            raise UserError(
                f"{path}: of a run with other settings: {'; '.join(differences)}; change them back, or remove {folder} "
                "to start anew"
            )
        return path
    return None


def _differences(then: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    for key in sorted(then.keys() | now.keys()):
        if then.get(key) != now.get(key):
            yield f"{key} was {then.get(key)}, is {now.get(key)}"


def load(path: Path, weights: dict[str, torch.Tensor], optimizer: torch.optim.Optimizer) -> tuple[int, dict[str, Any]]:
    """Load a state into weights and optimiser; returns its step and what the run remembers."""
    metadata, tensors = read(path)
    with torch.no_grad():
        for name, tensor in weights.items():
            tensor.copy_(tensors[f"model.{name}"])
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".", 2)
            moments.setdefault(int(number), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
    return int(metadata["step"]), json.loads(metadata["memory"])
