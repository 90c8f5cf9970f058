"""The settings of one pre-training, as they stand in the configuration under ``pretrain.<model>.training``."""

import dataclasses
import json
from typing import Any

from workflow_scripts.common.errors import UserError

# How a model is trained, not what comes out: another value goes on with a saved state and repeats no finished run.
RUNNING = ("micro_batch_size", "checkpoint_every", "keep_checkpoints", "attention", "compile", "tensorboard")
# What is written down on the way; another value goes on with a saved state too.
RECORDING = ("validate_every", "validation_sequences", "log_every")


@dataclasses.dataclass(frozen=True)
class Training:
    """How a model is trained; the defaults are the paper's (section 4.1 and its summaries).

    steps: optimiser steps; 0 writes the initial weights, the baseline without pre-training.
    warmup_steps: steps in which the learning rate rises from 0 to its peak; it falls linearly to 0 over the rest.
    batch_size: sequences per optimiser step, whatever the hardware.
    micro_batch_size: sequences that pass through the model at once in each process; batch_size must be a multiple
        of processes x micro_batch_size.
    length: tokens per sequence, [CLS] and [SEP] included.
    crop: "window" takes a random stretch of each chunk, anew in every epoch; "truncate" always its first tokens, as
        the paper's 128-token limit does.
    mask_share: share of tokens to predict; 80% become [MASK], 10% a random token, 10% stay.
    mask_run: tokens that are masked together. Overlapping k-mers need runs of k, as in DNABERT: the neighbours of a
        single one spell it.
    learning_rate, beta1, beta2, epsilon, weight_decay: of AdamW.
    precision: "fp32", "bf16" or "fp16" (autocast; the weights stay in 32 bits; fp16 with a scaled loss).
    low_precision_layernorm: run LayerNorm in the precision of the rest, as the paper did, not in 32 bits.
    validate_every, validation_sequences: steps between validations, and sequences in each.
    log_every, checkpoint_every: steps between lines of the log, and between saved states.
    keep_checkpoints: saved states to keep, the newest.
    attention: "auto", or the backend to use.
    compile: use torch.compile.
    tensorboard: write the log for TensorBoard too.
    """

    steps: int = 500_000
    warmup_steps: int = 30_000
    batch_size: int = 4096
    micro_batch_size: int = 256
    length: int = 128
    crop: str = "window"
    mask_share: float = 0.15
    mask_run: int = 1
    learning_rate: float = 5e-4
    beta1: float = 0.9
    beta2: float = 0.98
    epsilon: float = 1e-6
    weight_decay: float = 1e-5
    precision: str = "bf16"
    low_precision_layernorm: bool = False
    validate_every: int = 2_000
    validation_sequences: int = 4_096
    log_every: int = 100
    checkpoint_every: int = 1_000
    keep_checkpoints: int = 2
    attention: str = "auto"
    compile: bool = False
    tensorboard: bool = False
    seed: int = 42

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of step ``step`` (counted from 0): linear warm-up, then linear to 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        return self.learning_rate * (self.steps - step) / max(self.steps - self.warmup_steps, 1)

    def defining(self) -> dict[str, Any]:
        """The settings that a saved state is bound to: all that change the weights."""
        return {key: value for key, value in self.__dict__.items() if key not in RUNNING + RECORDING}

    def check_processes(self, processes: int) -> None:
        """Raise UserError unless the batch is so many micro-batches in each of so many processes."""
        if self.batch_size % (processes * self.micro_batch_size):
            raise UserError(
                f"--training: batch_size {self.batch_size} is not a multiple of micro_batch_size "
                f"{self.micro_batch_size} x {processes} processes"
            )


def read_training(text: str, running: dict[str, Any] | None = None) -> Training:
    """Parse the JSON of ``--training``, with the settings of RUNNING beside it. Raises UserError for unknown keys."""
    values = json.loads(text) | (running or {})
    known = {field.name for field in dataclasses.fields(Training)}
    for key in values:
        if key not in known:
            raise UserError(f"--training: unknown key {key!r}; known are {', '.join(sorted(known))}")
    return Training(**values)
