"""The saved state of a running pre-training: whole files, bound to what they belong to.

A state lives beside the results, never among a rule's declared outputs, because Snakemake removes those when a job
fails. Each is one safetensors file with weights and optimiser moments; its metadata hold the step and a fingerprint
of everything that defines the run.
"""

import hashlib
import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import atomic

KEPT = 2


def fingerprint(*parts: object) -> str:
    """Hash of all that defines a run (settings, tokenizer, corpus), each part as JSON."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def save(folder: Path, step: int, mark: str, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Write the state after ``step`` optimiser steps; keep the newest KEPT."""
    tensors = {f"model.{name}": parameter.detach() for name, parameter in model.named_parameters()}
    for number, moments in optimizer.state_dict()["state"].items():
        for name, value in moments.items():
            tensors[f"optimizer.{number}.{name}"] = value
    with atomic(folder / f"step-{step:09d}.safetensors") as temporary:
        save_file(
            {name: value.contiguous() for name, value in tensors.items()},
            temporary,
            metadata={"step": str(step), "fingerprint": mark},
        )
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
    for old in sorted(folder.glob("step-*.safetensors"))[:-KEPT]:
        old.unlink()


def restore(folder: Path, mark: str, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Load the newest readable state into model and optimiser; returns its step, 0 where there is none.

    Raises UserError where the state belongs to another run.
    """
    for path in sorted(folder.glob("step-*.safetensors"), reverse=True):
        try:
            with safe_open(path, "pt") as handle:
                metadata = handle.metadata()
                tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            print(f"{path}: not readable ({error}); trying the state before it", flush=True)
            continue
        if metadata["fingerprint"] != mark:
            raise UserError(
                f"{path}: saved by a run with other settings, tokenizer or corpus; remove {folder} to start anew"
            )
        _load(tensors, model, optimizer)
        return int(metadata["step"])
    return 0


def _load(tensors: dict[str, torch.Tensor], model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[f"model.{name}"])
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, number, key = name.split(".", 2)
            moments.setdefault(int(number), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})
