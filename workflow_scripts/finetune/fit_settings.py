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
    micro_batch_size: rows that pass through the model at once, for want of memory; 0 is all of a batch.
    eval_steps: steps between evaluations on the dev rows; 0 evaluates after each epoch.
    patience: evaluations without a better one after which training stops; 0 never stops early (as released).
    max_tokens: longer inputs are cut, [CLS] and [SEP] counted, and the share cut is recorded; 0 never cuts.
    selection: keep the weights with the lowest dev "loss" (as released), or the highest dev "metric".
    problem: "classification", "regression" (the label is a number), or "multilabel" (a 0 or 1 for each label: 0;1;1).
    class_weights: "none", or "balanced": the rows of all classes together weigh the same. For classification.
    reverse_complement_share: share of the training rows that are read from the other strand, drawn anew in each epoch.
    both_strands: predict the mean over a sequence and its reverse complement.
    pooling: what the classifier reads, "cls" (as released) or "mean" over the tokens.
    precision: "fp32" or "bf16".
    rank, alpha, dropout, targets: of LoRA: rank and scale of the update, dropout on its input, module names.
    merge: save the model with its LoRA merged into the weights too.
    """

    learning_rate: float = 3e-5
    epochs: int = 3
    max_steps: int = 0
    batch_size: int = 32
    micro_batch_size: int = 0
    warmup_steps: int = 50
    eval_steps: int = 200
    patience: int = 0
    max_tokens: int = 0
    weight_decay: float = 0.01
    selection: str = "loss"
    problem: str = "classification"
    class_weights: str = "none"
    reverse_complement_share: float = 0.0
    both_strands: bool = False
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
    """Parse the JSON of ``--settings``; raises UserError for unknown keys and values that do not fit together."""
    values = json.loads(text)
    known = {field.name for field in dataclasses.fields(Settings)}
    for key in values:
        if key not in known:
            raise UserError(f"--settings: unknown key {key!r}; known are {', '.join(sorted(known))}")
    if "targets" in values:
        values["targets"] = tuple(values["targets"])
    settings = Settings(**values)
    if settings.class_weights != "none" and settings.problem != "classification":
        raise UserError(
            f"--settings: class_weights {settings.class_weights!r}: {settings.problem} has no classes; leave it out"
        )
    return settings
