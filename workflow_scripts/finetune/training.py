"""One fine-tuning run: training, evaluation, the best weights, and the state from which a killed run resumes."""

import collections
import math
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workflow_scripts.common import checkpoints
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.progress import Progress
from workflow_scripts.finetune.datasets import Tokens, training_batches
from workflow_scripts.finetune.initial_model import InitialModel
from workflow_scripts.finetune.problems import Problem
from workflow_scripts.inference.network import Network, device_here, strand_mean
from workflow_scripts.inference.precision import loss_scaler
from workflow_scripts.settings.fit_settings import FitSettings

# Seconds between saved states. A fit that takes less is repeated rather than resumed; of a longer one with 117 million
# parameters a state is 1.9 GB.
STATE_SECONDS = 300.0


class Fit:
    """A model, its data, and the best weights so far by the dev rows."""

    def __init__(
        self,
        initial: InitialModel,
        problem: Problem,
        tokens: dict[str, Tokens],
        settings: FitSettings,
        metric: str,
        seed: int,
    ):
        device = device_here()
        self.model = initial.model.to(device)
        self.network = Network(self.model, initial.encoder.pad_id, settings.precision, device)
        self.problem, self.tokens, self.settings, self.metric, self.seed = problem, tokens, settings, metric, seed
        rows = len(tokens["train"].labels)
        self.per_epoch, self.steps = settings.steps_per_epoch(rows), settings.steps(rows)
        self.evaluated_every = settings.eval_steps or self.per_epoch
        groups = parameter_groups(self.model, settings.weight_decay)
        self.optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)
        self.parameters = [parameter for group in groups for parameter in group["params"]]
        self.scaler = loss_scaler(device, settings.precision)
        self.weights = trained_tensors(self.model)
        self.best = {f"best.{name}": tensor.clone() for name, tensor in self.weights.items()}
        self.done, self.best_step, self.best_value, self.waited = 0, 0, -math.inf, 0
        # the losses of the last epoch
        self.losses: collections.deque[float] = collections.deque(maxlen=self.per_epoch)
        self.curve: list[dict[str, Any]] = []  # what evaluate() found
        self.started = self.saved = time.monotonic()
        self.targets = torch.from_numpy(problem.targets(tokens["train"].labels)).to(device)
        self.row_weights = torch.from_numpy(problem.row_weights(tokens["train"].labels)).to(device)

    @property
    def seconds(self) -> float:
        """Wall time since the fit began, including that of killed runs up to their last saved state."""
        return time.monotonic() - self.started

    def gradients(self, entries: np.ndarray) -> float:
        """Add the gradients of a batch's mean loss to the parameters; returns the loss.

        The batch may pass in parts: each row counts the same in any part.
        """
        rows = torch.from_numpy(entries % len(self.targets)).to(self.network.device)
        size = self.settings.micro_batch_size or len(entries)
        total, loss = self.row_weights[rows].sum(), 0.0
        for start in range(0, len(entries), size):
            torch.manual_seed(stable_hash(self.seed, "dropout", self.done, start))
            logits = self.network.logits(self.tokens["train"].encoded, entries[start : start + size])
            part = rows[start : start + size]
            share = (self.problem.losses(logits, self.targets[part]) * self.row_weights[part]).sum() / total
            self.scaler.scale(share).backward()
            loss += share.item()
        return loss

    def update(self) -> None:
        """One step of the optimiser along the gradients, which are clipped and forgotten."""
        self.scaler.unscale_(self.optimizer)
        if self.settings.max_grad_norm:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.max_grad_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)

    def train(self, states: Path, belongs_to: dict[str, Any]) -> None:
        """Train to the last step or until patience ends, from a state in ``states``; finish with the best weights.

        ``belongs_to`` is what the run is made of: a state of another run is refused.
        """
        settings = self.settings
        self.resume(states, belongs_to)
        batches = training_batches(
            self.tokens["train"], settings.batch_size, self.seed, settings.reverse_complement_share, self.done
        )
        self.model.train()
        with Progress(self.steps - self.done, "step", "fine-tuning") as progress:
            for entries in batches:
                if self.done == self.steps or (settings.patience and self.waited >= settings.patience):
                    break
                for group in self.optimizer.param_groups:
                    group["lr"] = settings.learning_rate_at(self.done, self.steps)
                loss = self.gradients(entries)
                if not math.isfinite(loss):
                    raise UserError(f"step {self.done}: the loss is {loss}; lower learning_rate")
                self.update()
                self.losses.append(loss)
                self.done += 1
                progress.step(note=f"loss {loss:.3f}")
                if self.done % self.evaluated_every == 0 or self.done == self.steps:
                    self.evaluate()
                if time.monotonic() - self.saved >= STATE_SECONDS:
                    self.save(states, belongs_to)
        copy_tensors(self.best, self.weights)

    def evaluate(self) -> None:
        """Score the dev rows and keep the weights if they are the best so far."""
        result = self.problem.scores(self.tokens["dev"].labels, self.predict("dev"))
        value: float | None = -result["loss"] if self.settings.selection == "loss" else result[self.metric]
        if value is None:
            raise UserError(f"dev rows: {self.metric} is not defined for their labels; set selection to loss")
        training_loss = float(np.mean([*self.losses][-self.evaluated_every :]))
        self.curve.append(
            {"step": self.done, "training_loss": training_loss}
            | {"dev_loss": result["loss"], "dev_score": result[self.metric]}
        )
        self.waited += 1
        if value > self.best_value:
            self.best_step, self.best_value, self.waited = self.done, value, 0
            copy_tensors(self.weights, self.best)
        self.model.train()

    def predict(self, split: str) -> np.ndarray:
        """What the model predicts for the rows of a split in file order, see problems; the mean over the strands.

        Raises UserError if the weights are no longer finite.
        """
        tokens = self.tokens[split]
        size = 2 * (self.settings.micro_batch_size or self.settings.batch_size)
        values = self.network.values(tokens.encoded, self.problem.outputs, size)
        if not np.isfinite(values).all():
            raise UserError(f"{split} rows: the predictions are not finite; lower learning_rate")
        return strand_mean(values, len(tokens.labels))

    def save(self, states: Path, belongs_to: dict[str, Any]) -> None:
        """Save all that the steps to come depend on."""
        memory = {
            "best_step": self.best_step,
            "best_value": self.best_value,
            "waited": self.waited,
            "losses": list(self.losses),
            "curve": self.curve,
            "seconds": self.seconds,
            "scaler": self.scaler.state_dict(),
        }
        checkpoints.save(states, self.done, belongs_to, memory, self.weights | self.best, self.optimizer, keep=1)
        self.saved = time.monotonic()

    def resume(self, states: Path, belongs_to: dict[str, Any]) -> None:
        """Continue from the saved state, if there is one that can be read."""
        path = checkpoints.newest(states, belongs_to)
        if path is None:
            return
        self.done, memory = checkpoints.load(path, self.weights | self.best, self.optimizer)
        self.best_step, self.best_value, self.waited = memory["best_step"], memory["best_value"], memory["waited"]
        self.losses.extend(memory["losses"])
        self.curve = memory.get("curve", [])  # a state of an older version has none
        self.scaler.load_state_dict(memory["scaler"])
        self.started -= memory["seconds"]
        print(f"resumed at step {self.done:,}", file=sys.stderr, flush=True)


def parameter_groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """The trained parameters for an optimiser: those that decay, and biases and those of LayerNorm, which do not.

    So does the Trainer of transformers, which the released scripts use.
    """
    layer_norms = [module for module in model.modules() if isinstance(module, torch.nn.LayerNorm)]
    spared = {id(parameter) for module in layer_norms for parameter in module.parameters()}
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    decaying = [parameter for name, parameter in trained if "bias" not in name and id(parameter) not in spared]
    chosen = set(map(id, decaying))
    others = [parameter for _, parameter in trained if id(parameter) not in chosen]
    return [{"params": decaying, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def trained_tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The tensors that training changes: trained parameters, and buffers of layers, such as running means."""
    names = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    names |= {name for name, _ in model.named_buffers()}
    return {name: tensor for name, tensor in model.state_dict().items() if name in names}


@torch.no_grad()
def copy_tensors(source: dict[str, torch.Tensor], target: dict[str, torch.Tensor]) -> None:
    """Copy the values of one dictionary into the tensors of another, in order."""
    for one, other in zip(source.values(), target.values(), strict=True):
        other.copy_(one)


def memory_mb() -> int:
    """Peak memory in MB (10^6 bytes): of the GPU if there is one, else of the process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() // 10**6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 10**6
