"""Section ``finetune``: which models are fitted how to which data sets."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.settings.fields import Count, Name, Patterns, Plain, Positive, Rate, Section, Share, key


class FitSettings(Section):
    """How a model is fine-tuned on one data set. In a layer over others only the keys that are written count."""

    learning_rate: Rate = key(3e-5)
    epochs: Positive = key(3)
    max_steps: Count = key(0)
    batch_size: Positive = key(32)
    micro_batch_size: Count = key(0)
    warmup_steps: Count = key(50)
    eval_steps: Count = key(200)
    patience: Count = key(0)
    max_tokens: Count = key(0)
    weight_decay: Annotated[float, Field(ge=0)] = key(0.01)
    selection: Literal["loss", "metric"] = key("loss")
    problem: Literal["classification", "regression", "multilabel"] = key("classification")
    class_weights: Literal["none", "balanced"] = key("none")
    reverse_complement_share: Share = key(0.0)
    both_strands: bool = key(False)
    pooling: Literal["cls", "mean"] = key("cls")
    precision: Literal["bf16", "fp32"] = key("bf16")
    rank: Positive = key(8)
    alpha: Positive = key(16)
    dropout: Share = key(0.05)
    targets: Patterns = key(["Wqkv"])
    merge: bool = key(False)


class Run(Section):
    """Models, fitted by a method to data sets."""

    models: Patterns = key()
    method: Literal["full", "lora"] = key()
    datasets: Patterns = key()


class Model(Section):
    """A model that is not trained here: a directory, a model of the hub, or a baseline."""

    directory: Plain | None = key(None, min_length=1)
    hub: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?$")] | None = key(None)
    revision: Plain | None = key(None, min_length=1)
    trust_remote_code: bool = key(False)
    kmer: Annotated[int, Field(ge=0, le=12)] = key(0)
    baseline: Literal["kmer_regression", "cnn"] | None = key(None)
    released: Literal["dnabert2", "nt", "dnabert", "none"] = key("dnabert2")
    settings: FitSettings = key(FitSettings())


class Methods(Section):
    """Settings of each method."""

    full: FitSettings = key(FitSettings())
    lora: FitSettings = key(FitSettings(rank=8, alpha=16, dropout=0.05, targets=["Wqkv"], learning_rate=1e-4))


class Finetune(Section):
    """Which models are fitted how to which data sets."""

    seeds: Annotated[list[Count], Field(min_length=1)] = key([42, 43, 44])
    runs: Annotated[list[Run], Field(min_length=1)] = key()
    models: dict[Name, Model] = key({})
    threads: Positive = key(4)
    gpus: Literal[0, 1] = key(1)
    settings: FitSettings = key(FitSettings())
    released_values: bool = key(True)
    hparams: Plain = key("config/finetune_hparams.tsv", min_length=1)
    methods: Methods = key(Methods())
    tasks: dict[str, FitSettings] = key({})
