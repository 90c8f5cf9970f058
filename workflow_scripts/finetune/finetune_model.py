"""Fine-tune one model on one data set with one seed, and score it (paper, section 5; released train.py).

Writes ``metrics.json`` (scores on dev and test with everything needed to repeat them), ``predictions.parquet``
(label, prediction and class probabilities per test row, in file order) and the model directory: all weights for
``full``, the adapter with the head for ``lora``.

A fit of more than some minutes saves its state in ``--state`` now and then. Killed and started again it goes on from
there, with the same result.
"""

import argparse
import itertools
import json
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
import transformers

from workflow_scripts.common import checkpoints
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, atomic_directory, digest, write_json
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.finetune import data
from workflow_scripts.finetune.problems import PROBLEMS, Problem, collapse
from workflow_scripts.finetune.token_cache import tokens_of
from workflow_scripts.finetune.training import Fit, memory_mb
from workflow_scripts.inference import models
from workflow_scripts.settings.finetune import FitSettings, read_settings
from workflow_scripts.settings.names import METHODS, METRICS, PROBLEM, SPLITS
from workflow_scripts.settings.reference import keys_help


def problem_of(settings: FitSettings, metric: str, train: np.ndarray) -> Problem:
    """The problem that the settings name, for the labels of the training rows."""
    kind = PROBLEMS[settings.problem]
    if metric not in kind.metrics:
        raise UserError(f"--metric: {metric!r} is no score of {settings.problem}; take {' or '.join(kind.metrics)}")
    return kind(train, settings.class_weights) if settings.problem == "classification" else kind(train)


def save_model(loaded: models.Loaded, path: Path) -> str:
    """Save weights or adapter with the tokenizer; returns the sha256 of the weights file."""
    with atomic_directory(path) as temporary:
        loaded.save(temporary)
        return digest(min(temporary.glob("*.safetensors")))


def scores_of(fit: Fit, test: np.ndarray) -> dict[str, Any]:
    """Scores on dev and test, and whether the fit has learned anything."""
    problem, labels = fit.problem, {split: tokens.labels for split, tokens in fit.tokens.items()}
    dev = problem.scores(labels["dev"], fit.predict("dev"))
    training_loss = float(np.mean(fit.losses))
    return {
        "test": problem.scores(labels["test"], test),
        "dev": dev,
        "training_loss": training_loss,
        "collapse": collapse(problem, test, training_loss, labels["train"], dev["loss"], labels["dev"]),
        "chance": problem.chance(labels["test"]),
    }


def course_of(fit: Fit) -> dict[str, Any]:
    """What was trained for how long, and what it has cost."""
    gpus = int(fit.device.type == "cuda")
    return {
        "steps": fit.done,
        "epochs": fit.done / fit.per_epoch,
        "best_step": fit.best_step,
        "effective_batch": fit.settings.batch_size,
        "trainable_parameters": sum(p.numel() for p in fit.model.parameters() if p.requires_grad),
        "truncated": {split: tokens.encoded.truncated for split, tokens in fit.tokens.items()},
        "seconds": fit.seconds,
        "gpu_seconds": gpus * fit.seconds,
        "memory_mb": memory_mb(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "hardware": torch.cuda.get_device_name() if gpus else platform.machine() + " CPU",
    }


def write_results(fit: Fit, loaded: models.Loaded, record: dict[str, Any], out: Path) -> None:
    """Write predictions, model and metrics; ``record`` says what was fitted. Metrics come last: all else is there."""
    for torn in out.glob(".*.tmp"):  # of a killed process
        shutil.rmtree(torn) if torn.is_dir() else torn.unlink()
    test = fit.predict("test")
    with atomic(out / "predictions.parquet") as temporary:
        pq.write_table(fit.problem.table(fit.tokens["test"].labels, test), temporary)
    weights = {"weights_sha256": save_model(loaded, out / "model")}
    write_json(out / "metrics.json", record | scores_of(fit, test) | course_of(fit) | weights)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"keys of --settings:\n{keys_help(FitSettings)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", type=json.loads, required=True, help='JSON, {"directory": PATH} or {"baseline": NAME}'
    )
    parser.add_argument("--method", choices=METHODS, required=True, help="train all weights, or LoRA adapters")
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv, dev.csv and test.csv")
    parser.add_argument(
        "--name", nargs=3, metavar=("MODEL", "TASK", "DATASET"), required=True, help="names, for the record"
    )
    parser.add_argument(
        "--metric",
        choices=sorted(set(itertools.chain(*METRICS.values()))),
        default=METRICS[PROBLEM][0],
        help="the data set's score",
    )
    parser.add_argument("--seed", type=int, required=True, help="seed of head, order and dropout")
    parser.add_argument("--settings", default="{}", help="settings as JSON, see below")
    parser.add_argument("--tokens", type=Path, required=True, help="folder that keeps the tokens for further fits")
    parser.add_argument("--state", type=Path, required=True, help="folder for the state of an unfinished fit")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    settings = read_settings(args.settings)
    rows = data.read_splits(args.data, PROBLEMS[settings.problem])
    problem = problem_of(settings, args.metric, rows["train"].labels)
    loaded = models.load(args.model, problem.outputs, settings, args.method, args.seed)
    both = dict.fromkeys(SPLITS, settings.both_strands) | {"train": settings.reverse_complement_share > 0}
    tokens = {
        split: tokens_of(args.data / f"{split}.csv", rows[split], loaded, settings.max_tokens, both[split], args.tokens)
        for split in SPLITS
    }
    for split, part in tokens.items():
        if part.encoded.truncated:
            print(f"{split}: {part.encoded.truncated:.1%} of the sequences are cut to the limit", file=sys.stderr)
    record = {
        **dict(zip(("model", "task", "dataset"), args.name, strict=True)),
        "method": args.method,
        "seed": args.seed,
        "metric": args.metric,
        "problem": settings.problem,
        "parameters": loaded.parameters,
        "max_tokens": settings.max_tokens,
        "settings": settings.model_dump(),
        "data": {split: digest(args.data / f"{split}.csv") for split in SPLITS},
        "tokenizer": loaded.tokenizer,
        "start_sha256": checkpoints.digest(loaded.model.state_dict(), {}),
    }
    fit = Fit(loaded, problem, tokens, settings, args.metric, args.seed)
    folder = args.state / f"{stable_hash(json.dumps(record, sort_keys=True)):016x}"
    with checkpoints.held(folder):
        fit.train(folder, record)
        write_results(fit, loaded, record, args.out)
        shutil.rmtree(args.state, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
