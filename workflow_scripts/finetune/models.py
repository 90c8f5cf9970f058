"""What is fine-tuned: a model directory with a fresh head, as a whole or through LoRA."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers.utils import logging

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import digest
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.finetune.data import Encoded, Text
from workflow_scripts.finetune.settings import Settings
from workflow_scripts.model import DnaBert2ForSequenceClassification

HEAD = ["pooler", "classifier"]


@dataclasses.dataclass(frozen=True)
class Loaded:
    """A model that is ready to be fine-tuned, with its tokenizer.

    ``model(input_ids=, attention_mask=[, token_type_ids=]).logits`` is [rows, outputs]; ``encode(texts, max_tokens)``
    gives their tokens, ``pad_id`` fills rows up; ``save(folder)`` writes weights or adapter with the tokenizer into an
    empty folder. ``tokenizer`` is a hash of all that ``encode`` depends on, ``parameters`` counts those of the model
    without adapters.
    """

    model: torch.nn.Module
    encode: Callable[[list[Text], int], Encoded]
    pad_id: int
    save: Callable[[Path], None]
    tokenizer: str
    parameters: int


def load(spec: dict[str, Any], outputs: int, settings: Settings, method: str, seed: int) -> Loaded:
    """The model of a ``spec``, ``{"directory": path}``, with a new head for ``outputs``; LoRA where ``method`` says."""
    folder = Path(spec["directory"])
    tokenizer = load_tokenizer(folder)
    model = load_model(folder, tokenizer, outputs, settings, seed)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if method == "lora":
        model = with_lora(model, settings, seed)

    def save(path: Path) -> None:
        model.save_pretrained(path)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(folder / name, path / name)

    return Loaded(
        model=model,
        encode=lambda texts, max_tokens: encode(tokenizer, texts, max_tokens),
        pad_id=tokenizer.token_to_id("[PAD]"),
        save=save,
        tokenizer=digest(folder / "tokenizer.json"),
        parameters=parameters,
    )


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model directory."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise UserError(f"{path}: not there; a model directory holds its tokenizer.json")
    return Tokenizer.from_file(str(path))


def encode(tokenizer: Tokenizer, texts: list[Text], max_tokens: int) -> Encoded:
    """Encode texts as ``[CLS] A [SEP]`` or ``[CLS] A [SEP] B [SEP]``; token types tell the pair's halves apart."""
    tokenizer.no_padding()
    if max_tokens:
        tokenizer.enable_truncation(max_tokens)
    else:
        tokenizer.no_truncation()
    encodings = tokenizer.encode_batch(texts)
    paired = isinstance(texts[0], tuple)
    return Encoded(
        ids=[np.array(encoding.ids) for encoding in encodings],
        types=[np.array(encoding.type_ids) for encoding in encodings] if paired else None,
        truncated=sum(bool(encoding.overflowing) for encoding in encodings) / len(encodings),
    )


def load_model(
    folder: Path, tokenizer: Tokenizer, outputs: int, settings: Settings, seed: int
) -> DnaBert2ForSequenceClassification:
    """The encoder of ``folder`` with a new pooler and classifier, which depend on ``seed`` alone."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(stable_hash(seed, "head"))
    model = DnaBert2ForSequenceClassification.from_pretrained(folder, num_labels=outputs, pooling=settings.pooling)
    if tokenizer.get_vocab_size() > model.config.vocab_size:
        raise UserError(
            f"{folder}: its tokenizer has {tokenizer.get_vocab_size()} tokens, the model only {model.config.vocab_size}"
        )
    return model


def with_lora(model: DnaBert2ForSequenceClassification, settings: Settings, seed: int) -> torch.nn.Module:
    """The model with LoRA on ``settings.targets``; encoder frozen, head trained and saved with the adapter."""
    from peft import LoraConfig, get_peft_model  # 4 s of import that a full fine-tuning does without

    torch.manual_seed(stable_hash(seed, "adapter"))
    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets),
        modules_to_save=HEAD,
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise UserError(f"finetune.methods: targets {', '.join(settings.targets)}: {error}") from error
