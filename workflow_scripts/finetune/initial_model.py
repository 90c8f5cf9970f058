"""The model that a fit starts from: pre-trained with a fresh head, whole or with LoRA adapters, or a baseline.

It is given by its entry in the configuration: ``{"directory": path}``, with ``kmer`` and ``trust_remote_code`` if they
are needed, or ``{"baseline": name}``.
"""

import copy
import dataclasses
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.dynamic_module_utils import custom_object_save

from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.finetune.lora import rewrite_description, with_lora
from workflow_scripts.finetune.memory import freeze, recompute
from workflow_scripts.inference import adapters, baselines
from workflow_scripts.inference.encoders import TokenizerEncoder
from workflow_scripts.inference.encoding import Encoder
from workflow_scripts.inference.fit_record import FitRecord, weights_sha256
from workflow_scripts.inference.models import in_head, read_pretrained
from workflow_scripts.inference.outputs import PROBLEM_TYPES, Outputs
from workflow_scripts.inference.pooled import PooledClassifier, save_weights
from workflow_scripts.settings.fit_settings import FitSettings
from workflow_scripts.settings.names import FROZEN

WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "pytorch_model*.bin", "pytorch_model.bin.index.json")


@dataclasses.dataclass(frozen=True)
class InitialModel:
    """A model that is ready to be fitted, in place, with its encoder.

    ``model(input_ids=, attention_mask=[, token_type_ids=]).logits`` is [rows, outputs]. ``parameters`` counts those
    without adapters. ``base`` is the directory that a LoRA adapter or the head of a ``frozen`` encoder belongs to, else
    None.
    """

    model: Any  # a module with save_pretrained
    encoder: Encoder
    parameters: int
    base: Path | None
    frozen: bool = False

    @property
    def pooled(self) -> bool:
        """Whether the head is this project's, so that only this project loads the fitted model."""
        adapted = self.base is not None and not self.frozen
        return isinstance(self.model.get_base_model() if adapted else self.model, PooledClassifier)

    def save(self, record: FitRecord, folder: Path, place: Path, merge: bool) -> None:
        """Write weights or adapter, tokenizer and record into an empty folder, which becomes ``place`` next to it.

        The scale of a regression becomes part of the weights. ``merge``: write an adapted model with its adapter
        merged into the weights too, into the folder ``merged``.
        """
        if isinstance(self.encoder, TokenizerEncoder):  # a model of transformers, not a baseline
            self.model.config.problem_type = PROBLEM_TYPES[record.outputs.problem]
        record = dataclasses.replace(record, outputs=fold_scale(self.model, record.outputs))
        if self.base is not None:
            adapter = dataclasses.replace(record, base_sha256=weights_sha256(self.base))
            if self.frozen:
                self._write_head(adapter, folder)
                self._write_base(folder / adapters.BASE, self.base)
                return
            self._write(self.model, adapter, folder)
            rewrite_description(folder / adapters.CONFIG, place.absolute() / adapters.BASE)
            self._write_base(folder / adapters.BASE, self.base)
            if merge:
                self._write(copy.deepcopy(self.model).merge_and_unload(), record, folder / "merged")
        else:
            self._write(self.model, record, folder)

    def _write_base(self, folder: Path, base: Path) -> None:
        """Write the base model with the configuration of the fit (pooling, outputs); its weights are links.

        Links to a model that was given by a relative path are relative, so a tree of results can be moved. With the
        configuration of the pre-trained model the adapter would give other results.
        """
        folder.mkdir()
        model = self.model.encoder if self.frozen else self.model.get_base_model()
        for path in base.glob("*.py"):
            shutil.copyfile(path, folder / path.name)
        if getattr(model, "_auto_class", None):
            custom_object_save(model, folder, config=model.config)
        model.config.save_pretrained(folder)
        self.encoder.save(folder)
        for pattern in WEIGHTS:
            for path in base.glob(pattern):
                (folder / path.name).symlink_to(path if base.is_absolute() else os.path.relpath(path, folder))

    def _write_head(self, record: FitRecord, folder: Path) -> None:
        self.model.save_head(folder)
        self.encoder.save(folder)
        record.write(folder)

    def _write(self, model: Any, record: FitRecord, folder: Path) -> None:
        save_weights(model, folder)
        self.encoder.save(folder)
        record.write(folder)


@torch.no_grad()
def fold_scale(model: nn.Module, outputs: Outputs) -> Outputs:
    """Give the last linear layer of a regression the scale of the labels; returns the outputs of the changed model.

    The logits of the saved model are then numbers in the unit of the labels. A head without bias stays as it is.
    """
    heads = [layer for name, layer in model.named_modules() if in_head(name) and isinstance(layer, nn.Linear)]
    if outputs.problem != "regression" or not heads or heads[-1].bias is None:
        return outputs
    if heads[-1].out_features != outputs.size:  # the head has no linear layer, this one is the encoder's
        return outputs
    heads[-1].weight.mul_(outputs.deviation)
    heads[-1].bias.mul_(outputs.deviation).add_(outputs.mean)
    return Outputs(outputs.problem, outputs.size)


def initial_model(spec: dict[str, Any], outputs: int, settings: FitSettings, method: str, seed: int) -> InitialModel:
    """The model of an entry with a new head of ``outputs`` values, which depends on ``seed`` only.

    A head that is in the directory, because the model was fitted before, is kept if it has as many outputs. ``method``:
    of METHODS; a baseline has "full" only. Prints the trainable share to standard error. Raises UserError if
    the entry names no such model, or it lacks what the settings need.
    """
    torch.manual_seed(stable_hash(seed, "head"))
    model: Any
    encoder: Encoder
    base: Path | None = None
    if "baseline" in spec:
        model, encoder = baselines.build(spec["baseline"], outputs)
    else:
        folder = Path(spec["directory"])
        kmer, trusted = spec.get("kmer", 0), spec.get("trust_remote_code", False)
        pretrained = read_pretrained(folder, kmer, trusted, outputs, settings.pooling, frozen=method in FROZEN)
        model, encoder = pretrained.model, pretrained.encoder
    parameters = sum(parameter.numel() for parameter in model.parameters())
    if method != "full":
        base = Path(spec["directory"])
    if method == "lora":
        model = with_lora(model, settings, seed)
    if method in FROZEN:
        model.encoder.requires_grad_(False)
    else:
        freeze(model, settings.freeze)
        if settings.checkpointing:
            recompute(model)
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    print(f"{trained:,} of {parameters:,} parameters are trained ({trained / parameters:.2%})", file=sys.stderr)
    return InitialModel(model, encoder, parameters, base, frozen=method in FROZEN)
