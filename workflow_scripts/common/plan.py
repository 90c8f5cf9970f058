"""What a run is going to do and about what it costs, told before it starts: from its jobs and the configuration."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from workflow_scripts.common.fit_settings import fit_settings
from workflow_scripts.common.flops import encoder_flops
from workflow_scripts.settings.pretrain import Architecture, Training

Job = tuple[str, Mapping[str, str]]
"""The name of a rule, and the wildcards of the job."""

# Measured, see docs/genomes.md: bytes and seconds of one core for a base.
GZIP, CHUNKS, TOKENS = 0.285, 0.30, 0.40
CUT, ENCODE = 8.3e-9, 36e-9
BASES_PER_TOKEN = 5  # paper, section 3.1: "approximately 5 times"
# Round numbers: what one GPU of a data centre, and one core of a processor, may do with a model of this size.
GPU, CORE = 1e14, 1e11
TRAINING = 3  # times a forward pass
# Bytes of a pre-training on a CPU: the libraries, a weight with its gradient and AdamW's two means, and what a step
# keeps of a token, per layer and unit of its width. Measured: with the published sizes 4 and 16 sequences of 128 tokens
# take 2.8 and 3.8 GB in bf16, 16 take 4.8 GB in fp32.
LIBRARIES, WEIGHT, KEPT, KEPT_FP32 = 0.6e9, 16, 72, 128
# From here on a run is a long one: bytes to download or to write, operations.
LARGE_BYTES, LARGE_OPERATIONS = 5e9, 1e18
FEW_BLOCKS = 3  # where so many are held out on the mean, one corpus of twenty has none


class Line(NamedTuple):
    """What is to be done, and whether it is much."""

    text: str
    large: bool = False


def in_units(value: float, units: Sequence[tuple[float, str]]) -> str:
    """A value in the largest of the units that it fills; the last unit is the smallest."""
    size, unit = next(((size, unit) for size, unit in units if value >= size), units[-1])
    return f"{value / size:,.{0 if value / size >= 10 else 1}f} {unit}"


def duration(seconds: float) -> str:
    return in_units(seconds, [(3600, "hours"), (60, "minutes"), (1, "seconds")])


def size(count: float) -> str:
    return in_units(count, [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")])


def bases(count: float) -> str:
    return in_units(count, [(1e9, "Gbp"), (1e6, "Mbp"), (1e3, "kbp")])


def effort(operations: float, gpus: int) -> str:
    """Operations, and the time that they take."""
    rate, name = (GPU, "GPU") if gpus else (CORE, "core")
    return f"{operations:.1e} operations, {duration(operations / rate)} of one {name} at {rate / 1e12:g} TFLOP/s"


def widths(sizes: Mapping[str, Any]) -> tuple[int, int, int]:
    """Layers, width, and width of the feed-forward layers."""
    all_sizes = Architecture.model_validate(sizes)
    return all_sizes.num_hidden_layers, all_sizes.hidden_size, all_sizes.intermediate_size


def architecture(name: str, models: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Sizes of a model that is pre-trained here, or of the one that it goes on from; ``None`` where none are stated."""
    model = models.get(name, {})
    while "architecture" not in model and model.get("from") in models:
        model = models[model["from"]]
    return model.get("architecture")


def pretraining_flops(training: Mapping[str, Any], sizes: Mapping[str, Any]) -> float:
    """FLOPs of a pre-training but for its head."""
    settings = Training.model_validate(training)
    row = sum(encoder_flops(settings.length, *widths(sizes), True))
    return TRAINING * settings.steps * settings.batch_size * row


def pretraining_bytes(training: Mapping[str, Any], sizes: Mapping[str, Any]) -> float:
    """Memory that a pre-training takes on a CPU."""
    settings = Training.model_validate(training)
    layers, width, inner = widths(sizes)
    weights = layers * (4 * width**2 + 3 * width * inner)
    kept = KEPT_FP32 if settings.precision == "fp32" else KEPT
    return LIBRARIES + WEIGHT * weights + kept * settings.micro_batch_size * settings.length * layers * width


def fit_flops(
    job: Mapping[str, str],
    config: Mapping[str, Any],
    registry: Mapping[str, Mapping[str, str]],
    hparams: Iterable[Mapping[str, str]],
) -> float | None:
    """FLOPs of the training steps of a fit; ``None`` where the sizes of model or data set are not known before."""
    sizes, dataset = architecture(job["model"], config["pretrain"]), registry[f"{job['task']}/{job['dataset']}"]
    if sizes is None or not dataset.get("length"):
        return None
    settings = fit_settings(config["finetune"], job["model"], job["method"], dataset, hparams)
    tokens = config["gue"]["length"].get(job["task"], int(dataset["length"])) / BASES_PER_TOKEN
    tokens = min(tokens, settings.get("max_tokens") or tokens)
    rows, limit = int(dataset["train"]), config["gue"]["max_rows"]["train"]
    if limit and config["gue"]["origin"] == "primary":
        rows = min(rows, limit)
    passed = settings.get("max_steps", 0) * settings["batch_size"] or settings["epochs"] * rows
    return TRAINING * passed * sum(encoder_flops(tokens, *widths(sizes), True))


def of_rule(jobs: Iterable[Job], rule: str) -> list[Mapping[str, str]]:
    """The wildcards of the jobs of a rule."""
    return [wildcards for name, wildcards in jobs if name == rule]


def genome_lines(jobs: Sequence[Job], sizes: Mapping[str, int]) -> list[Line]:
    """Downloads, disk and processor time; ``sizes`` are the bases of each genome, by accession."""
    fetched, cut, encoded = (
        sum(sizes[job["accession"]] for job in of_rule(jobs, rule))
        for rule in ("download_genome", "chunk_genome", "encode_genome")
    )
    lines = []
    if fetched:
        count = len(of_rule(jobs, "download_genome"))
        text = f"genomes: {count:,} of {bases(fetched)} to fetch, about {size(fetched * GZIP)}"
        lines.append(Line(text, fetched * GZIP > LARGE_BYTES))
    if cut or encoded:
        disk, time = cut * CHUNKS + encoded * TOKENS, cut * CUT + encoded * ENCODE
        text = f"chunks and tokens: about {size(disk)} on the disk, {duration(time)} of one core"
        lines.append(Line(text, disk > LARGE_BYTES))
    return lines


def held_out_lines(jobs: Sequence[Job], genomes: Mapping[str, Any], bases: int) -> list[Line]:
    """A warning where so little of a corpus of so many bases is held out for validation that it may be nothing."""
    chunk, validation = genomes["chunk"], genomes["validation"]
    blocks = bases / ((chunk["length"] - chunk["overlap"]) * validation["block"])
    held_out = blocks * validation["fraction"]
    if not of_rule(jobs, "chunk_genome") or validation["genomes"] or held_out >= FEW_BLOCKS:
        return []
    text = (
        f"held out for validation: about {held_out:.1f} of {blocks:,.0f} blocks of chunks, maybe none, and then the "
        "study of tokenizers fails; raise genomes.validation.fraction or lower genomes.validation.block"
    )
    return [Line(text)]


def pretraining_lines(jobs: Sequence[Job], models: Mapping[str, Any]) -> list[Line]:
    """The trainings of models, each with its operations."""
    lines = []
    for job in of_rule(jobs, "pretrain_model"):
        model, sizes = models[job["model"]], architecture(job["model"], models)
        steps = model["training"]["steps"]
        if steps and sizes is not None:
            operations = pretraining_flops(model["training"], sizes)
            text = f"pre-training of {job['model']}: {steps:,} steps, {effort(operations, model['gpus'])}"
            memory = "" if model["gpus"] else f", about {size(pretraining_bytes(model['training'], sizes))} of memory"
            lines.append(Line(text + memory, operations > LARGE_OPERATIONS))
        elif steps:
            lines.append(Line(f"pre-training of {job['model']}: {steps:,} steps", True))
    return lines


def fit_lines(
    jobs: Sequence[Job],
    config: Mapping[str, Any],
    registry: Mapping[str, Mapping[str, str]],
    hparams: Iterable[Mapping[str, str]],
) -> list[Line]:
    """The number of fits, and the operations of those whose model and data set have known sizes."""
    fits = of_rule(jobs, "finetune_model")
    counted = [flops for fit in fits if (flops := fit_flops(fit, config, registry, hparams)) is not None]
    if not fits:
        return []
    if not counted:
        return [Line(f"fits: {len(fits):,}, of a cost that is not known before")]
    rest = f"; the cost of {len(fits) - len(counted):,} is not known before" if len(counted) < len(fits) else ""
    cost = effort(sum(counted), config["finetune"]["gpus"])
    return [Line(f"fits: {len(fits):,}: {cost}{rest}", sum(counted) > LARGE_OPERATIONS)]


def plan(
    jobs: Iterable[Job],
    config: Mapping[str, Any],
    sizes: Mapping[str, int],
    registry: Mapping[str, Mapping[str, str]],
    hparams: Iterable[Mapping[str, str]],
) -> list[Line]:
    """What the jobs are and about what they cost, stage by stage; nothing of those that cost next to nothing.

    ``sizes`` are bases by accession, ``registry`` has the data sets by task/dataset, ``hparams`` the released values.
    """
    jobs = list(jobs)
    made = sum(len(of_rule(jobs, rule)) for rule in ("build_dataset", "import_dataset", "take_dataset"))
    return [
        *genome_lines(jobs, sizes),
        *held_out_lines(jobs, config["genomes"], sum(sizes.values())),
        *pretraining_lines(jobs, config["pretrain"]),
        *([Line(f"data sets: {made}")] if made else []),
        *fit_lines(jobs, config, registry, hparams),
    ]
