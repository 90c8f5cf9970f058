"""The settings of one fine-tuning, as the workflow puts them together from registry and configuration."""

import dataclasses
import json

from workflow_scripts.common.errors import UserError


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a model is fine-tuned on one data set; the defaults are those of the released train.py.

    learning_rate: peak of AdamW; it rises linearly over warmup_steps and falls linearly to 0.
    epochs: passes over the training rows; max_steps, where above 0, is the number of steps instead.
    batch_size: rows per optimiser step, whatever the hardware (32 in the paper: 8 on each of 4 GPUs).
    eval_steps: steps between evaluations on the dev rows; 0 evaluates after each epoch.
    max_tokens: longer inputs are cut, [CLS] and [SEP] counted, and the share cut is recorded; 0 never cuts.
    selection: keep the weights with the lowest dev "loss" (as released), or the highest dev "metric".
    pooling: what the classifier reads, "cls" (as released) or "mean" over the tokens.
    precision: "fp32" or "bf16".
    rank, alpha, dropout, targets: of LoRA: rank and scale of the update, dropout on its input, module names.
    merge: save the model with its LoRA merged into the weights too.
    """

    learning_rate: float = 3e-5
    epochs: int = 3
    max_steps: int = 0
    batch_size: int = 32
    warmup_steps: int = 50
    eval_steps: int = 200
    max_tokens: int = 0
    weight_decay: float = 0.01
    selection: str = "loss"
    pooling: str = "cls"
    precision: str = "fp32"
    rank: int = 8
    alpha: int = 16
    dropout: float = 0.05
    targets: tuple[str, ...] = ("Wqkv",)
    merge: bool = False

    def steps_per_epoch(self, rows: int) -> int:
        """Optimiser steps of one pass over ``rows`` training rows; the last batch may be smaller."""
        return -(-rows // self.batch_size)

    def steps(self, rows: int) -> int:
        """Optimiser steps of the whole run over ``rows`` training rows."""
        return self.max_steps or self.epochs * self.steps_per_epoch(rows)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Learning rate of ``step`` (from 0) of ``steps``; a warm-up as long as the run is cut to a tenth of it."""
        warmup = self.warmup_steps if self.warmup_steps < steps else steps // 10
        if step < warmup:
            return self.learning_rate * (step + 1) / warmup
        return self.learning_rate * (steps - step) / (steps - warmup)


def read_settings(text: str) -> Settings:
    """Parse the JSON of ``--settings``; raises UserError for unknown keys."""
    values = json.loads(text)
    known = {field.name for field in dataclasses.fields(Settings)}
    for key in values:
        if key not in known:
            raise UserError(f"--settings: unknown key {key!r}; known are {', '.join(sorted(known))}")
    if "targets" in values:
        values["targets"] = tuple(values["targets"])
    return Settings(**values)
