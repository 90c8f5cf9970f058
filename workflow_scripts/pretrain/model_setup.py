"""The model before its first step: weights, arithmetic, and what its tokens stand for."""

import platform
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.pretrain import precision
from workflow_scripts.settings.pretrain import Architecture, Training


def hardware(device: torch.device) -> str:
    """Name of the GPU, or architecture of the CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine() + " CPU"


def initial_model(start: Path | None, architecture: Architecture, vocab_size: int, seed: int) -> DnaBert2ForMaskedLM:
    """The model of the directory ``start``, or one with random weights that depend only on ``seed``."""
    if start is None:
        torch.manual_seed(stable_hash(seed, "initial weights"))
        return DnaBert2ForMaskedLM(DnaBert2Config(vocab_size=vocab_size, **architecture.model_dump()))
    model = DnaBert2ForMaskedLM.from_pretrained(start, dtype=torch.float32)
    if vocab_size > model.config.vocab_size:
        raise UserError(
            f"{start}: the tokenizer has {vocab_size} tokens, the model only {model.config.vocab_size}; "
            "use the tokenizer that belongs to the model"
        )
    return model


def check_length(model: DnaBert2ForMaskedLM, training: Training) -> None:
    """Raise UserError if the sequences are longer than the table of positions that the model learns."""
    limit = model.config.max_positions
    if model.config.positions == "learned" and training.length > limit:
        raise UserError(
            f"training.length: {training.length} tokens, but the model has learned positions for {limit} "
            "(architecture.max_positions); train on shorter sequences, or a model with other positions"
        )


def bases_of_tokens(tokenizer: Tokenizer) -> np.ndarray:
    """Number of bases that each token adds to a sequence, by id: its length, or one if tokens overlap."""
    words = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    sequence = "ACGT" * 16
    tokens = tokenizer.encode(sequence, add_special_tokens=False).tokens
    overlapping = sum(map(len, tokens)) > len(sequence)
    return np.array([1 if overlapping else len(word) for word, _ in words])


def configure_arithmetic(model: DnaBert2ForMaskedLM, training: Training) -> str:
    """Set the attention backend and the precision of LayerNorm; returns a line that describes the hardware and both.

    Raises UserError if the backend cannot train here.
    """
    try:
        backend = model.use_attention(training.attention, precision.DTYPES.get(training.precision, torch.float32))
    except ValueError as error:
        raise UserError(f"training.attention: {error}") from None
    if backend == "flex" and model.device.type == "cpu":
        raise UserError("training.attention: flex computes no gradients on a CPU; use auto or sdpa")
    if training.low_precision_layernorm:
        precision.lower_layernorm(model)
    threads = f", {torch.get_num_threads()} threads" if model.device.type == "cpu" else ""
    return f"{hardware(model.device)}{threads}; {training.precision}, attention by {backend}"
