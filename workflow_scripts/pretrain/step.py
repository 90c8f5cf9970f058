"""One optimiser step over a global batch, and the validation: the same sums on any number of processes."""

import contextlib
import dataclasses
import math
from collections.abc import Iterator

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
from workflow_scripts.settings.pretrain import SeededTraining, Training

# The number of places that the head predicts is filled up to a multiple of this: kernels are chosen, and on CPUs kept
# in memory, by shape, and every number of masked tokens would be a shape of its own.
PLACES = 64


@dataclasses.dataclass
class Tally:
    """Sums over the masked tokens of some steps: loss in nats, tokens predicted right, tokens, and their bases."""

    loss: float = 0.0
    right: float = 0
    tokens: int = 0
    bases: int = 0

    def add(self, other: "Tally") -> None:
        for name, value in other.__dict__.items():
            setattr(self, name, getattr(self, name) + value)

    def means(self) -> dict[str, float]:
        """Loss per masked token, share predicted right, bits per masked base."""
        tokens = max(self.tokens, 1)  # a tiny batch may have nothing to predict
        bits = self.loss / math.log(2)
        return {"loss": self.loss / tokens, "accuracy": self.right / tokens, "bits_per_base": bits / max(self.bases, 1)}


class MaskedLoss(nn.Module):
    """The model with its loss, as one module that can be compiled and distributed."""

    def __init__(self, model: DnaBert2ForMaskedLM):
        super().__init__()
        self.model = model

    def forward(
        self, inputs: torch.Tensor, labels: torch.Tensor, places: torch.Tensor, attention_mask: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy summed over the tokens to predict, and the number predicted right.

        All are [rows, length]; ``places`` is true wherever ``labels`` is not IGNORED, and at some more places.
        """
        logits = self.model.masked_logits(inputs, attention_mask, places).float()
        targets = labels[places]
        loss = functional.cross_entropy(logits, targets, ignore_index=batches.IGNORED, reduction="sum")
        return loss, (logits.argmax(-1) == targets).sum()


def filled(chosen: np.ndarray) -> np.ndarray:
    """The chosen places and the first others, so that their number is a multiple of PLACES if there are so many."""
    places = chosen.copy()
    flat = places.reshape(-1)
    flat[np.flatnonzero(~flat)[: -int(flat.sum()) % PLACES]] = True
    return places


def pieces(
    batch: tuple[np.ndarray, np.ndarray], size: int, processes: Processes, device: torch.device
) -> Iterator[tuple[int, tuple[torch.Tensor, ...]]]:
    """The micro-batches of this process, numbered through the batch: every so-manieth is its own."""
    inputs, labels = batch
    for number in range(processes.rank, -(-len(inputs) // size), processes.count):
        rows = slice(number * size, (number + 1) * size)
        padding = inputs[rows] == batches.PAD
        arrays = [inputs[rows], labels[rows], filled(labels[rows] != batches.IGNORED)]
        tensors = [torch.from_numpy(array).to(device) for array in arrays]
        mask = torch.from_numpy((~padding).astype(np.int64)).to(device) if padding.any() else None
        yield number, (*tensors, mask)


def adamw(model: nn.Module, training: Training) -> torch.optim.AdamW:
    """The optimiser of a pre-training; fused, because on a CPU too that takes a fraction of the time."""
    return torch.optim.AdamW(
        model.parameters(),
        lr=training.learning_rate,
        betas=(training.beta1, training.beta2),
        eps=training.epsilon,
        weight_decay=training.weight_decay,
        fused=True,
    )


class Stepper:
    """What a step needs: the module to train, its optimiser, and where and how it is computed."""

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
            self.module = torch.compile(self.module, dynamic=True)
        if processes.count > 1:
            self.module = DistributedDataParallel(self.module)

    def tally(self, labels: np.ndarray, loss: torch.Tensor | float, right: torch.Tensor | int) -> Tally:
        """The sums of all processes; ``labels`` are those of the whole batch, which every process has."""
        targets = labels[labels != batches.IGNORED]
        loss, right = self.processes.sums(float(loss), float(right))
        return Tally(loss, right, len(targets), int(self.bases[targets].sum()))

    def step(self, batch: tuple[np.ndarray, np.ndarray], step: int) -> Tally:
        """One optimiser step over the whole batch, the mean over all its masked tokens being minimised.

        Dropout is seeded by step and micro-batch, so that a resumed run repeats it on any number of processes. Raises
        UserError before the weights change where loss or gradients are not finite.
        """
        training, processes = self.training, self.processes
        for group in self.optimizer.param_groups:
            group["lr"] = training.learning_rate_at(step)
        masked = max(int((batch[1] != batches.IGNORED).sum()), 1)
        last = training.batch_size // training.micro_batch_size - processes.count
        total, right = 0.0, 0
        for number, piece in pieces(batch, training.micro_batch_size, processes, self.device):
            torch.manual_seed(stable_hash(training.seed, "dropout", step, number))
            together = number >= last or processes.count == 1
            with contextlib.nullcontext() if together else self.module.no_sync():
                with autocast(self.device, training.precision):
                    loss, hits = self.module(*piece)
                # the gradients of the processes are averaged, their losses are to be summed
                self.scaler.scale(loss * (processes.count / masked)).backward()
            total, right = total + loss.detach().double(), right + hits
        tally = self.tally(batch[1], total, right)
        if not math.isfinite(tally.loss):
            raise UserError(
                f"step {step}: the loss is {tally.loss}; lower learning_rate, the last saved state is intact"
            )
        check_gradients(self.scaler, self.parameters, step)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return tally

    @torch.no_grad()
    def validate(self, batch: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
        """Loss per token, accuracy and bits per base on the fixed validation rows."""
        self.model.eval()
        module = self.module.module if self.processes.count > 1 else self.module
        total, right = 0.0, 0
        for _, piece in pieces(batch, self.training.micro_batch_size, self.processes, self.device):
            with autocast(self.device, self.training.precision):
                loss, hits = module(*piece)
            total, right = total + loss.double(), right + hits
        self.model.train()
        means = self.tally(batch[1], total, right).means()
        return {
            "validation_loss": means["loss"],
            "validation_accuracy": means["accuracy"],
            "bits_per_base": means["bits_per_base"],
        }
