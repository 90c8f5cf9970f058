"""Section ``finetune``: which models are fitted how to which data sets; and the settings of finetune_model."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from workflow_scripts.common.errors import UserError
from workflow_scripts.settings.fields import (
    Count,
    Name,
    NotNegative,
    Omittable,
    Patterns,
    Plain,
    Positive,
    Rate,
    Section,
    Share,
    UniqueList,
    key,
    matches,
)
from workflow_scripts.settings.gue import Gue, dataset_errors, task_errors
from workflow_scripts.settings.names import PRECISION, PROBLEM, SEED, TASKS, Baseline, Method, Precision, Problem
from workflow_scripts.settings.validation import read_json

SCRIPTS = "released scripts"
HubId = Annotated[
    str,
    matches(r"^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?$", "be an id of the hub, such as owner/name"),
]


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
        300,
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
    both_strands: bool = key(
        False, "true: predict the mean over a sequence and its reverse complement.", paper="false", source=SCRIPTS
    )
    pooling: Literal["cls", "mean"] = key(
        "cls",
        "What the classifier reads: cls, the first token, or the mean over all tokens.",
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


class Run(Section):
    """Models, fitted by a method to data sets."""

    models: Patterns = key(..., "Names of pretrain, or of finetune.models.")
    method: Method = key(..., "full trains all weights, lora trains adapters.")
    datasets: Patterns = key(..., "Data sets, as in gue.datasets.")


class Model(Section):
    """A directory, a model of the hub, a baseline, or a model of pretrain under another name with other settings."""

    pretrained: Omittable[str] = key(
        None, "A model of the section pretrain, to be fitted under another name with the settings of this entry."
    )
    directory: Omittable[Plain] = key(
        None,
        "A model of the transformers library on this machine: config.json, weights and tokenizer, written by this "
        "workflow or elsewhere.",
        min_length=1,
    )
    hub: Omittable[HubId] = key(None, "An id of the Hugging Face hub. It is fetched once, and recorded.")
    revision: Omittable[Plain] = key(
        None, "Commit of the hub's model (a branch or tag moves). Needed with hub.", min_length=1
    )
    trust_remote_code: bool = key(False, "true: run Python code that comes with the model. DNABERT-2 needs none.")
    kmer: Annotated[int, Field(ge=0, le=12)] = key(
        0, "k of a model that reads overlapping k-mers as words (DNABERT); 0 leaves the sequence as it is."
    )
    baseline: Omittable[Baseline] = key(
        None,
        "A model without pre-training: kmer_regression (logistic regression on 6-mers) or cnn (two convolutions).",
    )
    released: Literal["dnabert2", "nt", "dnabert", "none"] = key(
        "dnabert2", "Whose released values it takes. A baseline takes none."
    )
    settings: FitSettings = key(FitSettings(), "Settings of its fits, over all others, such as targets.")


BASELINE_SETTINGS = FitSettings(
    learning_rate=1e-3,
    epochs=10,
    batch_size=32,
    warmup_steps=0,
    eval_steps=0,
    max_tokens=0,
    max_grad_norm=0.0,
    precision="fp32",
)
# The names of these layers in BERT and ESM.
BERT = FitSettings(targets=["query", "value", "key", "dense"])
MODELS = {
    "kmer_regression": Model(baseline="kmer_regression", settings=BASELINE_SETTINGS),
    "cnn": Model(baseline="cnn", settings=BASELINE_SETTINGS),
    "dnabert2_117m": Model(hub="zhihan1996/DNABERT-2-117M", revision="7bce263b15377fc15361f52cfab88f8b586abda0"),
    **{
        f"dnabert_{k}": Model(
            hub=f"zhihan1996/DNA_bert_{k}", revision="main", released="dnabert", kmer=k, settings=BERT
        )
        for k in (3, 4, 5, 6)
    },
    **{
        name: Model(hub=f"InstaDeepAI/nucleotide-transformer-{of_hub}", revision="main", released="nt", settings=BERT)
        for name, of_hub in (
            ("nt_500m_human", "500m-human-ref"),
            ("nt_500m_1000g", "500m-1000g"),
            ("nt_2500m_1000g", "2.5b-1000g"),
            ("nt_2500m_multi", "2.5b-multi-species"),
        )
    },
}
"""Baselines, and the paper's models as their authors published them."""
RUNS = [
    Run(models=["dnabert2", "dnabert2_random"], method="full", datasets=["*"]),
    Run(models=["dnabert2"], method="lora", datasets=["*"]),
]


class Methods(Section):
    """Settings of each method."""

    full: FitSettings = key(FitSettings(), "Settings of fits that train all weights.")
    lora: FitSettings = key(
        layer(*LORA, learning_rate=1e-4),
        "Settings of fits by LoRA.",
        paper="used for the Nucleotide Transformer only",
        source=SCRIPTS,
    )


class Finetune(Section):
    """Which models are fitted how to which data sets."""

    seeds: Annotated[UniqueList[Count], Field(min_length=1)] = key(
        [SEED, SEED + 1, SEED + 2],
        "Seeds; each fit is repeated with each.",
        paper="three, values not stated; the released scripts have 42",
        source="section 5, by its summaries",
    )
    runs: Annotated[list[Run], Field(min_length=1)] = key(RUNS, "What is fitted.")
    threads: Positive = key(4, "Threads of a fit; they matter on a machine without a GPU.")
    gpus: Annotated[int, Field(ge=0, le=1)] = key(1, "GPUs of a fit, 1 or 0; the batch is the same.")
    settings: FitSettings = key(
        layer(*(name for name in FitSettings.model_fields if name not in LORA + RELEASED)),
        "Settings of all fits. Five layers, each overrides the one before: the released values per data set "
        f"({', '.join(RELEASED)}); these; those of the method; of the task; of the model's entry. A key that none has "
        "takes its default.",
    )
    released_values: bool = key(
        True,
        "true: use the released values, DNABERT-2's in the registry, and those of other families in hparams.",
    )
    hparams: Plain = key(
        "config/finetune_hparams.tsv", "The released values of the other families of models.", min_length=1
    )
    methods: Methods = key(Methods(), "Settings of each method.")
    tasks: dict[str, FitSettings] = key({}, "Settings of single tasks, such as {covid: {epochs: 4}}.")
    models: dict[Name, Model] = key(
        MODELS,
        "Models that are not trained here, by name; each has one of directory, hub, baseline and pretrained. "
        "Only models that a run names are fetched. Where the revision is main, no commit was at hand, and the commit "
        "that was fetched is recorded. With the settings of its entry kmer_regression scores like scikit-learn's with "
        "its penalty chosen on the dev rows.",
    )


MEANINGFUL = {  # what a model that is not trained here can be -> keys that have a meaning beside it
    "directory": ("kmer", "trust_remote_code", "released", "settings"),
    "hub": ("revision", "kmer", "trust_remote_code", "released", "settings"),
    "baseline": ("settings",),
    "pretrained": ("settings",),
}


def finetune_errors(finetune: Finetune, pretrained: Collection[str], gue: Gue, names: list[str]) -> Iterator[str]:
    """Values that do not fit together, or to what there is: ``pretrained`` models, and data sets by ``names``."""
    models = [*pretrained, *(name for name in finetune.models if name not in pretrained)]
    yield from _model_errors(finetune.models, pretrained)
    for number, run in enumerate(finetune.runs):
        place = f"finetune.runs[{number}]"
        yield from dataset_errors(f"{place}.datasets", run.datasets, names, gue.registry)
        for name in run.models:
            if name not in models:
                yield f"config {place}.models: no model {name!r}; defined are {', '.join(models)}"
            elif run.method == "lora" and name in finetune.models and finetune.models[name].baseline:
                yield f"config {place}: {name} is a baseline; LoRA needs a pre-trained model, use method: full"
    custom = dict.fromkeys(name.split("/")[0] for name in gue.custom)
    yield from task_errors("finetune.tasks", finetune.tasks, (*TASKS, *custom))


def _model_errors(models: Mapping[str, Model], pretrained: Collection[str]) -> Iterator[str]:
    """Entries that are not one thing, have keys without a meaning, point to nothing, or take a name that is taken."""
    for name, model in models.items():
        place = f"config finetune.models.{name}"
        if name in pretrained:
            yield f"{place}: the name is taken by pretrain.{name}; choose another"
        kinds = [kind for kind in MEANINGFUL if getattr(model, kind) is not None]
        if len(kinds) != 1:
            yield f"{place}: {' and '.join(kinds) or 'nothing'} where one of {', '.join(MEANINGFUL)} belongs"
            continue
        for vain in sorted(model.model_fields_set - {kinds[0], *MEANINGFUL[kinds[0]]}):
            yield f"{place}.{vain}: has no meaning beside {kinds[0]}; leave it out"
        if model.pretrained is not None and model.pretrained not in pretrained:
            yield f"{place}.pretrained: no model {model.pretrained!r}; pretrain has {', '.join(pretrained)}"
        if model.hub is not None and model.revision is None:
            yield f"{place}.revision: missing; give the commit of {model.hub} that is meant"
        if model.directory is not None and not (Path(model.directory) / "config.json").is_file():
            yield f"{place}.directory: no config.json in {model.directory!r}"
