"""One optimiser step over a global batch, and validation: the same sums on any number of processes."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.model import DnaBert2ForMaskedLM
from workflow_scripts.pretrain import batches
from workflow_scripts.pretrain.precision import autocast, check_gradients
from workflow_scripts.pretrain.processes import Processes
from workflow_scripts.settings.pretrain import SeededTraining

# The number of positions that the head predicts is padded to a multiple of this. Kernels are chosen by shape, and on
# CPUs cached by shape, and every number of masked tokens would be another shape.
POSITION_MULTIPLE = 64


@dataclasses.dataclass
class Tally:
    """Sums over the masked tokens of some steps: loss in nats, correct predictions, tokens, and their bases."""

    loss: float = 0.0
    right: float = 0.0
    tokens: int = 0
    bases: int = 0

    def add(self, other: "Tally") -> None:
        for name, value in other.__dict__.items():
            setattr(self, name, getattr(self, name) + value)

    def means(self) -> dict[str, float]:
        """Loss per masked token, accuracy, bits per masked base."""
        tokens = max(self.tokens, 1)  # a tiny batch may have nothing to predict
        bits = self.loss / math.log(2)
        return {"loss": self.loss / tokens, "accuracy": self.right / tokens, "bits_per_base": bits / max(self.bases, 1)}


class MaskedLoss(nn.Module):
    """The model with its loss as one module, which can be compiled and distributed."""

    def __init__(self, model: DnaBert2ForMaskedLM):
        super().__init__()
        self.model = model

    def forward(
        self, inputs: torch.Tensor, labels: torch.Tensor, positions: torch.Tensor, attention_mask: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy summed over the tokens to predict, and the number of correct predictions.

        All arguments are [rows, length]; ``positions`` is true where ``labels`` is not IGNORED, and may be true
        elsewhere (see :func:`padded_positions`).
        """
        logits = self.model.masked_logits(inputs, attention_mask, positions).float()
        targets = labels[positions]
        loss = functional.cross_entropy(logits, targets, ignore_index=batches.IGNORED, reduction="sum")
        return loss, (logits.argmax(-1) == targets).sum()


def padded_positions(chosen: np.ndarray) -> np.ndarray:
    """The chosen positions, and the first others that make their number a multiple of POSITION_MULTIPLE, if any."""
    positions = chosen.copy()
    flat = positions.reshape(-1)
    flat[np.flatnonzero(~flat)[: -int(flat.sum()) % POSITION_MULTIPLE]] = True
    return positions


MicroBatch = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]


def micro_batches(
    batch: batches.Batch, size: int, processes: Processes, device: torch.device
) -> Iterator[tuple[int, MicroBatch]]:
    """Number in the batch and arguments of MaskedLoss of each micro-batch of this process: every ``count``-th."""
    inputs, labels = batch
    for number in range(processes.rank, -(-len(inputs) // size), processes.count):
        rows = slice(number * size, (number + 1) * size)
        padding = inputs[rows] == batches.PAD
        mask = torch.from_numpy((~padding).astype(np.int64)).to(device) if padding.any() else None
        yield (
            number,
            (
                torch.from_numpy(inputs[rows]).to(device),
                torch.from_numpy(labels[rows]).to(device),
                torch.from_numpy(padded_positions(labels[rows] != batches.IGNORED)).to(device),
                mask,
            ),
        )


class Stepper:
    """The module to train with its optimiser, which performs steps and validations on this process's device."""

    def __init__(
        self,
        model: DnaBert2ForMaskedLM,
        training: SeededTraining,
        bases: np.ndarray,
        processes: Processes,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ):
        self.model, self.training, self.bases, self.processes = model, training, bases, processes
        self.optimizer, self.scaler = optimizer, scaler
        self.device = model.device
        self.parameters = list(model.parameters())
        self.module: nn.Module = MaskedLoss(model)
        if training.compile:
            # a compiled module is a module too, which torch's type of compile does not say
            self.module = cast(nn.Module, torch.compile(self.module, dynamic=True))
        self.distributed = DistributedDataParallel(self.module) if processes.count > 1 else None

    def tally(self, labels: np.ndarray, loss: torch.Tensor | float, right: torch.Tensor | int) -> Tally:
        """The sums over all processes; ``labels`` are those of the whole batch, which every process has."""
        targets = labels[labels != batches.IGNORED]
        total_loss, total_right = self.processes.sum(float(loss), float(right))
        return Tally(total_loss, total_right, len(targets), int(self.bases[targets].sum()))

    def step(self, batch: batches.Batch, step: int) -> Tally:
        """One optimiser step over the whole batch, which minimises the mean loss over all its masked tokens.

        Dropout is seeded by step and micro-batch, so that a resumed run repeats it on any number of processes. Raises
        UserError before the weights change if the loss or the gradients are not finite.
        """
        training, processes = self.training, self.processes
        for group in self.optimizer.param_groups:
            group["lr"] = training.learning_rate_at(step)
        masked = max(int((batch[1] != batches.IGNORED).sum()), 1)
        last_round = training.batch_size // training.micro_batch_size - processes.count
        module = self.distributed or self.module
        total: torch.Tensor | float = 0.0
        right: torch.Tensor | int = 0
        for number, arguments in micro_batches(batch, training.micro_batch_size, processes, self.device):
            torch.manual_seed(stable_hash(training.seed, "dropout", step, number))
            accumulating = number < last_round
            with self.distributed.no_sync() if self.distributed and accumulating else contextlib.nullcontext():
                with autocast(self.device, training.precision):
                    loss, hits = module(*arguments)
                # gradients are averaged over the processes, but the losses must be summed
                self.scaler.scale(loss * (processes.count / masked)).backward()
            total, right = total + loss.detach().double(), right + hits
        tally = self.tally(batch[1], total, right)
        if not math.isfinite(tally.loss):
            raise UserError(
                f"step {step}: the loss is {tally.loss}; lower learning_rate and start again, "
                "the last saved state is intact"
            )
        check_gradients(self.scaler, self.parameters, step)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return tally

    @torch.no_grad()
    def validate(self, batch: batches.Batch) -> dict[str, float]:
        """Loss per token, accuracy and bits per base on the fixed validation rows."""
        self.model.eval()
        total: torch.Tensor | float = 0.0
        right: torch.Tensor | int = 0
        for _, arguments in micro_batches(batch, self.training.micro_batch_size, self.processes, self.device):
            with autocast(self.device, self.training.precision):
                loss, hits = self.module(*arguments)
            total, right = total + loss.double(), right + hits
        self.model.train()
        means = self.tally(batch[1], total, right).means()
        return {
            "validation_loss": means["loss"],
            "validation_accuracy": means["accuracy"],
            "bits_per_base": means["bits_per_base"],
        }
