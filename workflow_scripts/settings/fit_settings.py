"""The settings of finetune_model: how a model is fitted to one data set."""

from typing import Annotated, Any, Literal

from pydantic import Field

from workflow_scripts.common.errors import UserError
from workflow_scripts.settings.fields import Count, NotNegative, Patterns, Positive, Rate, Section, Share, key
from workflow_scripts.settings.names import MIN_STEPS, PRECISION, PROBLEM, Precision, Problem
from workflow_scripts.settings.validation import read_json

SCRIPTS = "released scripts"


class FitSettings(Section):
    """How a model is fine-tuned on one data set. In a layer over others only the keys that are written count."""

    learning_rate: Rate = key(
        3e-5,
        "Peak learning rate of AdamW; it rises linearly over warmup_steps and falls linearly to 0.",
        paper="3e-5; 1e-4 for the Nucleotide Transformer",
        source=SCRIPTS,
    )
    epochs: Positive = key(3, "Passes over the training rows.", paper="3 to 10, by data set", source=SCRIPTS)
    max_steps: Count = key(
        0,
        "Optimizer steps instead of epochs, if above 0.",
        paper="1,000 for tf_mouse",
        source=SCRIPTS,
    )
    min_steps: Count = key(
        MIN_STEPS,
        "Optimizer steps at least, if epochs would be fewer. Few rows are few steps: 379 rows make 36 in 3 epochs, in "
        "which a model often learns nothing. max_steps holds as it is.",
        paper="none; 1,095 steps of the smallest data set that is fitted by epochs",
        source=SCRIPTS,
    )
    batch_size: Positive = key(
        32,
        "Rows per optimizer step, whatever the hardware.",
        paper="32, 8 on each of 4 GPUs; 128 for covid",
        source=SCRIPTS,
    )
    warmup_steps: Count = key(
        50,
        "Steps in which the learning rate rises. A warm-up as long as the run is cut to a tenth of it.",
        paper="50; 30 for tf_human and tf_mouse",
        source=SCRIPTS,
    )
    eval_steps: Count = key(
        200,
        "Steps between evaluations on the dev rows; 0 evaluates after each epoch.",
        paper="200 or 400, by data set",
        source=SCRIPTS,
    )
    max_tokens: Count = key(
        0,
        "Longer inputs are cut, [CLS] and [SEP] counted, and the share that is cut is recorded; 0 never cuts. The "
        "released limits count tokens of DNABERT-2, so they do not apply to a model with a smaller BPE vocabulary or "
        "with k-mers.",
        unit="tokens",
        paper="20 to 256, by data set",
        source=SCRIPTS,
    )
    weight_decay: NotNegative = key(
        0.01, "Weight decay of AdamW; biases and LayerNorm do not decay.", paper="0.01", source=SCRIPTS
    )
    max_grad_norm: NotNegative = key(
        1.0,
        "Gradients with a larger norm are scaled down to it; 0 leaves them.",
        paper="1.0",
        source="default of the library that the released scripts use",
    )
    micro_batch_size: Count = key(
        0,
        "Rows that pass through the model at once if memory is short; 0 is the whole batch. The gradients are those of "
        "the whole batch, the dropout differs.",
    )
    checkpointing: bool = key(
        False,
        "true: recompute activations in the backward pass instead of keeping them, which takes a third more time and a "
        "fraction of the memory; the gradients are the same.",
    )
    freeze: Count = key(
        0, "Layers of the encoder, from the first on, that keep their weights, and with them its embedding; 0 is none."
    )
    selection: Literal["loss", "metric"] = key(
        "loss",
        "Keep the weights with the lowest loss on the dev rows, or with the best metric.",
        paper="loss",
        source=SCRIPTS,
    )
    patience: Count = key(
        0,
        "Evaluations without a better one after which training stops; 0 never stops early.",
        paper="never stops early",
        source=SCRIPTS,
    )
    problem: Problem = key(
        PROBLEM,
        "What the labels are: classification (classes from 0), regression (numbers), multilabel (a 0 or 1 for each "
        "label, 0;1;1). Custom data sets name their own.",
        paper="classification",
    )
    class_weights: Literal["none", "balanced"] = key(
        "none",
        "balanced: the rows of each class together weigh the same. For classification.",
        paper="none",
        source=SCRIPTS,
    )
    reverse_complement_share: Share = key(
        0.0,
        "Share of the training rows that are read from the other strand, drawn anew in each epoch.",
        paper="0",
        source=SCRIPTS,
    )
    train_share: Annotated[float, Field(gt=0, le=1)] = key(
        1.0,
        "Share of the training rows that are used, of each class alike, drawn by the seed of the fit; a smaller share "
        "is a part of a larger one.",
        paper="1",
        source=SCRIPTS,
    )
    shots: Count = key(
        0,
        "Rows of each class that are used (few-shot), drawn by the seed of the fit; 0 is all. For numbers and several "
        "labels, rows in all.",
    )
    both_strands: bool = key(
        False, "true: predict the mean over a sequence and its reverse complement.", paper="false", source=SCRIPTS
    )
    pooling: Literal["cls", "mean", "last"] = key(
        "cls",
        "What the classifier reads: cls, the first token, or what the published classifier class of another "
        "architecture reads; mean, over all tokens; last, the last token, for decoders.",
        paper="cls",
        source=SCRIPTS,
    )
    precision: Precision = key(
        PRECISION,
        "Arithmetic: bf16, fp16, fp32, or auto: bf16 where the hardware computes it, fp16 on older GPUs, else fp32.",
        paper="fp16",
        source=SCRIPTS,
    )
    rank: Positive = key(8, "LoRA: rank of the update.", paper="8, for the Nucleotide Transformer", source=SCRIPTS)
    alpha: Positive = key(
        16,
        "LoRA: scale of the update, which is multiplied by alpha / rank.",
        paper="16, 32 for covid, for the Nucleotide Transformer",
        source=SCRIPTS,
    )
    dropout: Share = key(
        0.05, "LoRA: dropout on the input of the update.", paper="0.05, for the Nucleotide Transformer", source=SCRIPTS
    )
    targets: Patterns = key(
        ["Wqkv"],
        "LoRA: linear layers to adapt, by the ends of their names. Wqkv is DNABERT-2's fused projection.",
        paper="query, value, key and dense, for the Nucleotide Transformer",
        source=SCRIPTS,
    )
    merge: bool = key(False, "LoRA: true also saves the model with its adapter merged into the weights, in merged/.")

    def steps_per_epoch(self, rows: int) -> int:
        """Optimizer steps of one pass over ``rows`` training rows; the last batch may be smaller."""
        return -(-rows // self.batch_size)

    def steps(self, rows: int) -> int:
        """Optimizer steps of the whole run over ``rows`` training rows."""
        return self.max_steps or max(self.epochs * self.steps_per_epoch(rows), self.min_steps)

    def learning_rate_at(self, step: int, steps: int) -> float:
        """Learning rate of ``step`` (from 0) of ``steps``; a warm-up as long as the run is cut to a tenth of it.

        As in the Trainer of transformers, which the released scripts use, the first step of a warm-up has rate 0.
        """
        warmup = self.warmup_steps if self.warmup_steps < steps else steps // 10
        if step < warmup:
            return self.learning_rate * step / warmup
        return self.learning_rate * (steps - step) / (steps - warmup)


RELEASED = ("learning_rate", "epochs", "max_steps", "batch_size", "warmup_steps", "eval_steps", "max_tokens")
"""Keys that the released scripts set per data set: columns of the registry, and of the table of the other families."""
LORA = ("rank", "alpha", "dropout", "targets", "merge")
"""Keys that only LoRA reads."""


def layer(*names: str, **others: Any) -> FitSettings:
    """Settings in which the defaults of some keys are written, and other values of others."""
    return FitSettings(**{name: FitSettings.model_fields[name].default for name in names}, **others)


def read_settings(text: str) -> FitSettings:
    """Parse the JSON of ``--settings``. Raises UserError for what is no setting, or does not fit together."""
    settings = read_json(FitSettings, text, "--settings")
    if settings.class_weights != "none" and settings.problem != "classification":
        raise UserError(
            f"--settings: class_weights {settings.class_weights!r}: {settings.problem} has no classes; leave it out"
        )
    return settings
