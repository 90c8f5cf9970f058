"""What is fine-tuned: a model directory with a fresh head, as a whole or through LoRA."""

from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers.utils import logging

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.finetune.settings import Settings
from workflow_scripts.model import DnaBert2ForSequenceClassification

HEAD = ["pooler", "classifier"]


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of a model directory."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise UserError(f"{path}: not there; a model directory holds its tokenizer.json")
    return Tokenizer.from_file(str(path))


def load_model(
    folder: Path, tokenizer: Tokenizer, classes: int, settings: Settings, seed: int
) -> DnaBert2ForSequenceClassification:
    """The encoder of ``folder`` with a new pooler and classifier, which depend on ``seed`` alone."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.manual_seed(stable_hash(seed, "head"))
    model = DnaBert2ForSequenceClassification.from_pretrained(folder, num_labels=classes, pooling=settings.pooling)
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
