"""Section ``pretrain``: models that are pre-trained here, by name."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.settings.fields import Count, Plain, Positive, Rate, Section, Share, key


class Architecture(Section):
    """Sizes of a model."""

    hidden_size: Positive = key(768)
    num_hidden_layers: Positive = key(12)
    num_attention_heads: Positive = key(12)
    intermediate_size: Positive = key(3072)
    hidden_dropout_prob: Share = key(0.1)
    initializer_range: Rate = key(0.02)


class Training(Section):
    """How a model is trained; the defaults are the paper's (section 4.1 and its summaries)."""

    steps: Count = key(500_000)
    warmup_steps: Count = key(30_000)
    batch_size: Positive = key(4096)
    micro_batch_size: Positive = key(512, reruns=False)
    length: Annotated[int, Field(ge=4)] = key(128)
    crop: Literal["window", "truncate"] = key("window")
    mask_share: Annotated[float, Field(gt=0, le=1)] = key(0.15)
    mask_run: Positive = key(1)
    learning_rate: Rate = key(5e-4)
    beta1: Share = key(0.9)
    beta2: Share = key(0.98)
    epsilon: Rate = key(1e-6)
    weight_decay: Annotated[float, Field(ge=0)] = key(1e-5)
    precision: Literal["bf16", "fp16", "fp32"] = key("bf16")
    low_precision_layernorm: bool = key(False)
    validate_every: Positive = key(2_000)
    validation_sequences: Count = key(4_096)
    log_every: Positive = key(100)
    checkpoint_every: Positive = key(1_000, reruns=False)
    keep_checkpoints: Positive = key(2, reruns=False)
    attention: Literal["auto", "sdpa", "flex", "flash"] = key("auto", reruns=False)
    compile: bool = key(False, reruns=False)
    tensorboard: bool = key(False, reruns=False)


class Model(Section):
    """A model that is pre-trained here, from nothing or from another."""

    start: Plain | None = key(None, alias="from", min_length=1)
    data: Literal["gue"] | None = key(None)
    tokenizer: str | None = key(None)
    gpus: Count = key(1)
    nodes: Positive = key(1)
    architecture: Architecture | None = key(None)
    training: Training = key(Training())
