"""Pre-trained and fitted models from directories in the format of the Hugging Face library.

A DNABERT-2, ours or as published, is read into this project's classes; the published directory points to code of its
own, which never runs. Any other architecture is the sequence classifier that the library has for it.
"""

from dataclasses import dataclass
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers.utils import logging

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json
from workflow_scripts.inference.encoders import TokenizerEncoder, first_line, load_tokenizer
from workflow_scripts.model import DnaBert2ForSequenceClassification

HEADS = ("pooler", "classifier", "score")
"""The modules between an encoder and its outputs, by the names that models of the library give them."""
NOT_ENCODER = (*HEADS, "contact_head")  # ESM's head for proteins is part of its encoder and not used


def in_head(name: str) -> bool:
    """Whether a module or weight belongs to a head, not to the encoder."""
    return any(part in NOT_ENCODER for part in name.split("."))


@dataclass(frozen=True)
class Pretrained:
    """A model with a head for sequences, and its encoder; ``fresh_head``: the directory had no weights for the head."""

    model: PreTrainedModel
    encoder: TokenizerEncoder
    fresh_head: bool


def read_pretrained(
    folder: Path, kmer: int = 0, trust_remote_code: bool = False, outputs: int | None = None, pooling: str | None = None
) -> Pretrained:
    """The model and the tokenizer of a directory, in float32.

    ``kmer``: the model reads overlapping k-mers (DNABERT), see TokenizerEncoder. ``outputs``: of the head, and
    ``pooling``: what the head of a DNABERT-2 reads, "cls" or "mean"; None leaves both as the directory says. A head
    with other outputs than the directory has weights for is drawn from torch's global generator.

    Raises UserError if the directory holds no such model, lacks a part of it, or needs code of its own that is not
    allowed to run.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: no config.json; a model directory holds it with weights and tokenizer")
    model, missing = _read_weights(folder, trust_remote_code, outputs, pooling)
    tokenizer = load_tokenizer(folder, trust_remote_code)
    embedding: Any = model.get_input_embeddings()
    known = embedding.num_embeddings
    if len(tokenizer) > known:
        raise UserError(f"{folder}: its tokenizer has {len(tokenizer)} tokens, the model only {known}")
    typed = "token_type_ids" in signature(model.forward).parameters
    encoder = TokenizerEncoder(folder, tokenizer, kmer, longest_input(model), typed)
    return Pretrained(model, encoder, fresh_head=bool(missing))


def _read_weights(
    folder: Path, trust_remote_code: bool, outputs: int | None, pooling: str | None
) -> tuple[PreTrainedModel, list[str]]:
    """The model of a directory, from safetensors or a checkpoint of tensors, and the names of missing weights."""
    described = read_description(folder)
    kind = described.get("model_type")
    options: dict[str, Any] = {} if outputs is None else {"num_labels": outputs}
    load: Any
    hint = ""
    if kind == "dnabert2" or "alibi_starting_size" in described:
        load = DnaBert2ForSequenceClassification.from_pretrained
        options |= {} if pooling is None else {"pooling": pooling}
    elif pooling in (None, "cls"):
        load = partial(AutoModelForSequenceClassification.from_pretrained, trust_remote_code=trust_remote_code)
        if "auto_map" in described and not trust_remote_code:
            hint = "; it brings code of its own, which runs with trust_remote_code: true"
    else:
        raise UserError(f"{folder}: pooling {pooling!r} is not for a model of type {kind!r}; set it to cls")
    try:
        loaded: Any = load(folder, dtype=torch.float32, output_loading_info=True, **options)
    except Exception as error:  # the library raises whatever its readers meet
        raise UserError(f"{folder}: the model does not load ({first_line(error)}){hint}") from error
    model, told = loaded
    missing = sorted(told["missing_keys"])
    if isinstance(model, DnaBert2ForSequenceClassification) and "bert.pooler.dense.weight" in missing:
        assert model.bert.pooler is not None
        # each fit draws its own, and saves it; the class starts from the same one each time
        nn.init.normal_(model.bert.pooler.dense.weight, std=model.config.initializer_range)
    lacking = [name for name in missing if not in_head(name)]
    if lacking:
        raise UserError(f"{folder}: {len(lacking)} weights of the encoder are missing, such as {lacking[0]}{hint}")
    return model, missing


def read_description(folder: Path) -> dict[str, Any]:
    """The config.json of a model directory. Raises UserError if it is no JSON."""
    try:
        return read_json(folder / "config.json")
    except ValueError as error:
        raise UserError(f"{folder / 'config.json'}: not JSON ({error}); copy the model again") from error


def longest_input(model: nn.Module) -> int:
    """Tokens that a model has position embeddings for; 0 if it has none and takes any number."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # the rows up to that of the padding stand for no position
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    return 0
