"""What a training reports while it runs: ``log.jsonl``, TensorBoard, its cost, and a warning if it does not learn."""

import contextlib
import importlib
import json
import os
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from workflow_scripts.common.checkpoints import disk_errors
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import write_text
from workflow_scripts.model import DnaBert2Config
from workflow_scripts.settings.pretrain import Training

# Dense 16-bit floating-point operations per second, from the data sheets of the manufacturer.
PEAKS = {"NVIDIA H200": 989e12, "NVIDIA H100 80GB HBM3": 989e12, "NVIDIA A100": 312e12}
# The only public reference points for a vocabulary of 4,096: users who retrained the original stayed at 5.03 to 5.08
# nats per token (issues 98, 148 and 150 of its repository); its author reports about 4.3 late in training. No curve was
# published, so there is no warning early in a run: before half of its steps or a tenth of the paper's tokens.
STUCK, REFERENCE, REFERENCE_VOCABULARY, LATE_TOKENS = 5.03, 4.3, 4096, 26_000_000_000


class Log:
    """``log.jsonl``: appended while training, truncated to the saved step when a run resumes, emptied otherwise."""

    def __init__(self, path: Path, resumed_at: int):
        lines = path.read_text().splitlines() if resumed_at and path.exists() else []
        self.path = path
        self.entries: list[dict[str, Any]] = []
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):  # a line cut off by a kill
                entry = json.loads(line)
                if entry["step"] <= resumed_at:
                    self.entries.append(entry)
        with disk_errors(path):
            write_text(path, "".join(json.dumps(entry) + "\n" for entry in self.entries))

    def add(self, entry: dict[str, Any]) -> None:
        """Append a line and flush it to disk, so that the log is complete up to every state that is saved later."""
        self.entries.append(entry)
        with disk_errors(self.path), self.path.open("a") as handle:
            handle.write(json.dumps(entry) + "\n")
            handle.flush()
            os.fsync(handle.fileno())


class Board:
    """The same entries for TensorBoard, in ``folder``; entries after the resumed step are replaced.

    Raises UserError if the package tensorboard is missing.
    """

    def __init__(self, folder: Path, resumed_at: int):
        try:
            tensorboard = importlib.import_module("torch.utils.tensorboard")
        except ImportError:
            raise UserError(
                "training.tensorboard: the package tensorboard is missing; install it, or set false"
            ) from None
        self.writer = tensorboard.SummaryWriter(str(folder), purge_step=resumed_at + 1)

    def add(self, entry: dict[str, Any]) -> None:
        for name, value in entry.items():
            if name != "step":
                self.writer.add_scalar(name, value, entry["step"])
        self.writer.flush()


class Recorder:
    """Log and TensorBoard of a run in ``folder``; of several processes only the first one (``active``) records."""

    def __init__(self, folder: Path, resumed_at: int, tensorboard: bool, active: bool):
        self.entries: list[dict[str, Any]] = []
        self.writers: list[Log | Board] = []
        if active:
            log = Log(folder / "log.jsonl", resumed_at)
            self.entries = log.entries
            self.writers.append(log)
            if tensorboard:
                self.writers.append(Board(folder / "tensorboard", resumed_at))

    def add(self, entry: dict[str, Any]) -> None:
        for writer in self.writers:
            writer.add(entry)


def flops(config: DnaBert2Config, tokens: int, length: int, masked: int) -> int:
    """Floating-point operations of a forward and a backward pass over ``tokens`` tokens in rows of ``length``.

    Counts only matrix products, a multiply-add as two operations and the backward pass as twice the forward pass:
    projections and gated feed-forward of each layer, both products of attention, and the head on the ``masked`` tokens.
    """
    hidden, inner = config.hidden_size, config.intermediate_size
    layer = 2 * (4 * hidden**2 + 3 * hidden * inner) + 4 * length * hidden
    head = 2 * (hidden**2 + hidden * config.vocab_size)
    return 3 * (tokens * config.num_hidden_layers * layer + masked * head)


def peak(device: torch.device, precision: str) -> float | None:
    """Peak operations per second of the GPU in this precision; None if unknown."""
    if device.type != "cuda" or precision == "fp32":
        return None
    name = torch.cuda.get_device_name(device)
    return next((operations for model, operations in PEAKS.items() if name.startswith(model)), None)


def memory_mb(device: torch.device) -> int:
    """Peak memory so far in MB: on the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10


class Meter:
    """Measures the cost of the steps between two lines of the log."""

    def __init__(self, config: DnaBert2Config, training: Training, device: torch.device, processes: int):
        self.config, self.training, self.device = config, training, device
        self.peak = peak(device, training.precision)
        self.processes = processes
        self.restart()

    def restart(self) -> None:
        self.seconds, self.steps, self.masked = 0.0, 0, 0

    def add(self, seconds: float, masked: int) -> None:
        """Count one step."""
        self.seconds, self.steps, self.masked = self.seconds + seconds, self.steps + 1, self.masked + masked

    def cost(self) -> dict[str, float]:
        """Seconds per step, tokens per second, memory, and on a known GPU its model FLOPs utilisation (MFU)."""
        tokens = self.steps * self.training.batch_size * self.training.length
        cost = {
            "step_seconds": self.seconds / self.steps,
            "tokens_per_second": tokens / self.seconds,
            "memory_mb": memory_mb(self.device),
        }
        if self.peak:
            work = flops(self.config, tokens, self.training.length, self.masked)
            cost["mfu"] = work / self.seconds / self.peak / self.processes
        return cost


def warning(
    training: Training, step: int, validation: Mapping[str, float | None], unigram_loss: float, vocab_size: int
) -> str | None:
    """A line if the training learns nothing from the context, or is stuck where others were; else None.

    ``validation``: ``mask_loss``, which is compared with ``unigram_loss`` on the same places, and ``objective``, the
    loss over all places, as others report it.
    """
    tokens = step * training.batch_size * training.length
    mask_loss, objective = validation["mask_loss"], validation["objective"]
    if step > training.warmup_steps and mask_loss is not None and mask_loss >= unigram_loss:
        return (
            f"warning: step {step:,}: the loss of [MASK] places, {mask_loss:.3f}, is not below {unigram_loss:.3f}, "
            "that of the training tokens' frequencies: the model learns nothing from context yet; try another "
            "learning_rate, warmup_steps or a smaller vocabulary"
        )
    late = tokens >= LATE_TOKENS and 2 * step >= training.steps
    if late and vocab_size == REFERENCE_VOCABULARY and objective is not None and objective >= STUCK:
        return (
            f"warning: step {step:,}: the validation loss of all places, {objective:.3f}, is where others got stuck "
            f"({STUCK} and above); the author of the original reports about {REFERENCE} late in training"
        )
    return None
