"""One fine-tuning from its data set to its results, for the program finetune_model."""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import transformers

from workflow_scripts.common import checkpoints
from workflow_scripts.common.files import atomic, atomic_directory, digest, write_json
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.letters import NOTABLE
from workflow_scripts.finetune.datasets import Rows, Tokens, read_classes, read_ids, read_splits, training_share
from workflow_scripts.finetune.frozen import FrozenFit
from workflow_scripts.finetune.initial_model import InitialModel, initial_model
from workflow_scripts.finetune.memory import estimate, out_of_memory, tell
from workflow_scripts.finetune.model_card import write_card
from workflow_scripts.finetune.problems import PROBLEMS, Problem, collapse, problem_of
from workflow_scripts.finetune.token_cache import tokens_of
from workflow_scripts.finetune.training import Fit, memory_mb
from workflow_scripts.inference.encoders import TokenizerEncoder
from workflow_scripts.inference.encoding import Text
from workflow_scripts.inference.fit_record import FitRecord
from workflow_scripts.inference.network import device_here, hardware
from workflow_scripts.inference.precision import resolved
from workflow_scripts.settings.fit_settings import FitSettings
from workflow_scripts.settings.names import FROZEN, SPLITS


@dataclass(frozen=True)
class FitJob:
    """What is fitted, and where its files are; the options of finetune_model say what each field is."""

    model: dict[str, Any]
    method: str
    data: Path
    name: list[str]
    metric: str
    seed: int
    settings: FitSettings
    tokens: Path
    state: Path
    out: Path


def on_this_hardware(job: FitJob) -> FitJob:
    """The job with the precision that its settings mean here, which all records will have; says which."""
    device = device_here()
    precision = resolved(job.settings.precision, device)
    print(f"precision {precision} on {hardware(device)}", file=sys.stderr)
    return replace(job, settings=job.settings.model_copy(update={"precision": precision}))


def tokens_by_split(job: FitJob, rows: Mapping[str, Rows], initial: InitialModel) -> dict[str, Tokens]:
    """The tokens of each split; of training rows with both strands if some are read from the other one."""
    settings = job.settings
    both = dict.fromkeys(SPLITS, settings.both_strands) | {"train": settings.reverse_complement_share > 0}
    tokens = {
        split: tokens_of(
            job.data / f"{split}.csv", rows[split], initial.encoder, settings.max_tokens, both[split], job.tokens
        )
        for split in SPLITS
    }
    if settings.train_share < 1 or settings.shots:
        tokens["train"] = training_share(tokens["train"], settings.train_share, settings.shots, job.seed)
    for split, part in tokens.items():
        if part.encoded.truncated:
            print(f"{split}: {part.encoded.truncated:.1%} of the sequences are cut to the limit", file=sys.stderr)
        if part.encoded.unknown > NOTABLE:
            share = f"{part.encoded.unknown:.1%} of the tokens are unknown to the model"
            print(f"warning: {job.data / split}.csv: {share}, for letters other than A, C, G and T", file=sys.stderr)
    return tokens


def identity(job: FitJob, initial: InitialModel) -> dict[str, Any]:
    """Everything that the result of a fit depends on, for its record and its saved states."""
    return {
        **dict(zip(("model", "task", "dataset"), job.name, strict=True)),
        "method": job.method,
        "seed": job.seed,
        "metric": job.metric,
        "problem": job.settings.problem,
        "parameters": initial.parameters,
        "max_tokens": job.settings.max_tokens,
        "settings": job.settings.model_dump(),
        "data": {split: digest(job.data / f"{split}.csv") for split in SPLITS},
        "tokenizer": initial.encoder.fingerprint,
        "start_sha256": checkpoints.digest(initial.model.state_dict(), {}),
    }


def fit_of(job: FitJob, initial: InitialModel, problem: Problem, tokens: dict[str, Tokens]) -> Fit | FrozenFit:
    """The fit of a method."""
    if job.method in FROZEN:
        return FrozenFit(initial, problem, tokens, job.settings, job.metric, job.method)
    return Fit(initial, problem, tokens, job.settings, job.metric, job.seed)


def scores_of(fit: Fit | FrozenFit, test: np.ndarray) -> dict[str, Any]:
    """Scores on dev and test, and whether the fit has learned anything."""
    problem, labels = fit.problem, {split: tokens.labels for split, tokens in fit.tokens.items()}
    dev = problem.scores(labels["dev"], fit.predict("dev"))
    training_loss = float(np.mean(fit.losses))
    return {
        "test": problem.scores(labels["test"], test),
        "dev": dev,
        "training_loss": training_loss,
        "collapse": collapse(problem, test, labels["test"], training_loss, labels["train"], dev["loss"], labels["dev"]),
        "chance": problem.chance(labels["test"]),
    }


def course_of(fit: Fit | FrozenFit) -> dict[str, Any]:
    """What was trained for how long, and what it has cost."""
    gpus = int(fit.network.device.type == "cuda")
    return {
        "steps": fit.done,
        "epochs": fit.done / fit.per_epoch,
        "best_step": fit.best_step,
        **({"chosen": fit.chosen} if isinstance(fit, FrozenFit) else {"learning_curve": fit.curve}),
        "effective_batch": fit.settings.batch_size,
        "trainable_parameters": sum(p.numel() for p in fit.model.parameters() if p.requires_grad),
        "truncated": {split: tokens.encoded.truncated for split, tokens in fit.tokens.items()},
        "unknown_tokens": {split: tokens.encoded.unknown for split, tokens in fit.tokens.items()},
        "seconds": fit.seconds,
        "gpu_seconds": gpus * fit.seconds,
        "memory_mb": memory_mb(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "hardware": hardware(fit.network.device),
    }


def inference_record(job: FitJob, problem: Problem, texts: list[Text]) -> FitRecord:
    """What predictions with the saved model need beyond its weights; ``texts``: those of the training rows."""
    return FitRecord(
        outputs=problem.outputs,
        kmer=job.model.get("kmer", 0),
        max_tokens=job.settings.max_tokens,
        both_strands=job.settings.both_strands,
        precision=job.settings.precision,
        pooling=job.settings.pooling,
        head=job.method if job.method in FROZEN else "",
        classes=read_classes(job.data),
        window=max(len(text) if isinstance(text, str) else 0 for text in texts),
    )


def name_outputs(model: Any, classes: list[str]) -> None:
    """Write the names of the classes into a model's configuration, from where Hugging Face's tools take them.

    A baseline has no such configuration.
    """
    config = getattr(model, "config", None)
    if config is not None and len(classes) == config.num_labels:
        config.id2label = dict(enumerate(classes))
        config.label2id = {name: number for number, name in enumerate(classes)}


def save_model(job: FitJob, initial: InitialModel, problem: Problem, texts: list[Text], metrics: dict[str, Any]) -> str:
    """Save the fitted model with its card; returns the sha256 of the file of weights. ``texts``: the training rows."""
    name_outputs(initial.model, read_classes(job.data))
    with atomic_directory(job.out / "model") as temporary:
        initial.save(inference_record(job, problem, texts), temporary, job.out / "model", job.settings.merge)
        for folder in (temporary, temporary / "merged"):
            if folder.is_dir():
                write_card(folder, initial.encoder, initial.pooled, isinstance(texts[0], tuple), metrics)
        return digest(min(temporary.glob("*.safetensors")))


def write_results(
    job: FitJob, fit: Fit | FrozenFit, initial: InitialModel, texts: list[Text], record: dict[str, Any]
) -> None:
    """Write predictions, model and metrics. Metrics come last: if they exist, everything else does."""
    for torn in job.out.glob(".*.tmp"):  # of a killed process
        shutil.rmtree(torn) if torn.is_dir() else torn.unlink()
    test = fit.predict("test")
    table = fit.problem.table(fit.tokens["test"].labels, test)
    if (ids := read_ids(job.data, "test", len(test))) is not None:
        table = table.add_column(0, "id", pa.array(ids))
    with atomic(job.out / "predictions.parquet") as temporary:
        pq.write_table(table, temporary)
    # before the model is saved, which gives a regression another scale
    metrics = record | scores_of(fit, test) | course_of(fit)
    weights = {"weights_sha256": save_model(job, initial, fit.problem, texts, metrics)}
    write_json(job.out / "metrics.json", metrics | weights)


def fine_tune(job: FitJob) -> None:
    """Fit the model to the data set, from the state of a killed run if there is one, and write the results.

    Raises UserError for whatever the owner of model, data set or settings can mend.
    """
    job = on_this_hardware(job)
    rows = read_splits(job.data, PROBLEMS[job.settings.problem])
    classes = read_classes(job.data)
    problem = problem_of(job.settings.problem, job.metric, job.settings.class_weights, rows["train"].labels, classes)
    initial = initial_model(job.model, problem.outputs.size, job.settings, job.method, job.seed)
    tokens = tokens_by_split(job, rows, initial)
    record = identity(job, initial)
    if problem.metric_class is not None:
        record["metric_class"] = problem.metric_class
    fit = fit_of(job, initial, problem, tokens)
    # as it will be read again, where tuples have become lists
    belongs_to = json.loads(json.dumps(record, sort_keys=True))
    folder = job.state / f"{stable_hash(json.dumps(belongs_to)):016x}"
    if isinstance(fit, Fit) and isinstance(initial.encoder, TokenizerEncoder):  # baselines and frozen models are small
        longest = max(len(ids) for ids in tokens["train"].encoded.ids)
        tell(estimate(initial.model, job.settings, longest), fit.network.device)
    with checkpoints.locked_folder(folder):
        try:
            fit.train(folder, belongs_to)
        except torch.OutOfMemoryError:
            raise out_of_memory(job.settings) from None
        write_results(job, fit, initial, rows["train"].texts, record)
        shutil.rmtree(job.state, ignore_errors=True)
