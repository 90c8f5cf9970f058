"""Pre-train a DNABERT-2 encoder by masked language modelling (paper, sections 3.2 and 4.1).

From token shards to a directory that ``AutoModelForMaskedLM.from_pretrained`` loads, with the tokenizer, a model
card, ``log.jsonl`` (a line per logged step and per validation) and ``summary.json``. With ``--start`` the training
goes on from the weights of a model directory (further pre-training), whose architecture and tokenizer it keeps.

An interrupted run resumes from ``--state`` at the step it had saved and goes on with the same data and masks, on any
number of processes. SIGTERM and SIGUSR1 finish the step, save a state, and leave with status 75: start again. On
SIGUSR1, Slurm's warning before the time is up, the job is put back into the queue, so that a chain of jobs trains to
the end.
"""

import argparse
import contextlib
import inspect
import json
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer
from transformers.utils import logging as transformers_logging

from workflow_scripts.common import checkpoints
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic_directory, digest, write_json, write_text
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.species_table import genome_files
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.pretrain import batches, precision, telemetry
from workflow_scripts.pretrain.model_card import model_card
from workflow_scripts.pretrain.processes import Processes, joined, say
from workflow_scripts.pretrain.signals import TRY_AGAIN, WARNING, Request, noticed, requeue
from workflow_scripts.pretrain.step import Stepper, Tally, adamw
from workflow_scripts.settings.fields import Section
from workflow_scripts.settings.pretrain import Architecture, SeededTraining, Training, read_training
from workflow_scripts.settings.reference import keys_help
from workflow_scripts.settings.validation import read_json


def hardware(device: torch.device) -> str:
    """Name of the GPU, or of the processor's kind."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine() + " CPU"


def initial_model(start: Path | None, architecture: Architecture, vocab_size: int, seed: int) -> DnaBert2ForMaskedLM:
    """The model before its first step: of random weights that depend on ``seed`` alone, or of the folder ``start``."""
    if start is None:
        torch.manual_seed(stable_hash(seed, "initial weights"))
        return DnaBert2ForMaskedLM(DnaBert2Config(vocab_size=vocab_size, **architecture.model_dump()))
    model = DnaBert2ForMaskedLM.from_pretrained(start, dtype=torch.float32)
    if vocab_size > model.config.vocab_size:
        raise UserError(f"{start}: its tokenizer has {vocab_size} tokens, the model only {model.config.vocab_size}")
    return model


def bases_of_tokens(tokenizer: Tokenizer) -> np.ndarray:
    """The bases that each token adds to a sequence, by id: its letters, or one where tokens overlap."""
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    sequence = "ACGT" * 16
    tokens = tokenizer.encode(sequence, add_special_tokens=False).tokens
    overlapping = sum(map(len, tokens)) > len(sequence)
    return np.array([1 if overlapping else len(word) for word, _ in words])


def choose_arithmetic(model: DnaBert2ForMaskedLM, training: Training, processes: Processes) -> None:
    """Set attention and LayerNorm as the settings say, and say what is used."""
    try:
        backend = model.use_attention(training.attention, precision.DTYPES.get(training.precision, torch.float32))
    except ValueError as error:
        raise UserError(f"training.attention: {error}") from None
    if backend == "flex" and model.device.type == "cpu":
        raise UserError("training.attention: flex computes no gradients on a CPU; take auto or sdpa")
    if training.low_precision_layernorm:
        precision.lower_layernorm(model)
    threads = f", {torch.get_num_threads()} threads" if model.device.type == "cpu" else ""
    say(
        processes,
        f"{processes.count} x {hardware(model.device)}{threads}; {training.precision}, attention by {backend}",
    )


def made_of(
    training: SeededTraining,
    config: DnaBert2Config,
    tokenizer: Path,
    shards: list[tuple[Path, Path]],
    start: Path | None,
) -> dict[str, Any]:
    """What a saved state is bound to, by name: settings, architecture, and hashes of tokenizer, corpus and start."""
    sizes = inspect.signature(DnaBert2Config.__init__).parameters
    return {
        **{f"training.{key}": value for key, value in training.defining().items()},
        **{f"architecture.{key}": value for key, value in config.to_dict().items() if key in sizes},
        "tokenizer": digest(tokenizer / "tokenizer.json"),
        "corpus": batches.corpus_digest(shards),
        "start": digest(start / "model.safetensors") if start else None,
    }


class Recorder:
    """Log and TensorBoard of a run; of several processes the first one records."""

    def __init__(self, folder: Path, begin: int, training: Training, processes: Processes):
        self.logs = []
        if processes.first:
            self.logs.append(telemetry.Log(folder / "log.jsonl", begin))
            if training.tensorboard:
                self.logs.append(telemetry.Board(folder / "tensorboard", begin))

    def add(self, entry: dict[str, Any]) -> None:
        for log in self.logs:
            log.add(entry)


class Run:
    """A training from its first step, or from its saved state, to its last."""

    def __init__(
        self, stepper: Stepper, corpus: batches.Corpus, folder: Path, belongs_to: dict[str, Any], request: Request
    ):
        self.stepper, self.corpus, self.folder = stepper, corpus, folder
        self.belongs_to, self.request = belongs_to, request
        self.training, self.processes, self.model = stepper.training, stepper.processes, stepper.model
        self.weights = dict(self.model.named_parameters())
        self.begin, self.window = 0, Tally()
        self.resume()
        self.recorder = Recorder(folder, self.begin, self.training, self.processes)
        self.meter = telemetry.Meter(self.model.config, self.training, stepper.device, self.processes.count)
        self.held_out = batches.validation_batch(corpus, self.training, self.model.config.vocab_size)
        self.unigram_entropy = batches.unigram_entropy(self.held_out[1]) if len(self.held_out[0]) else None
        self.validation: dict[str, float] = {}
        self.warned = False

    def resume(self) -> None:
        """Go to the newest state that can be read, if there is one."""
        path = checkpoints.newest(self.folder, self.belongs_to) if self.processes.first else None
        path = self.processes.shared(path)
        if path is not None:
            self.begin, memory = checkpoints.load(path, self.weights, self.stepper.optimizer)
            self.window = Tally(**memory["window"])
            self.stepper.scaler.load_state_dict(memory["scaler"])
            say(self.processes, f"resumed at step {self.begin:,}")

    def save(self, step: int) -> None:
        if self.processes.first:
            memory = {"window": self.window.__dict__, "scaler": self.stepper.scaler.state_dict()}
            checkpoints.save(
                self.folder,
                step,
                self.belongs_to,
                memory,
                self.weights,
                self.stepper.optimizer,
                self.training.keep_checkpoints,
            )

    def validate(self, step: int) -> None:
        """Log the figures of the validation rows, if there are any; warn once where they are bad."""
        if self.unigram_entropy is None:
            return
        self.validation = self.stepper.validate(self.held_out)
        self.recorder.add({"step": step, **self.validation})
        loss, vocab_size = self.validation["validation_loss"], self.model.config.vocab_size
        line = telemetry.warning(self.training, step, loss, self.unigram_entropy, vocab_size)
        if line and not self.warned:
            say(self.processes, line)
            self.warned = True

    def log(self, done: int) -> None:
        """Log the means since the last line, and what the steps have cost."""
        entry = {
            "step": done,
            **self.window.means(),
            "learning_rate": self.training.learning_rate_at(done - 1),
            "tokens": done * self.training.batch_size * self.training.length,
        }
        self.recorder.add(entry | self.meter.cost())
        self.window = Tally()
        self.meter.restart()

    def asked(self) -> tuple[bool, bool]:
        """Whether any process has been asked to leave, and whether because the time is up; all answer alike."""
        number = self.request.signal
        asked, warned = self.processes.sums(float(number is not None), float(number == WARNING))
        return asked > 0, warned > 0

    def leave(self, done: int, warned: bool) -> None:
        """Leave with status TRY_AGAIN, and where the time is up see that the job runs again."""
        say(self.processes, f"asked to leave: saved at step {done:,}; start again to go on")
        if warned and self.processes.first:
            requeue()
        raise SystemExit(TRY_AGAIN)

    def train(self) -> None:
        """All steps that are left. Raises SystemExit with status TRY_AGAIN where a signal asks to leave."""
        training = self.training
        if not self.begin:
            self.validate(0)
        self.model.train()
        bar = Progress(training.steps - self.begin, "step", "pre-training") if self.processes.first else None
        with bar or contextlib.nullcontext():
            for step, batch in batches.batches(self.corpus, self.begin, training, self.model.config.vocab_size):
                started, done = time.monotonic(), step + 1
                tally = self.stepper.step(batch, step)
                self.meter.add(time.monotonic() - started, tally.tokens)
                self.window.add(tally)
                if bar:
                    bar.step(note=f"loss {tally.means()['loss']:.3f}")
                if done % training.log_every == 0 or done == training.steps:
                    self.log(done)
                if done % training.validate_every == 0 or done == training.steps:
                    self.validate(done)
                asked, warned = self.asked()
                if done < training.steps and (asked or done % training.checkpoint_every == 0):
                    self.save(done)
                    if asked:
                        self.leave(done, warned)

    def summary(self, name: str) -> dict[str, Any]:
        """The facts of a finished run, for the report and the model card."""
        training = self.training
        return {
            "model": name,
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "steps": training.steps,
            "tokens_seen": training.steps * training.batch_size * training.length,
            "training_chunks": len(self.corpus.training),
            "unigram_entropy": self.unigram_entropy,
            "reference_loss": telemetry.reference(self.model.config.vocab_size),
            **self.validation,
            "architecture": self.model.config.to_diff_dict(),
            "settings": training.model_dump(),
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
            "hardware": hardware(self.stepper.device),
        }


def write_model(run: Run, name: str, tokenizer: Path, out: Path) -> None:
    """Write the model directory, down to the disk: the state that could replace it is removed next."""
    for torn in out.parent.glob(f".{out.name}.????????.tmp"):
        shutil.rmtree(torn)
    summary = run.summary(name)
    with checkpoints.disk_errors(out):
        with atomic_directory(out) as temporary:
            run.model.save_pretrained(temporary)
            (temporary / "model.safetensors").chmod(0o644)  # safetensors lets no one else read it
            for file in ("tokenizer.json", "tokenizer_config.json"):
                shutil.copyfile(tokenizer / file, temporary / file)
            shutil.copyfile(run.folder / "log.jsonl", temporary / "log.jsonl")
            if run.training.tensorboard:
                shutil.copytree(run.folder / "tensorboard", temporary / "tensorboard")
            write_json(temporary / "summary.json", summary)
            card = model_card(summary, run.recorder.logs[0].entries, run.belongs_to["start"])
            write_text(temporary / "README.md", card)
            for path in [*temporary.rglob("*"), temporary]:
                checkpoints.to_disk(path)
        checkpoints.to_disk(out.parent)


def build_parser() -> argparse.ArgumentParser:
    sections: dict[str, type[Section]] = {"--training": SeededTraining, "--architecture": Architecture}
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="\n\n".join(f"keys of {option}:\n{keys_help(section)}" for option, section in sections.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", required=True, help="name of the model")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer directory")
    parser.add_argument(
        "--tokens",
        type=Path,
        nargs="+",
        required=True,
        help="token shards, NAME.npy with NAME.index.npy beside it, or a folder of them",
    )
    parser.add_argument("--species", type=Path, help="species table; of a folder only its genomes are read")
    parser.add_argument("--architecture", default="{}", help="sizes of the encoder as JSON, see below")
    parser.add_argument("--start", type=Path, help="model directory whose weights and architecture to go on from")
    parser.add_argument("--training", default="{}", help="settings of the training as JSON, see below")
    parser.add_argument(
        "--running",
        default="{}",
        help="settings of how each model is run, as JSON: {NAME: {...}}",
    )
    parser.add_argument("--state", type=Path, required=True, help="folder for the state of an unfinished run")
    parser.add_argument("--out", type=Path, required=True, help="model directory to write")
    return parser


def pretrain(args: argparse.Namespace, processes: Processes, request: Request) -> None:
    """Train as the command line says; the first process writes the model and removes the state."""
    training = read_training(args.training, json.loads(args.running).get(args.name, {}))
    training.check_processes(processes.count)
    bases = bases_of_tokens(Tokenizer.from_file(str(args.tokenizer / "tokenizer.json")))
    shards = [(path, path.with_suffix(".index.npy")) for path in genome_files(args.tokens, ".npy", args.species)]
    corpus = batches.Corpus(shards)
    architecture = read_json(Architecture, args.architecture, "--architecture")
    model = initial_model(args.start, architecture, len(bases), training.seed)
    model.to(processes.device())
    choose_arithmetic(model, training, processes)
    belongs_to = made_of(training, model.config, args.tokenizer, shards, args.start) if processes.first else {}
    scaler = precision.loss_scaler(model.device, training.precision)
    stepper = Stepper(model, training, bases, processes, adamw(model, training), scaler)
    run = Run(stepper, corpus, args.state, belongs_to, request)
    run.train()
    if processes.first:
        write_model(run, args.name, args.tokenizer, args.out)
        shutil.rmtree(args.state, ignore_errors=True)


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    transformers_logging.disable_progress_bar()
    with noticed() as request, joined() as processes:
        with checkpoints.locked_folder(args.state) if processes.first else contextlib.nullcontext():
            pretrain(args, processes, request)


if __name__ == "__main__":
    sys.exit(main())
