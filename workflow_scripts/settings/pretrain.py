"""Section ``pretrain``: models that are pre-trained here, by name; and the settings of pretrain_model."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json
from workflow_scripts.settings.fields import (
    Count,
    NotNegative,
    Omittable,
    Patterns,
    Plain,
    Positive,
    Rate,
    Section,
    Share,
    fact,
    key,
    keys_of,
)
from workflow_scripts.settings.names import PRECISION, SEED, Precision
from workflow_scripts.settings.tokenizer import Tokenizer
from workflow_scripts.settings.validation import parsed, read

PUBLISHED = "config.json of DNABERT-2-117M"
SECTION = "section 4.1, by its summaries"


class Architecture(Section):
    """Sizes of a model; the defaults are the published model's: 117,074,176 parameters with the masked-LM head."""

    hidden_size: Positive = key(768, "Width of a token, a multiple of the heads.", paper="768", source=PUBLISHED)
    num_hidden_layers: Positive = key(12, "Layers of the encoder.", paper="12", source=PUBLISHED)
    num_attention_heads: Positive = key(12, "Attention heads of a layer.", paper="12", source=PUBLISHED)
    intermediate_size: Positive = key(3072, "Width of the gated feed-forward layers.", paper="3,072", source=PUBLISHED)
    hidden_dropout_prob: Share = key(
        0.1, "Dropout after the embedding and in each layer.", paper="0.1", source=PUBLISHED
    )
    initializer_range: Rate = key(
        0.02,
        "Standard deviation of the initial weights. A narrow model starts with more.",
        paper="0.02",
        source=PUBLISHED,
    )
    positions: Literal["alibi", "learned", "rotary"] = key(
        "alibi",
        "How the model knows the order of tokens: alibi lowers attention with distance, rotary turns queries and keys "
        "by their position, learned adds an embedding for each position. Only learned limits the length.",
        paper="alibi",
        source="bert_layers.py of DNABERT-2-117M",
    )
    max_positions: Positive = key(
        512, "Longest input of a model with learned positions; without effect on others.", unit="tokens"
    )


class Training(Section):
    """How a model is trained; the defaults are the paper's."""

    steps: Count = key(
        500_000,
        "Optimizer steps; 0 keeps the initial weights, the baseline without pre-training.",
        paper="500,000",
        source=SECTION,
    )
    warmup_steps: Count = key(
        30_000,
        "Of these, steps in which the learning rate rises to its peak; over the rest it falls linearly to 0.",
        paper="30,000",
        source=SECTION,
    )
    batch_size: Positive = key(
        4096,
        "Sequences per optimizer step, whatever the hardware: a multiple of GPUs x nodes x micro_batch_size.",
        paper="4,096",
        source=SECTION,
    )
    micro_batch_size: Positive = key(
        512,
        "Sequences that pass through the model at once in each process, as many as the memory holds: 512 fit a large "
        "GPU; before a run on the CPU the plan states the memory that they take.",
        reruns=False,
    )
    length: Annotated[int, Field(ge=4)] = key(
        128, "Length of a sequence, [CLS] and [SEP] included.", unit="tokens", paper="128", source=SECTION
    )
    crop: Literal["window", "truncate"] = key(
        "window",
        "How a chunk becomes a sequence: window takes a random stretch, anew in every epoch; truncate always the first "
        "tokens, which never shows the model a third of the corpus.",
        paper="truncate, 1,000 bases to 128 tokens",
        source="page 10: 'pre-trained purely on 700bp-len sequences'",
    )
    mask_share: Annotated[float, Field(gt=0, le=1)] = key(
        0.15,
        "Share of tokens to predict; of these 80% become [MASK], 10% a random token, 10% stay.",
        paper="15%",
        source=SECTION,
    )
    mask_run: Positive = key(
        1,
        "Tokens that are masked together. Overlapping k-mers need k, because the neighbours of a single masked one "
        "spell it.",
        unit="tokens",
        paper="1",
        source=SECTION,
    )
    initial_embeddings: Literal["random", "spelling"] = key(
        "random",
        "Embeddings of the tokens before the first step: random, or alike for tokens with the same first or last bases "
        "(spelling), from which a small model learns many times sooner.",
        paper="random",
    )
    optimizer: Literal["adamw", "muon"] = key(
        "adamw",
        "adamw, or muon: Muon for the matrices of the layers, with updates as large as AdamW's at the same learning "
        "rate, and AdamW for embeddings, biases and norms.",
        paper="adamw",
        source=SECTION,
    )
    learning_rate: Rate = key(5e-4, "Peak learning rate.", paper="5e-4", source=SECTION)
    beta1: Share = key(0.9, "Decay of AdamW's mean of the gradients.", paper="0.9", source=SECTION)
    beta2: Share = key(0.98, "Decay of AdamW's mean of their squares.", paper="0.98", source=SECTION)
    epsilon: Rate = key(1e-6, "AdamW's epsilon.", paper="1e-6", source=SECTION)
    weight_decay: NotNegative = key(
        1e-5, "Weight decay of all parameters, see weight_decay_scaling.", paper="1e-5", source=SECTION
    )
    weight_decay_scaling: Literal["schedule", "learning_rate"] = key(
        "schedule",
        "What weight_decay is multiplied by in a step. schedule: the learning rate's share of its peak, from 0 to 1, "
        "as in Composer's DecoupledAdamW; learning_rate: the rate itself, as in torch, which at 5e-4 is 2,000 times "
        "less.",
        paper="not said; schedule in the trainer that the authors name",
        source="main.py and mosaic-bert-base-uncased.yaml of MosaicBERT",
    )
    precision: Precision = key(
        PRECISION,
        "Arithmetic: bf16, fp16 (with a scaled loss), fp32, or auto: bf16 where the hardware computes it, fp16 on "
        "older GPUs, else fp32. The weights are in 32 bits in any case.",
        paper="mixed precision, on RTX 2080 Ti without bf16",
        source=SECTION,
    )
    low_precision_layernorm: bool = key(
        False, "true: LayerNorm in the precision of the rest too; false: in 32 bits.", paper="in 16 bits"
    )
    validate_every: Positive = key(2_000, "Steps between validations.", records=True)
    validation_sequences: Count = key(4_096, "Sequences of a validation.", records=True)
    log_every: Positive = key(100, "Steps between lines of the log.", records=True)
    checkpoint_every: Positive = key(1_000, "Steps between checkpoints.", reruns=False)
    keep_checkpoints: Positive = key(2, "Checkpoints to keep, the newest.", reruns=False)
    keep_models_every: Count = key(
        0,
        "Steps between copies of the model that stay, each a directory for from_pretrained: "
        "results/pretrain/checkpoints/<name>/step-<n>. 0 keeps none. Each takes 4 bytes a parameter, 470 MB of the "
        "paper's model.",
        reruns=False,
    )
    stop_on_plateau: Count = key(
        0,
        "The job fails, and the model is not made, after so many validations in a row without progress on the plateau "
        "of a model that learns nothing from context: see docs/learning.md. 0 never stops.",
        unit="validations after the warm-up",
        reruns=False,
    )
    attention: Literal["auto", "sdpa", "flex", "flash"] = key(
        "auto",
        "How attention with ALiBi is computed: auto takes the fastest of sdpa, flex and flash that the machine has.",
        reruns=False,
    )
    compile: bool = key(False, "true: compile the model with torch.compile.", reruns=False)
    tensorboard: bool = key(
        False, "true: write the log for TensorBoard too, which needs the package tensorboard.", reruns=False
    )

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of ``step`` (counted from 0): linear warm-up, then linear to 0."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        return self.learning_rate * (self.steps - step) / max(self.steps - self.warmup_steps, 1)

    def defining(self) -> dict[str, Any]:
        """The settings that a saved state is bound to: all that change the weights."""
        return {name: value for name, value in self.model_dump().items() if name not in RUNNING + RECORDING}

    def check_processes(self, processes: int) -> None:
        """Raise UserError unless each of the processes has the same whole number of micro-batches in a batch."""
        if self.batch_size % (processes * self.micro_batch_size):
            raise UserError(
                f"--training: batch_size {self.batch_size} is not a multiple of micro_batch_size "
                f"{self.micro_batch_size} x {processes} processes"
            )


RUNNING = tuple(name for _, name, field in keys_of(Training) if fact(field, "reruns") is False)
"""Keys that say how a model is trained, not what comes out: another value repeats no finished run."""
RECORDING = tuple(name for _, name, field in keys_of(Training) if fact(field, "records"))
"""Keys that say what is logged: with another value an unfinished run resumes, as with RUNNING."""


class SeededTraining(Training):
    """The settings of the program: those of the model, and the seed of the whole configuration."""

    seed: Count = key(SEED, "Seed of the initial weights, the order of the chunks, their stretches and masks.")


def read_training(text: str, running: Mapping[str, Any] | None = None) -> SeededTraining:
    """Parse the JSON of ``--training``, with the settings of RUNNING beside it. Raises UserError for other keys."""
    return read(SeededTraining, parsed(text, "--training") | (running or {}), "--training")


class Model(Section):
    """A model that is pre-trained here, from nothing or from another."""

    start: Omittable[Plain] = key(
        None,
        "For further pre-training: the model of this section, or the model directory, to start from. Its tokenizer and "
        "architecture are kept.",
        alias="from",
        min_length=1,
    )
    data: Omittable[Literal["gue", "genomes"]] = key(
        None,
        "What a further pre-training reads: gue, the training sets of the data sets that gue.datasets chooses; or "
        "genomes, the genomes of the corpus, in the tokens of the model that it starts from. Needed with from.",
        paper="the training sets of GUE, for the model marked with a diamond",
    )
    genomes: Omittable[Patterns] = key(
        None, "Accessions of the genomes to train on, with * and ? as wildcards; all if left out. Not with data: gue."
    )
    tokenizer: Omittable[str] = key(None, "A tokenizer of the section tokenizer. Needed without from.")
    gpus: Count = key(1, "GPUs of each node; 0 trains on the CPU. The same is trained on any number.")
    nodes: Positive = key(1, "Nodes; more than one need Slurm. The same is trained on any number.")
    threads: Positive = key(
        8,
        "Threads of each process. On a CPU several small models with one thread each are faster side by side than one "
        "after the other.",
        reruns=False,
    )
    architecture: Omittable[Architecture] = key(None, "Sizes of the model. Needed without from.")
    training: Training = key(Training(), "How it is trained.")


DNABERT2 = Model(tokenizer="bpe4096", gpus=1, nodes=1, architecture=Architecture(), training=Training())
"""The paper's model."""
DNABERT2_RANDOM = Model(
    tokenizer="bpe4096", gpus=0, architecture=Architecture(), training=Training(steps=0, warmup_steps=0)
)
"""The same with its initial weights: what pre-training has to beat."""


WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Files with the weights of a model directory, the one that is read first; DNABERT-2 as published has the second."""
FOLDERS = ("checkpoints", "training_sets")
"""Folders of results/pretrain that belong to no single model."""


def weights_file(folder: Path) -> Path:
    """The file with the weights of a model directory: the first of WEIGHTS that is there, or would be."""
    return next((folder / name for name in WEIGHTS if (folder / name).is_file()), folder / WEIGHTS[0])


def first_of_chain(name: str, models: Mapping[str, Model]) -> str:
    """The model from which a chain of further pre-trainings sets out: it starts from nothing, or from a directory."""
    while (start := models[name].start) in models:
        name = str(start)
    return name


def vocabulary_of(name: str, models: Mapping[str, Model]) -> str:
    """In whose tokens a model reads genomes, a folder of results/tokenizer: the tokenizer of the first model of its
    chain, or the name of that model if it starts from a directory, whose tokenizer it has."""
    first = first_of_chain(name, models)
    return first if models[first].start else str(models[first].tokenizer)


def pretrain_errors(models: Mapping[str, Model], tokenizers: Mapping[str, Tokenizer], bases: int) -> Iterator[str]:
    """Values that do not fit together, to the tokenizers that there are, or to the ``bases`` of a chunk."""
    for name, model in models.items():
        place, training = f"config pretrain.{name}", model.training
        if name in FOLDERS:
            yield f"{place}: results/pretrain/{name} is a folder of the workflow; choose another name"
        yield from _start_errors(models, name, tokenizers) if model.start else _fresh_errors(model, place, tokenizers)
        gpus = max(model.gpus, 1) * model.nodes
        if training.batch_size % (gpus * training.micro_batch_size):
            per_gpu = f" x {gpus} GPUs" if gpus > 1 else ""
            yield (
                f"{place}.training: batch_size {training.batch_size} is not a multiple of micro_batch_size "
                f"{training.micro_batch_size}{per_gpu}"
            )
        if training.warmup_steps > training.steps:
            yield f"{place}.training: warmup_steps {training.warmup_steps} is more than steps {training.steps}"
        if model.data != "gue" and training.length - 2 > bases:
            yield (
                f"{place}.training.length: {training.length} tokens do not fit chunks of {bases} bases "
                "(genomes.chunk.length)"
            )


def _fresh_errors(model: Model, place: str, tokenizers: Mapping[str, Tokenizer]) -> Iterator[str]:
    """Mistakes in the tokenizer and the sizes of a model that starts from nothing."""
    if missing := [part for part in ("tokenizer", "architecture") if getattr(model, part) is None]:
        yield f"{place}: {', '.join(missing)} missing; see config/keys.md"
    if model.data is not None:
        yield f"{place}.data: {model.data!r} is for a model that goes on from another; add 'from' or leave it out"
    if model.tokenizer is not None and model.tokenizer not in tokenizers:
        yield f"{place}.tokenizer: no tokenizer {model.tokenizer!r}; defined are {', '.join(tokenizers)}"
    elif model.tokenizer is not None:
        yield from _mask_errors(model.training, place, tokenizers[model.tokenizer])
    if model.architecture is not None:
        yield from _architecture_errors(model.architecture, f"{place}.architecture", model.training.length)


def _mask_errors(training: Training, place: str, tokenizer: Tokenizer) -> Iterator[str]:
    """A masking that hides no base: the neighbours of a masked overlapping k-mer spell it (paper, section 2)."""
    if tokenizer.kind == "kmer_overlapping" and training.steps and training.mask_run < (tokenizer.k or 1):
        yield (
            f"{place}.training.mask_run: {training.mask_run} hides nothing of overlapping {tokenizer.k}-mers, which "
            f"their neighbours spell; use {tokenizer.k}, as DNABERT does"
        )


def _architecture_errors(sizes: Architecture, place: str, length: int) -> Iterator[str]:
    """Sizes that do not fit together, or positions that do not reach to the ``length`` of the training sequences."""
    size, rest = divmod(sizes.hidden_size, sizes.num_attention_heads)
    if rest:
        yield (
            f"{place}: hidden_size {sizes.hidden_size} is not a multiple of "
            f"num_attention_heads {sizes.num_attention_heads}"
        )
    elif sizes.positions == "rotary" and size % 2:
        yield f"{place}.positions: rotary needs heads of an even size; hidden_size / num_attention_heads is {size}"
    if sizes.positions == "learned" and length > sizes.max_positions:
        yield f"{place}.max_positions: {sizes.max_positions} is less than training.length {length}"


def _start_errors(models: Mapping[str, Model], name: str, tokenizers: Mapping[str, Tokenizer]) -> Iterator[str]:
    """Mistakes in the model that a further pre-training starts from, and keys that have no meaning beside it."""
    model, place = models[name], f"config pretrain.{name}"
    if model.data is None:
        yield f"{place}: data missing, genomes or gue; see config/keys.md"
    for part in ("tokenizer", "architecture"):
        if getattr(model, part) is not None:
            yield f"{place}.{part}: it is that of the model named by 'from'; leave it out"
    if model.data == "gue":
        if model.genomes is not None:
            yield f"{place}.genomes: data: gue reads no genomes; leave it out"
        if model.training.stop_on_plateau:
            yield f"{place}.training.stop_on_plateau: data: gue has nothing held out to measure it on; leave it out"
    chain = [name]
    while chain[-1] in models and (start := models[chain[-1]].start) is not None:
        if start in chain:
            yield f"{place}.from: {' from '.join([*chain, start])} goes in a circle"
            return
        chain.append(start)
    if chain[-1] not in models:
        yield from _directory_errors(Path(chain[-1]), place, [other for other in models if other != name])
    vocabulary = vocabulary_of(name, models)
    if chain[-1] in models and vocabulary in tokenizers:
        yield from _mask_errors(model.training, place, tokenizers[vocabulary])
    elif model.data == "genomes" and vocabulary in tokenizers:
        yield (
            f"{place}: {vocabulary!r} is a model that starts from a directory and a tokenizer too, so the tokens of "
            "both would lie in one folder; rename one of them"
        )


def _directory_errors(folder: Path, place: str, known: Sequence[str]) -> Iterator[str]:
    """What a directory lacks to be the start of a training; ``known``: the models that could be meant."""
    if not (folder / "config.json").is_file():
        yield f"{place}.from: no model {str(folder)!r}, no directory with config.json; models are {', '.join(known)}"
        return
    files = ["tokenizer.json", "tokenizer_config.json"]
    lacking = [file for file in files if not (folder / file).is_file()]
    if not weights_file(folder).is_file():
        lacking.append(" or ".join(WEIGHTS))
    if lacking:
        yield f"{place}.from: {folder} lacks {', '.join(lacking)}; copy the whole model directory"
        return
    try:
        read_json(folder / files[0])["model"]["type"]
    except (ValueError, KeyError, TypeError):
        yield f"{place}.from: {folder / files[0]} describes no tokenizer; copy it again"
