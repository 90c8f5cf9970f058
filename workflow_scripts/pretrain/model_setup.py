"""The model before its first step: its weights and its arithmetic."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import nn

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.special_tokens import FIRST_BASE, SPECIAL_TOKENS
from workflow_scripts.inference.encoders import first_line
from workflow_scripts.inference.models import read_description
from workflow_scripts.inference.network import hardware
from workflow_scripts.inference.precision import DTYPES
from workflow_scripts.inference.spelling import Spelling
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
    model = read_start(start)
    if len(words) > model.config.vocab_size:
        raise UserError(
            f"{start}: the tokenizer has {len(words)} tokens, the model only {model.config.vocab_size}; "
            "use the tokenizer that belongs to the model"
        )
    return model


def read_start(folder: Path) -> DnaBert2ForMaskedLM:
    """The masked language model of a directory in float32: ours, or DNABERT-2 as published, whose code never runs.

    Weights are read from safetensors, else from the tensors of pytorch_model.bin. Raises UserError if the directory
    holds no such model, lacks a weight, or its file of weights holds more than tensors, which could run code.
    """
    described = read_description(folder)
    if described.get("model_type") != "dnabert2" and "alibi_starting_size" not in described:
        raise UserError(
            f"{folder}/config.json: model_type {described.get('model_type')!r}: only a DNABERT-2 can be trained further"
        )
    try:
        loaded: Any = DnaBert2ForMaskedLM.from_pretrained(
            folder, dtype=torch.float32, weights_only=True, output_loading_info=True
        )
    except Exception as error:  # the library raises whatever its readers meet
        raise UserError(f"{folder}: the model does not load ({first_line(error)})") from error
    model, told = loaded
    if missing := sorted(told["missing_keys"]):
        raise UserError(
            f"{folder}: {len(missing)} weights of the masked language model are missing, such as {missing[0]}; start "
            "from a model as pre-training leaves it, not from a fit"
        )
    return model


def spell_embeddings(model: DnaBert2ForMaskedLM, words: Sequence[str], seed: int) -> None:
    """Give the tokens that spell bases initial embeddings by their spelling; special tokens keep theirs."""
    config, embeddings = model.config, cast(nn.Embedding, model.get_input_embeddings()).weight
    spelled = spelled_embeddings(words[FIRST_BASE:], config.hidden_size, config.initializer_range, seed)
    with torch.no_grad():
        embeddings[FIRST_BASE : len(words)] = spelled


def read_spelling(tokenizer: Path, training: Training) -> Spelling:
    """What the tokens of tokenizer.json spell. Raises UserError if they cannot be masked, or masks would hide nothing.

    The neighbours of a masked overlapping k-mer spell it, unless k are masked together.
    """
    read = Tokenizer.from_file(str(tokenizer))
    if [read.token_to_id(token) for token in SPECIAL_TOKENS] != list(range(len(SPECIAL_TOKENS))):
        raise UserError(f"{tokenizer}: {', '.join(SPECIAL_TOKENS)} are not its first tokens, as those of DNABERT-2 are")
    spelling = Spelling(read)
    k = int(spelling.lengths.max())
    if spelling.overlapping and training.steps and training.mask_run < k:
        raise UserError(
            f"training.mask_run: {training.mask_run} hides nothing of overlapping {k}-mers, which their neighbours "
            f"spell; use {k}, as DNABERT does"
        )
    return spelling


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
