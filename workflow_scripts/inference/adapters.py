"""Saved LoRA adapters and heads on frozen encoders: the model they belong to, and the adapted model."""

import os
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from workflow_scripts.common.errors import UserError
from workflow_scripts.inference.encoders import TokenizerEncoder, first_line
from workflow_scripts.inference.fit_record import FitRecord, weights_sha256
from workflow_scripts.inference.frozen_heads import read_head
from workflow_scripts.inference.models import read_pretrained
from workflow_scripts.inference.pooled import HEAD_FILE

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
BASE = "base"
"""The folder in that of an adapter or head with the model it belongs to, whose weights are links to where that was."""


def base_folder(folder: Path, record: FitRecord, base: str | Path) -> Path:
    """The directory of the model that an adapter was fitted to: ``base`` if it is given, else BASE of its folder.

    Raises UserError if no model is there, or another one than the adapter was fitted to.
    """
    place = Path(base or folder / BASE)
    dangling = [path for path in place.glob("*") if not path.exists()]  # links to a model that has been moved
    if dangling or not (place / "config.json").is_file():
        missing = Path(os.path.realpath(dangling[0])).parent if dangling else place
        raise UserError(f"{folder}: its base model is not at {missing}; put it there, or name its directory (base)")
    if weights_sha256(place) != record.base_sha256:
        raise UserError(f"{folder}: {place} is not the model that the adapter was fitted to; name its directory (base)")
    return place


def is_frozen(folder: Path) -> bool:
    """Whether a model folder holds a head on a frozen encoder, without the encoder."""
    return (folder / HEAD_FILE).is_file() and bool(FitRecord.read(folder).head)


def read_frozen(
    folder: Path, base: str | Path, trust_remote_code: bool
) -> tuple[nn.Module, TokenizerEncoder, FitRecord]:
    """The base model with the head of ``folder`` on it; otherwise as read_adapted."""
    record = FitRecord.read(folder)
    place = base_folder(folder, record, base)
    outputs = record.outputs
    pretrained = read_pretrained(place, record.kmer, trust_remote_code, outputs.size, record.pooling, frozen=True)
    try:
        pretrained.model.classifier = read_head(record.head, outputs, load_file(folder / HEAD_FILE))
    except (SafetensorError, RuntimeError, KeyError) as error:
        raise UserError(f"{folder}: the head does not load ({first_line(error)}); fit the model again") from error
    return pretrained.model, pretrained.encoder, record


def read_adapted(
    folder: Path, base: str | Path, trust_remote_code: bool
) -> tuple[nn.Module, TokenizerEncoder, FitRecord]:
    """The base model with the adapter and head of ``folder`` on it, its encoder, and the record of the fit.

    ``base``: directory of the base model, empty for the one that the fit has left. Raises UserError if the base model
    is missing or another one, or the adapter does not fit it.
    """
    from peft import PeftModel, get_peft_model_state_dict  # an import of a second, for adapters only
    from safetensors import safe_open

    record = FitRecord.read(folder)
    place = base_folder(folder, record, base)
    pretrained = read_pretrained(place, record.kmer, trust_remote_code, record.outputs.size, record.pooling)
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{folder}: no {WEIGHTS}; fit the model again")
    try:
        model = PeftModel.from_pretrained(pretrained.model, folder)
        with safe_open(folder / WEIGHTS, "pt") as handle:
            saved = set(handle.keys())
    except Exception as error:  # the library raises whatever its readers meet
        raise UserError(f"{folder}: the adapter does not load ({first_line(error)}); fit the model again") from error
    # by itself the library would look for the base model where it was during the fit, even on the hub
    if saved != get_peft_model_state_dict(model, save_embedding_layers=False).keys():
        raise UserError(f"{folder}: weights of the adapter are missing; fit the model again")
    return model, pretrained.encoder, record
