"""Pre-train a DNABERT-2 encoder by masked language modelling (paper, sections 3.2 and 4.1).

From token shards to a directory that ``AutoModelForMaskedLM.from_pretrained`` loads, with the tokenizer, a model
card, ``log.jsonl`` (a line per logged step and per validation) and ``summary.json``.

An interrupted run resumes from ``--state`` at the step it had saved and goes on with the same data and masks.
"""

import argparse
import contextlib
import json
import math
import platform
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer
from torch.nn import functional
from transformers.utils import logging as transformers_logging

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic_directory, digest, write_json, write_text
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.progress import Progress
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.pretrain import data, state
from workflow_scripts.pretrain.card import model_card
from workflow_scripts.pretrain.settings import Training, read_training


def pick_device() -> torch.device:
    """The GPU if there is one, said aloud either way."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    print(f"device: {name}", file=sys.stderr, flush=True)
    return device


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """The arithmetic of forward passes: bfloat16 autocast, or plain float32."""
    if precision == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()


def masked_loss(
    model: DnaBert2ForMaskedLM, inputs: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Summed cross-entropy over the tokens to predict, and the number predicted right."""
    padding = inputs == data.PAD
    attention_mask = (~padding).long() if bool(padding.any()) else None
    positions = labels != data.IGNORED
    logits = model.masked_logits(inputs, attention_mask, positions).float()
    targets = labels[positions]
    return functional.cross_entropy(logits, targets, reduction="sum"), (logits.argmax(-1) == targets).sum()


def training_step(
    model: DnaBert2ForMaskedLM,
    optimizer: torch.optim.Optimizer,
    batch: tuple[np.ndarray, np.ndarray],
    training: Training,
    step: int,
) -> float:
    """One optimiser step over a whole batch, micro-batch by micro-batch; returns the mean loss per masked token.

    Dropout is seeded by the step, so that a resumed run repeats it.
    """
    device = next(model.parameters()).device
    torch.manual_seed(stable_hash(training.seed, "dropout", step))
    for group in optimizer.param_groups:
        group["lr"] = training.learning_rate_at(step)
    inputs, labels = (torch.from_numpy(array).to(device) for array in batch)
    count = int((labels != data.IGNORED).sum())
    total = 0.0
    for start in range(0, training.batch_size, training.micro_batch_size):
        rows = slice(start, start + training.micro_batch_size)
        with autocast(device, training.precision):
            loss, _ = masked_loss(model, inputs[rows], labels[rows])
        (loss / count).backward()
        total += loss.item()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if not math.isfinite(total):
        raise UserError(f"step {step}: the loss is {total}; lower learning_rate, the last saved state is intact")
    return total / count


@torch.no_grad()
def validate(
    model: DnaBert2ForMaskedLM, batch: tuple[np.ndarray, np.ndarray], training: Training, bases: np.ndarray
) -> dict[str, float]:
    """Loss per token, accuracy and bits per base on the fixed validation rows; ``bases`` is the length per token id."""
    device = next(model.parameters()).device
    model.eval()
    total, right = 0.0, 0
    for start in range(0, len(batch[0]), training.micro_batch_size):
        inputs, labels = (
            torch.from_numpy(array[start : start + training.micro_batch_size]).to(device) for array in batch
        )
        with autocast(device, training.precision):
            loss, correct = masked_loss(model, inputs, labels)
        total, right = total + loss.item(), right + int(correct)
    model.train()
    targets = batch[1][batch[1] != data.IGNORED]
    return {
        "validation_loss": total / len(targets),
        "validation_accuracy": right / len(targets),
        "bits_per_base": total / math.log(2) / int(bases[targets].sum()),
    }


class Log:
    """``log.jsonl``: appended while training, cut back to the saved step when a run resumes, begun anew without one."""

    def __init__(self, path: Path, resumed_at: int):
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().splitlines() if resumed_at and path.exists() else []
        self.path = path
        self.entries = []
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):  # a line cut off by a kill
                entry = json.loads(line)
                if entry["step"] <= resumed_at:
                    self.entries.append(entry)
        write_text(path, "".join(json.dumps(entry) + "\n" for entry in self.entries))

    def add(self, entry: dict) -> None:
        self.entries.append(entry)
        with self.path.open("a") as handle:
            handle.write(json.dumps(entry) + "\n")


def train(
    model: DnaBert2ForMaskedLM,
    corpus: data.Corpus,
    training: Training,
    bases: np.ndarray,
    folder: Path,
    mark: str,
) -> Log:
    """Train to the last step, from the saved state in ``folder`` if there is one; returns the log."""
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=training.learning_rate,
        betas=(training.beta1, training.beta2),
        eps=training.epsilon,
        weight_decay=training.weight_decay,
    )
    begin = state.restore(folder, mark, model, optimizer)
    if begin:
        print(f"resumed at step {begin:,}", file=sys.stderr, flush=True)
    log = Log(folder / "log.jsonl", begin)
    vocab_size = model.config.vocab_size
    held_out = data.validation_batch(corpus, training, vocab_size)
    if not begin and len(held_out[0]):
        log.add({"step": 0, **validate(model, held_out, training, bases)})
    model.train()
    started, losses = time.monotonic(), []
    tokens = training.batch_size * training.length
    with Progress(training.steps - begin, "step", "pre-training") as progress:
        for step in range(begin, training.steps):
            batch = data.training_batch(corpus, step, training, vocab_size)
            losses.append(training_step(model, optimizer, batch, training, step))
            done = step + 1
            progress.step(note=f"loss {losses[-1]:.3f}")
            if done % training.log_every == 0 or done == training.steps:
                seconds = time.monotonic() - started
                log.add(
                    {
                        "step": done,
                        "loss": float(np.mean(losses)),
                        "learning_rate": training.learning_rate_at(step),
                        "tokens": done * tokens,
                        "tokens_per_second": (done - begin) * tokens / seconds,
                    }
                )
                losses = []
            if len(held_out[0]) and (done % training.validate_every == 0 or done == training.steps):
                log.add({"step": done, **validate(model, held_out, training, bases)})
            if done % training.checkpoint_every == 0 and done < training.steps:
                state.save(folder, done, mark, model, optimizer)
    return log


def summarize(name: str, model: DnaBert2ForMaskedLM, training: Training, log: Log, corpus: data.Corpus) -> dict:
    """The facts of a finished run, for the report and the model card."""
    validations = [entry for entry in log.entries if "validation_loss" in entry]
    last = {key: value for key, value in validations[-1].items() if key != "step"} if validations else {}
    labels = data.validation_batch(corpus, training, model.config.vocab_size)[1]
    return {
        "model": name,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": training.steps,
        "tokens_seen": training.steps * training.batch_size * training.length,
        "training_chunks": len(corpus.training),
        "unigram_entropy": data.unigram_entropy(labels) if len(labels) else None,
        **last,
        "architecture": model.config.to_diff_dict(),
        "settings": training.__dict__,
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "hardware": torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine() + " CPU",
    }


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"Keys of --training: {Training.__doc__}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", required=True, help="name of the model")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer directory")
    parser.add_argument("--tokens", type=Path, nargs="+", required=True, help="token shards (.npy)")
    parser.add_argument("--index", type=Path, nargs="+", required=True, help="their indices, in the same order")
    parser.add_argument("--architecture", default="{}", help="sizes of the encoder as JSON, see DnaBert2Config")
    parser.add_argument("--training", default="{}", help="settings of the training as JSON, see below")
    parser.add_argument("--state", type=Path, required=True, help="folder for the state of an unfinished run")
    parser.add_argument("--out", type=Path, required=True, help="model directory to write")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    transformers_logging.disable_progress_bar()
    training = read_training(args.training)
    tokenizer = Tokenizer.from_file(str(args.tokenizer / "tokenizer.json"))
    vocabulary = tokenizer.get_vocab()
    bases = np.array([len(word) for word, _ in sorted(vocabulary.items(), key=lambda item: item[1])])
    corpus = data.Corpus(list(zip(args.tokens, args.index, strict=True)))
    config = DnaBert2Config(vocab_size=len(vocabulary), **json.loads(args.architecture))
    torch.manual_seed(stable_hash(training.seed, "initial weights"))
    model = DnaBert2ForMaskedLM(config).to(pick_device())
    mark = state.fingerprint(
        training.__dict__,
        config.to_dict(),
        digest(args.tokenizer / "tokenizer.json"),
        [digest(path) for path in args.index],
    )
    log = train(model, corpus, training, bases, args.state, mark)
    summary = summarize(args.name, model, training, log, corpus)
    with atomic_directory(args.out) as temporary:
        model.save_pretrained(temporary)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(args.tokenizer / name, temporary / name)
        shutil.copyfile(log.path, temporary / "log.jsonl")
        write_json(temporary / "summary.json", summary)
        write_text(temporary / "README.md", model_card(summary))
    shutil.rmtree(args.state)


if __name__ == "__main__":
    sys.exit(main())
