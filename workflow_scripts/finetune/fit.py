"""Fine-tune one model on one data set with one seed, and score it (paper, section 5; released train.py).

Writes ``metrics.json`` (scores on dev and test with everything needed to repeat them), ``predictions.parquet``
(label, prediction and class probabilities per test row, in file order) and the model directory: all weights for
``full``, the adapter with the head for ``lora``.
"""

import argparse
import copy
import json
import math
import platform
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import transformers
from torch.nn import functional

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, atomic_directory, digest, write_json
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.progress import Progress
from workflow_scripts.finetune import data, metrics, models
from workflow_scripts.finetune.settings import Settings, read_settings

METHODS = ("full", "lora")


class Fit:
    """One fine-tuning run: the model, its data, and the best weights so far by the dev rows."""

    def __init__(
        self,
        model: torch.nn.Module,
        pad_id: int,
        tokens: dict[str, data.Tokens],
        settings: Settings,
        metric: str,
        seed: int,
    ):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(self.device)
        self.pad_id, self.tokens, self.settings, self.metric, self.seed = pad_id, tokens, settings, metric, seed
        self.steps = settings.steps(len(tokens["train"].labels))
        self.best_step, self.best_value, self.best_weights = 0, -math.inf, None

    def logits(self, tokens: data.Tokens, rows: np.ndarray) -> torch.Tensor:
        """Class logits [rows, classes] in float32."""
        batch = data.collate(tokens, rows, self.pad_id, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"):
            return self.model(**batch).logits.float()

    def train(self) -> None:
        """Train to the last step, evaluate on dev as the settings say, end with the best weights."""
        tokens, settings = self.tokens["train"], self.settings
        labels = torch.from_numpy(tokens.labels).to(self.device)
        parameters = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
        evaluated_every = settings.eval_steps or settings.steps_per_epoch(len(labels))
        batches = data.training_batches(len(labels), settings.batch_size, self.seed, self.steps)
        self.model.train()
        with Progress(self.steps, "step", "fine-tuning") as progress:
            for step, rows in enumerate(batches):
                torch.manual_seed(stable_hash(self.seed, "dropout", step))
                for group in optimizer.param_groups:
                    group["lr"] = settings.learning_rate_at(step, self.steps)
                loss = functional.cross_entropy(self.logits(tokens, rows), labels[rows])
                if not torch.isfinite(loss):
                    raise UserError(f"step {step}: the loss is {loss.item()}; lower learning_rate")
                loss.backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                done = step + 1
                progress.step(note=f"loss {loss.item():.3f}")
                if done % evaluated_every == 0 or done == self.steps:
                    self.evaluate(done)
        self.model.load_state_dict(self.best_weights, strict=False)

    def evaluate(self, step: int) -> None:
        """Score the dev rows and keep the trained weights if they are the best so far."""
        result = metrics.scores(self.tokens["dev"].labels, self.predict("dev"))
        value = -result["loss"] if self.settings.selection == "loss" else result[self.metric]
        if value > self.best_value:
            trained = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
            state = self.model.state_dict()
            self.best_step, self.best_value = step, value
            self.best_weights = {name: copy.deepcopy(state[name]) for name in trained}
        self.model.train()

    @torch.no_grad()
    def predict(self, split: str) -> np.ndarray:
        """Class probabilities [rows, classes] of a split, in file order. Raises UserError if the weights have burst."""
        self.model.eval()
        tokens = self.tokens[split]
        probabilities = None
        for rows in data.by_length(tokens, 2 * self.settings.batch_size):
            batch = self.logits(tokens, rows).softmax(dim=1).cpu().numpy().astype(np.float64)
            if probabilities is None:
                probabilities = np.empty((len(tokens.labels), batch.shape[1]))
            probabilities[rows] = batch
        if not np.isfinite(probabilities).all():
            raise UserError(f"{split} rows: the probabilities are not finite; lower learning_rate")
        return probabilities


def write_predictions(path: Path, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Write label, prediction and probabilities per row as Parquet."""
    table = pa.table(
        {
            "label": pa.array(labels, pa.int32()),
            "prediction": pa.array(probabilities.argmax(axis=1), pa.int32()),
            "probabilities": pa.array(list(probabilities.astype(np.float32)), pa.list_(pa.float32())),
        }
    )
    with atomic(path) as temporary:
        pq.write_table(table, temporary)


def save_model(loaded: models.Loaded, path: Path) -> str:
    """Save weights or adapter with the tokenizer; returns the sha256 of the weights file."""
    with atomic_directory(path) as temporary:
        loaded.save(temporary)
        weights = sorted(temporary.glob("*.safetensors"))
        return digest(weights[0])


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"Keys of --settings: {Settings.__doc__}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", type=json.loads, required=True, help='as JSON: {"directory": PATH} or {"floor": NAME}'
    )
    parser.add_argument("--method", choices=METHODS, required=True, help="train all weights, or LoRA adapters")
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv, dev.csv and test.csv")
    parser.add_argument("--name", nargs=3, metavar=("MODEL", "TASK", "DATASET"), required=True, help="for the record")
    parser.add_argument("--metric", choices=("mcc", "f1", "accuracy"), default="mcc", help="the data set's score")
    parser.add_argument("--seed", type=int, required=True, help="seed of head, order and dropout")
    parser.add_argument("--settings", default="{}", help="settings as JSON, see below")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    settings = read_settings(args.settings)
    splits = data.read_splits(args.data)
    classes = int(splits["train"].labels.max()) + 1
    loaded = models.load(args.model, classes, settings, args.method, args.seed)
    tokens = {
        name: data.labelled(loaded.encode(rows.texts, settings.max_tokens), rows.labels)
        for name, rows in splits.items()
    }
    fit = Fit(loaded.model, loaded.pad_id, tokens, settings, args.metric, args.seed)
    fit.train()
    dev, test = fit.predict("dev"), fit.predict("test")
    write_predictions(args.out / "predictions.parquet", tokens["test"].labels, test)
    weights = save_model(loaded, args.out / "model")
    majority = np.bincount(tokens["train"].labels).argmax()
    write_json(
        args.out / "metrics.json",
        {
            **dict(zip(("model", "task", "dataset"), args.name, strict=True)),
            "method": args.method,
            "seed": args.seed,
            "metric": args.metric,
            "test": metrics.scores(tokens["test"].labels, test),
            "dev": metrics.scores(tokens["dev"].labels, dev),
            "collapsed": metrics.collapsed(test),
            "chance": float((tokens["test"].labels == majority).mean()),
            "steps": fit.steps,
            "epochs": fit.steps / settings.steps_per_epoch(len(tokens["train"].labels)),
            "best_step": fit.best_step,
            "effective_batch": settings.batch_size,
            "parameters": loaded.parameters,
            "trainable_parameters": sum(p.numel() for p in fit.model.parameters() if p.requires_grad),
            "max_tokens": settings.max_tokens,
            "truncated": {name: split.truncated for name, split in tokens.items()},
            "settings": settings.__dict__,
            "data": {split: digest(args.data / f"{split}.csv") for split in data.SPLITS},
            "weights_sha256": weights,
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
            "hardware": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine() + " CPU",
        },
    )


if __name__ == "__main__":
    sys.exit(main())
