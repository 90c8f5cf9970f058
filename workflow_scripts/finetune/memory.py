"""What makes a large model fit: frozen layers, recomputed activations; and an estimate of the memory of a fit."""

import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from workflow_scripts.common.errors import UserError
from workflow_scripts.inference.models import in_head
from workflow_scripts.inference.pooled import PooledClassifier
from workflow_scripts.settings.fit_settings import FitSettings

ACTIVATION_BYTES = 34
"""Bytes of activations that a transformer layer keeps for each token and hidden unit in 16 bits, without the matrix of
attention, which the kernels of torch do not keep (Korthikanti et al. 2022, arXiv 2205.05198, section 4.1)."""
COPIES = 4
"""Of each trained number: the gradient, two moments of AdamW, the best weights so far."""


def layers_of(model: nn.Module) -> nn.ModuleList:
    """The layers of the encoder: the longest list of modules. Raises UserError if the model has none."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    if not lists:
        raise UserError("freeze: this architecture has no list of layers; set it to 0")
    return max(lists, key=len)


def freeze(model: nn.Module, count: int) -> None:
    """Freeze the embedding and the first ``count`` layers of the encoder, adapters in them included.

    What comes before the layers in the order of the parameters is the embedding. Raises UserError if there are fewer
    layers.
    """
    if not count:
        return
    layers = layers_of(model)
    if count > len(layers):
        raise UserError(f"freeze: {count}: the model has {len(layers)} layers")
    inside = {id(parameter) for parameter in layers.parameters()}
    frozen = {id(parameter) for layer in layers[:count] for parameter in layer.parameters()}
    before = True
    for name, parameter in model.named_parameters():
        before = before and id(parameter) not in inside
        if id(parameter) in frozen or (before and not in_head(name)):
            parameter.requires_grad = False


def recompute(model: Any) -> None:
    """Recompute activations in the backward pass instead of keeping them. Raises UserError if the model cannot."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    encoder: Any = base.encoder if isinstance(base, PooledClassifier) else base
    try:
        encoder.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    except (AttributeError, ValueError):
        name = type(encoder).__name__
        raise UserError(f"checkpointing: {name} does not support it; set it to false, and micro_batch_size") from None


@dataclass(frozen=True)
class Memory:
    """The estimated memory of a fit, in bytes."""

    weights: int
    training: int
    activations: int
    rows: int
    tokens: int

    @property
    def total(self) -> int:
        return self.weights + self.training + self.activations

    def __str__(self) -> str:
        gigabytes = [f"{size / 1e9:.1f}" for size in (self.total, self.weights, self.training, self.activations)]
        return (
            f"memory: about {gigabytes[0]} GB; weights {gigabytes[1]}, gradients, optimiser and best weights "
            f"{gigabytes[2]}, activations of {self.rows} rows of {self.tokens} tokens {gigabytes[3]}"
        )


def estimate(model: nn.Module, settings: FitSettings, tokens: int) -> Memory:
    """The memory of a fit to texts of up to ``tokens`` tokens; without that of libraries and kernels, about 1 GB.

    With checkpointing each layer keeps its input, and one layer at a time all its activations.
    """
    numbers = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    weights = 4 * sum(count for count, _ in numbers)
    training = 4 * COPIES * sum(count for count, trained in numbers if trained)
    rows = settings.micro_batch_size or settings.batch_size
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    layers = max(map(len, lists), default=1)
    unit = rows * tokens * _width(model) * (2 if settings.precision == "fp32" else 1)
    kept = unit * (2 * layers + ACTIVATION_BYTES if settings.checkpointing else ACTIVATION_BYTES * layers)
    return Memory(weights, training, kept, rows, tokens)


def _width(model: Any) -> int:
    """The size of the hidden states, by the names that configurations have for it; 1 of a baseline."""
    config = getattr(model, "config", None)
    return next((size for name in ("hidden_size", "d_model") if (size := getattr(config, name, None))), 1)


def tell(memory: Memory, device: torch.device) -> None:
    """Print the estimate, and advice if the GPU has less."""
    print(memory, file=sys.stderr)
    if device.type == "cuda" and memory.total > (there := torch.cuda.get_device_properties(device).total_memory):
        advice = "lower micro_batch_size or max_tokens, set checkpointing, or use LoRA"
        print(f"warning: the GPU has {there / 1e9:.1f} GB; {advice}", file=sys.stderr, flush=True)


def out_of_memory(settings: FitSettings) -> UserError:
    """What to do when the GPU has no memory left."""
    rows = settings.micro_batch_size or settings.batch_size
    steps = [f"set micro_batch_size below {rows}"] if rows > 1 else []
    steps += [] if settings.checkpointing else ["set checkpointing: true"]
    return UserError(f"the GPU has no memory left; {', '.join(steps) or 'use LoRA, or a smaller max_tokens'}")
