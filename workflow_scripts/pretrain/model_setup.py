"""The model before its first step: its weights and its arithmetic."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import nn

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.special_tokens import FIRST_BASE
from workflow_scripts.inference.network import hardware
from workflow_scripts.inference.precision import DTYPES
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.pretrain.precision import lower_layernorm
from workflow_scripts.pretrain.spelled_embeddings import spelled_embeddings
from workflow_scripts.settings.pretrain import Architecture, SeededTraining, Training


def initial_model(
    start: Path | None, architecture: Architecture, words: Sequence[str], training: SeededTraining
) -> DnaBert2ForMaskedLM:
    """The model of the directory ``start``, or one with initial weights that depend only on the seed.

    ``words``: what the tokens spell, by id.
    """
    if start is None:
        torch.manual_seed(stable_hash(training.seed, "initial weights"))
        model = DnaBert2ForMaskedLM(DnaBert2Config(vocab_size=len(words), **architecture.model_dump()))
        if training.initial_embeddings == "spelling":
            spell_embeddings(model, words, training.seed)
        return model
    model = DnaBert2ForMaskedLM.from_pretrained(start, dtype=torch.float32)
    if len(words) > model.config.vocab_size:
        raise UserError(
            f"{start}: the tokenizer has {len(words)} tokens, the model only {model.config.vocab_size}; "
            "use the tokenizer that belongs to the model"
        )
    return model


def spell_embeddings(model: DnaBert2ForMaskedLM, words: Sequence[str], seed: int) -> None:
    """Give the tokens that spell bases initial embeddings by their spelling; special tokens keep theirs."""
    config, embeddings = model.config, cast(nn.Embedding, model.get_input_embeddings()).weight
    spelled = spelled_embeddings(words[FIRST_BASE:], config.hidden_size, config.initializer_range, seed)
    with torch.no_grad():
        embeddings[FIRST_BASE : len(words)] = spelled


def check_length(model: DnaBert2ForMaskedLM, training: Training) -> None:
    """Raise UserError if the sequences are longer than the table of positions that the model learns."""
    limit = model.config.max_positions
    if model.config.positions == "learned" and training.length > limit:
        raise UserError(
            f"training.length: {training.length} tokens, but the model has learned positions for {limit} "
            "(architecture.max_positions); train on shorter sequences, or a model with other positions"
        )


def configure_arithmetic(model: DnaBert2ForMaskedLM, training: Training) -> str:
    """Set the attention backend and the precision of LayerNorm; returns a line that describes the hardware and both.

    Raises UserError if the backend cannot train here.
    """
    try:
        backend = model.use_attention(training.attention, DTYPES.get(training.precision, torch.float32))
    except ValueError as error:
        raise UserError(f"training.attention: {error}") from None
    if backend == "flex" and model.device.type == "cpu":
        raise UserError("training.attention: flex computes no gradients on a CPU; use auto or sdpa")
    if training.low_precision_layernorm:
        lower_layernorm(model)
    threads = f", {torch.get_num_threads()} threads" if model.device.type == "cpu" else ""
    return f"{hardware(model.device)}{threads}; {training.precision}, attention by {backend}"
