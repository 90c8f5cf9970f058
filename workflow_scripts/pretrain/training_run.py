"""A pre-training from its first step, or from its saved state, to the finished model directory."""

import argparse
import contextlib
import inspect
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers.utils import logging as transformers_logging

from workflow_scripts.common import checkpoints
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import digest, read_json, write_json, write_text
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.species_table import genome_files
from workflow_scripts.common.token_shards import Corpus, corpus_digest
from workflow_scripts.inference.masked_loss import Tally, bases_to_predict, bits_per_base
from workflow_scripts.inference.network import hardware
from workflow_scripts.inference.precision import loss_scaler, resolved
from workflow_scripts.inference.reference_predictors import reference_figures
from workflow_scripts.inference.spelling import Spelling
from workflow_scripts.model import DnaBert2Config
from workflow_scripts.pretrain import batches, plateau, telemetry
from workflow_scripts.pretrain.model_card import render_card
from workflow_scripts.pretrain.model_directories import KeptModels, durable_directory, save_model
from workflow_scripts.pretrain.model_setup import check_length, configure_arithmetic, initial_model, read_spelling
from workflow_scripts.pretrain.optimizers import make_optimizer
from workflow_scripts.pretrain.processes import Processes, process_group
from workflow_scripts.pretrain.signals import TRY_AGAIN, WARNING, StopRequest, requeue, stop_request
from workflow_scripts.pretrain.step import Stepper
from workflow_scripts.settings.pretrain import RUNNING, Architecture, SeededTraining, read_training, weights_file
from workflow_scripts.settings.validation import read_json as read_section


def run_identity(
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
        "corpus": corpus_digest(shards),
        "start": digest(weights_file(start)) if start else None,
    }


class Run:
    """A training with its saved states (in ``folder``), its log and its validation."""

    def __init__(
        self,
        stepper: Stepper,
        corpus: Corpus,
        spelling: Spelling,
        kept: KeptModels,
        folder: Path,
        identity: dict[str, Any],
        request: StopRequest,
    ):
        self.stepper, self.corpus, self.kept, self.folder = stepper, corpus, kept, folder
        self.identity, self.request = identity, request
        self.training, self.processes, self.model = stepper.training, stepper.processes, stepper.model
        self.weights: dict[str, torch.Tensor] = dict(self.model.named_parameters())
        self.first_step, self.window = 0, Tally()
        self.resume()
        self.recorder = telemetry.Recorder(folder, self.first_step, self.training.tensorboard, self.processes.first)
        self.meter = telemetry.Meter(self.model.config, self.training, stepper.device, self.processes.count)
        self.validation_rows = batches.validation_batch(corpus, self.training, self.model.config.vocab_size)
        self.bases_to_predict = bases_to_predict(self.validation_rows, spelling)
        self.references = reference_figures(corpus, self.validation_rows, spelling) if self.processes.first else None
        if self.training.stop_on_plateau and not self.bases_to_predict:
            raise UserError("training.stop_on_plateau: nothing is held out to measure it on; set it to 0")
        self.validation: dict[str, float | None] = {}
        self.warned = False

    def resume(self) -> None:
        """Load the newest readable state, if there is one."""
        path = checkpoints.newest(self.folder, self.identity) if self.processes.first else None
        path = self.processes.broadcast(path)
        if path is not None:
            self.first_step, memory = checkpoints.load(path, self.weights, self.stepper.optimizer)
            self.window = Tally(np.array(memory["window"]))
            self.stepper.scaler.load_state_dict(memory["scaler"])
            self.processes.print(f"resumed at step {self.first_step:,}")

    def save(self, step: int) -> None:
        if self.processes.first:
            memory = {"window": self.window.sums.tolist(), "scaler": self.stepper.scaler.state_dict()}
            checkpoints.save(
                self.folder,
                step,
                self.identity,
                memory,
                self.weights,
                self.stepper.optimizer,
                self.training.keep_checkpoints,
            )

    def validate(self, step: int) -> None:
        """Log the figures of the validation rows, if there are any; warn once if they are bad.

        ``objective`` is the mean loss over places of all kinds, as others report it; a tenth of these can be copied.
        """
        if not self.bases_to_predict:
            return
        tally = self.stepper.validate(self.validation_rows)
        figures = tally.figures()
        bits = bits_per_base(tally.sums[0, 0], self.bases_to_predict)
        self.validation = figures | {"mask_bits_per_base": bits, "objective": tally.objective()}
        self.recorder.add({"step": step, **self.validation})
        if self.references and not self.warned:
            vocab_size = self.model.config.vocab_size
            line = telemetry.warning(self.training, step, self.validation, self.references["unigram_loss"], vocab_size)
            self.warned = line is not None
            if line:
                self.processes.print(line)

    def log(self, done: int) -> None:
        """Log the means since the last line, and the cost of the steps."""
        entry = {
            "step": done,
            "loss": self.window.objective(),
            "training_mask_loss": self.window.figures()["mask_loss"],
            "learning_rate": self.training.learning_rate_at(done - 1),
            "tokens": done * self.training.batch_size * self.training.length,
        }
        self.recorder.add(entry | self.meter.cost())
        self.window = Tally()
        self.meter.restart()

    def stop_if_stuck(self, done: int) -> None:
        """Save the state and raise UserError if the training has sat on the plateau for as long as the settings allow.

        A model that has learned nothing is not made: what depends on it would be computed in vain.
        """
        if not self.training.stop_on_plateau:
            return
        told = None
        if self.references:
            told = plateau.verdict(self.recorder.entries, self.training, self.references["unigram_loss"])
        if told := self.processes.broadcast(told):
            if done > self.first_step:
                self.save(done)
            raise UserError(f"step {done:,}: {told} (its state is in {self.folder})")

    def stop_requested(self) -> tuple[bool, bool]:
        """Whether any process was asked to stop, and whether by Slurm's warning; the same in all processes."""
        number = self.request.signal
        requests, warnings = self.processes.sum(float(number is not None), float(number == WARNING))
        return requests > 0, warnings > 0

    def stop(self, done: int, warned: bool) -> None:
        """Exit with status TRY_AGAIN; after Slurm's warning, requeue the job first."""
        self.processes.print(f"asked to stop: saved at step {done:,}; start again to continue")
        if warned and self.processes.first:
            requeue()
        raise SystemExit(TRY_AGAIN)

    def train(self) -> None:
        """Run all remaining steps.

        Raises SystemExit with status TRY_AGAIN if a signal asks to stop, and UserError if the training is stuck.
        """
        training = self.training
        if self.first_step:
            self.stop_if_stuck(self.first_step)
        else:
            if self.processes.first:
                self.kept.clear()
            self.validate(0)
        self.model.train()
        bar = Progress(training.steps - self.first_step, "step", "pre-training") if self.processes.first else None
        with bar or contextlib.nullcontext():
            for step, batch in batches.training_batches(
                self.corpus, self.first_step, training, self.model.config.vocab_size
            ):
                started, done = time.monotonic(), step + 1
                tally = self.stepper.step(batch, step)
                self.meter.add(time.monotonic() - started, tally.tokens)
                self.window.add(tally)
                if bar:
                    bar.step(note=f"loss {tally.objective():.3f}")
                if done % training.log_every == 0 or done == training.steps:
                    self.log(done)
                if done % training.validate_every == 0 or done == training.steps:
                    self.validate(done)
                stopping, warned = self.stop_requested()
                if done < training.steps:
                    self.keep(done, stopping)
                    if stopping:
                        self.stop(done, warned)
                    if done % training.validate_every == 0:
                        self.stop_if_stuck(done)

    def keep(self, done: int, stopping: bool) -> None:
        """Keep the model and save the state if they are due."""
        if self.kept.due(done) and self.processes.first:
            self.kept.keep(self.model, done)
        if stopping or done % self.training.checkpoint_every == 0:
            self.save(done)

    def summary(self, name: str) -> dict[str, Any]:
        """The facts of a finished run, for the report and the model card."""
        training = self.training
        return {
            "model": name,
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
            "steps": training.steps,
            "tokens_seen": training.steps * training.batch_size * training.length,
            "training_chunks": len(self.corpus.training),
            **self.validation,
            "references": self.references,
            "architecture": self.model.config.to_diff_dict(),
            "settings": training.model_dump(),
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
            "hardware": hardware(self.stepper.device),
        }


def write_model(run: Run, name: str, tokenizer: Path, out: Path) -> None:
    """Write the model directory to disk: the state from which it could be made again is removed next."""
    summary = run.summary(name)
    with durable_directory(out) as temporary:
        save_model(run.model, tokenizer, temporary)
        shutil.copyfile(run.folder / "log.jsonl", temporary / "log.jsonl")
        if run.training.tensorboard:
            shutil.copytree(run.folder / "tensorboard", temporary / "tensorboard")
        write_json(temporary / "summary.json", summary)
        write_text(temporary / "README.md", render_card(summary, run.recorder.entries, run.identity["start"]))


def running_settings(configuration: Path | None, name: str) -> dict[str, Any]:
    """The settings of a model that do not change its result (RUNNING), from the resolved configuration if there is one.

    Raises UserError if the configuration does not have the model.
    """
    if configuration is None:
        return {}
    models = read_json(configuration)["configuration"]["pretrain"]
    if name not in models:
        raise UserError(f"{configuration}: configuration.pretrain has no model {name!r}; it has {', '.join(models)}")
    return {key: value for key, value in models[name]["training"].items() if key in RUNNING}


def train_model(args: argparse.Namespace, processes: Processes, request: StopRequest) -> None:
    """Train as the command line says; the first process writes the model and removes the state."""
    training = read_training(args.training, running_settings(args.configuration, args.name))
    training.check_processes(processes.count)
    spelling = read_spelling(args.tokenizer / "tokenizer.json", training)
    shards = [(path, path.with_suffix(".index.npy")) for path in genome_files(args.tokens, ".npy", args.species)]
    corpus = Corpus(shards)
    architecture = read_section(Architecture, args.architecture, "--architecture")
    model = initial_model(args.start, architecture, spelling.words, training)
    check_length(model, training)
    device = processes.device()
    training = training.model_copy(update={"precision": processes.broadcast(resolved(training.precision, device))})
    model.to(device)  # type: ignore[arg-type]  # transformers wraps nn.Module.to without its types
    processes.print(f"{processes.count} x {configure_arithmetic(model, training)}")
    identity = run_identity(training, model.config, args.tokenizer, shards, args.start) if processes.first else {}
    scaler = loss_scaler(model.device, training.precision)
    stepper = Stepper(model, training, processes, make_optimizer(model, training), scaler)
    kept = KeptModels.of(args.out, training.keep_models_every, args.tokenizer)
    run = Run(stepper, corpus, spelling, kept, args.state, identity, request)
    run.train()
    if processes.first:
        write_model(run, args.name, args.tokenizer, args.out)
        shutil.rmtree(args.state, ignore_errors=True)


def pretrain(args: argparse.Namespace) -> None:
    """Train in the processes that this one belongs to, with the arguments of ``pretrain_model``."""
    transformers_logging.disable_progress_bar()
    with stop_request() as request, process_group() as processes:
        with checkpoints.locked_folder(args.state) if processes.first else contextlib.nullcontext():
            train_model(args, processes, request)
