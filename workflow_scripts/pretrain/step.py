"""One optimiser step over a global batch, and validation: the same sums on any number of processes."""

import contextlib
import math
from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.token_shards import PAD
from workflow_scripts.inference.masked_loss import MaskedLoss, Tally
from workflow_scripts.inference.masking import IGNORED, KINDS, Batch
from workflow_scripts.inference.precision import autocast
from workflow_scripts.model import DnaBert2ForMaskedLM
from workflow_scripts.pretrain.precision import check_gradients
from workflow_scripts.pretrain.processes import Processes
from workflow_scripts.settings.pretrain import SeededTraining

# The number of positions that the head predicts is padded to a multiple of this. Kernels are chosen by shape, and on
# CPUs cached by shape, and every number of masked tokens would be another shape.
POSITION_MULTIPLE = 64


def padded_positions(chosen: np.ndarray) -> np.ndarray:
    """The chosen positions, and the first others that make their number a multiple of POSITION_MULTIPLE, if any."""
    positions = chosen.copy()
    flat = positions.reshape(-1)
    flat[np.flatnonzero(~flat)[: -int(flat.sum()) % POSITION_MULTIPLE]] = True
    return positions


MicroBatch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]


def micro_batches(
    batch: Batch, size: int, processes: Processes, device: torch.device
) -> Iterator[tuple[int, MicroBatch]]:
    """Number in the batch and arguments of MaskedLoss of each micro-batch of this process: every ``count``-th."""
    inputs, labels = batch
    for number in range(processes.rank, -(-len(inputs) // size), processes.count):
        rows = slice(number * size, (number + 1) * size)
        padding = inputs[rows] == PAD
        mask = torch.from_numpy((~padding).astype(np.int64)).to(device) if padding.any() else None
        yield (
            number,
            (
                torch.from_numpy(inputs[rows]).to(device),
                torch.from_numpy(labels[rows]).to(device),
                torch.from_numpy(padded_positions(labels[rows] != IGNORED)).to(device),
                mask,
            ),
        )


class Stepper:
    """The module to train with its optimiser, which performs steps and validations on this process's device."""

    def __init__(
        self,
        model: DnaBert2ForMaskedLM,
        training: SeededTraining,
        processes: Processes,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ):
        self.model, self.training, self.processes = model, training, processes
        self.optimizer, self.scaler = optimizer, scaler
        self.device = model.device
        self.parameters = list(model.parameters())
        self.module: nn.Module = MaskedLoss(model)
        if training.compile:
            # a compiled module is a module too, which torch's type of compile does not say
            self.module = cast(nn.Module, torch.compile(self.module, dynamic=True))
        self.distributed = DistributedDataParallel(self.module) if processes.count > 1 else None

    def tally(self, sums: torch.Tensor) -> Tally:
        """The tally over all processes, from the sums of this one."""
        summed = self.processes.sum(*sums.flatten().tolist())
        return Tally(np.array(summed).reshape(sums.shape))

    def step(self, batch: Batch, step: int) -> Tally:
        """One optimiser step over the whole batch, which minimises the mean loss over all its masked tokens.

        Dropout is seeded by step and micro-batch, so that a resumed run repeats it on any number of processes. Raises
        UserError before the weights change if the loss or the gradients are not finite.
        """
        training, processes = self.training, self.processes
        for group in self.optimizer.param_groups:
            group["lr"] = training.learning_rate_at(step)
        predicted = max(int((batch[1] != IGNORED).sum()), 1)
        last_round = training.batch_size // training.micro_batch_size - processes.count
        module = self.distributed or self.module
        total = torch.zeros(len(KINDS), 3, dtype=torch.float64, device=self.device)
        for number, arguments in micro_batches(batch, training.micro_batch_size, processes, self.device):
            torch.manual_seed(stable_hash(training.seed, "dropout", step, number))
            accumulating = number < last_round
            with self.distributed.no_sync() if self.distributed and accumulating else contextlib.nullcontext():
                with autocast(self.device, training.precision):
                    loss, sums = module(*arguments)
                # gradients are averaged over the processes, but the losses must be summed
                self.scaler.scale(loss * (processes.count / predicted)).backward()
            total += sums
        tally = self.tally(total)
        if not math.isfinite(tally.objective()):
            raise UserError(
                f"step {step}: the loss is {tally.objective()}; lower learning_rate and start again, "
                "the last saved state is intact"
            )
        check_gradients(self.scaler, self.parameters, step)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return tally

    @torch.no_grad()
    def validate(self, batch: Batch) -> Tally:
        """The tally of the fixed validation rows."""
        self.model.eval()
        total = torch.zeros(len(KINDS), 3, dtype=torch.float64, device=self.device)
        for _, arguments in micro_batches(batch, self.training.micro_batch_size, self.processes, self.device):
            with autocast(self.device, self.training.precision):
                _, sums = self.module(*arguments)
            total += sums
        self.model.train()
        return self.tally(total)
