"""What is fine-tuned: a pre-trained model with a fresh head, whole or through LoRA, or a baseline.

A model is asked for by its entry in the configuration: ``{"directory": path}`` of config.json, weights and tokenizer,
with ``kmer`` and ``trust_remote_code`` where they are needed, or ``{"baseline": name}``.
"""

import copy
import sys
from collections.abc import Callable, Sequence
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
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.finetune.data import Encoded, Text
from workflow_scripts.inference import adapters, baselines
from workflow_scripts.inference.encoders import Encoder, first_line, load_tokenizer
from workflow_scripts.model import DnaBert2ForSequenceClassification
from workflow_scripts.settings.finetune import FitSettings


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to be fitted, with what turns sequences into its inputs.

    ``model(input_ids=, attention_mask=[, token_type_ids=]).logits`` is [rows, outputs]; ``encode(texts, max_tokens)``
    gives their tokens, ``pad_id`` fills rows up; ``save(folder)`` writes weights or adapter with the tokenizer into an
    empty folder. ``tokenizer`` is a hash of all that ``encode`` depends on, ``parameters`` counts those of the model
    without adapters.
    """

    model: nn.Module
    encode: Callable[[Sequence[Text], int], Encoded]
    pad_id: int
    save: Callable[[Path], None]
    tokenizer: str
    parameters: int


def load(spec: dict[str, Any], outputs: int, settings: FitSettings, method: str, seed: int) -> Loaded:
    """The model of an entry with a new head of ``outputs`` values, which depends on ``seed`` alone.

    A head that lies in the directory, because the model was fitted before, is kept where it has as many outputs.
    ``method``: "full", or "lora", which a baseline does not know. Tells the trainable share on standard error. Raises
    UserError for what is no such model, or lacks what is asked of it.
    """
    if "baseline" in spec:
        torch.manual_seed(stable_hash(seed, "head"))
        model, encoder = baselines.build(spec["baseline"], outputs)
    else:
        model, encoder = load_pretrained(spec, outputs, settings, seed)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if method == "lora":
        model = adapters.with_lora(model, settings, seed)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    print(f"{trained:,} of {parameters:,} parameters are trained ({trained / parameters:.2%})", file=sys.stderr)

    def save(folder: Path) -> None:
        model.save_pretrained(folder)
        encoder.save(folder)
        if method == "lora" and settings.merge:
            copy.deepcopy(model).merge_and_unload().save_pretrained(folder / "merged")
            encoder.save(folder / "merged")

    return Loaded(model, encoder.encode, encoder.pad_id, save, encoder.fingerprint, parameters)


def load_pretrained(
    spec: dict[str, Any], outputs: int, settings: FitSettings, seed: int
) -> tuple[PreTrainedModel, Encoder]:
    """The model that lies in the directory of an entry, with a new head, and its encoder."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder, trusted = Path(spec["directory"]), spec.get("trust_remote_code", False)
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: no config.json; a model directory holds it with weights and tokenizer")
    model = read_weights(folder, outputs, settings, seed, trusted)
    tokenizer = load_tokenizer(folder, trusted)
    known = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > known:
        raise UserError(f"{folder}: its tokenizer has {len(tokenizer)} tokens, the model only {known}")
    typed = "token_type_ids" in signature(model.forward).parameters
    return model, Encoder(folder, tokenizer, spec.get("kmer", 0), longest_input(model), typed)


def read_weights(folder: Path, outputs: int, settings: FitSettings, seed: int, trusted: bool) -> PreTrainedModel:
    """The model of a directory in float32, from safetensors or a checkpoint that holds tensors alone.

    A DNABERT-2, ours or as published, is of this project's classes; the published directory points to code of its own,
    which nobody runs.
    """
    try:
        described = read_json(folder / "config.json")
    except ValueError as error:
        raise UserError(f"{folder / 'config.json'}: not JSON ({error}); copy the model again") from error
    kind = described.get("model_type")
    torch.manual_seed(stable_hash(seed, "head"))
    if kind == "dnabert2" or "alibi_starting_size" in described:
        load, hint = partial(DnaBert2ForSequenceClassification.from_pretrained, pooling=settings.pooling), ""
    elif settings.pooling == "cls":
        load = partial(AutoModelForSequenceClassification.from_pretrained, trust_remote_code=trusted)
        own_code = "auto_map" in described and not trusted
        hint = "; it brings code of its own, which runs with trust_remote_code: true" if own_code else ""
    else:
        raise UserError(f"{folder}: pooling {settings.pooling!r} is not for a model of type {kind!r}; set it to cls")
    try:
        model, told = load(folder, num_labels=outputs, dtype=torch.float32, output_loading_info=True)
    except Exception as error:  # the library raises whatever its readers meet
        raise UserError(f"{folder}: the model does not load ({first_line(error)}){hint}") from error
    lacking = sorted(name for name in told["missing_keys"] if not adapters.in_head(name))
    if lacking:
        raise UserError(f"{folder}: {len(lacking)} weights of the encoder are not there, such as {lacking[0]}{hint}")
    return model


def longest_input(model: nn.Module) -> int:
    """Tokens that a model has position embeddings for; 0 where it has none and takes any number."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # the rows up to that of the padding stand for no position
            return module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1)
    return 0
