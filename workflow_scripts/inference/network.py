"""A model at work: batches of tokens go in, predictions or hidden states come out, in the order of the texts."""

import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from workflow_scripts.inference.encoding import Encoded, by_length, collate
from workflow_scripts.inference.outputs import Outputs
from workflow_scripts.inference.pooled import takes
from workflow_scripts.inference.precision import autocast


def device_here() -> torch.device:
    """The GPU if this process has one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def hardware(device: torch.device) -> str:
    """Name of the GPU, or architecture of the CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine() + " CPU"


@dataclass(frozen=True)
class Network:
    """A model on its device.

    ``model(input_ids=[, attention_mask=][, token_type_ids=]).logits`` is [rows, outputs]; ``pad_id`` fills short rows;
    ``precision`` is "fp32", "bf16" or "fp16" (autocast). A model that cannot tell padding from bases has no ``pad_id``,
    and its batches are of texts with the same number of tokens.
    """

    model: nn.Module
    pad_id: int | None
    precision: str
    device: torch.device

    @cached_property
    def arguments(self) -> frozenset[str]:
        """The names of what the model's ``forward`` takes."""
        return takes(self.model)

    def output(self, encoded: Encoded, entries: np.ndarray, **options: bool) -> Any:
        """What the model returns for the texts ``entries`` in one batch, with gradients where they are on."""
        batch = collate(encoded, entries, self.pad_id or 0, self.device)
        batch = {name: tensor for name, tensor in batch.items() if name in self.arguments}
        with autocast(self.device, self.precision):
            return self.model(**batch, **options)

    def batches(self, encoded: Encoded, entries: np.ndarray) -> list[np.ndarray]:
        """Places in ``entries`` of the texts that can share a batch: all, or for each length its own."""
        if self.pad_id is not None:
            return [np.arange(len(entries))]
        lengths = np.array([len(encoded.ids[entry]) for entry in entries])
        return [np.flatnonzero(lengths == length) for length in np.unique(lengths)]

    def logits(self, encoded: Encoded, entries: np.ndarray) -> torch.Tensor:
        """Logits [entries, outputs] in float32."""
        places = self.batches(encoded, entries)
        logits = torch.cat([self.output(encoded, entries[place]).logits.float() for place in places])
        return logits[torch.from_numpy(np.argsort(np.concatenate(places))).to(logits.device)]

    @torch.no_grad()
    def values(self, encoded: Encoded, outputs: Outputs, batch_size: int) -> np.ndarray:
        """What the model predicts for every text, float64, see :meth:`Outputs.values`; without dropout.

        Numbers are computed in float32, because on their own scale they need more than the digits of bf16.
        """
        self.model.eval()
        if outputs.problem == "regression" and self.precision != "fp32":
            return replace(self, precision="fp32").values(encoded, outputs, batch_size)
        shape = () if outputs.problem == "regression" else (outputs.size,)
        values = np.empty((len(encoded.ids), *shape))
        for entries in by_length(encoded, batch_size):
            values[entries] = outputs.values(self.logits(encoded, entries)).cpu().numpy()
        return values

    @torch.no_grad()
    def hidden_states(
        self, encoded: Encoded, layers: Sequence[int], batch_size: int
    ) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor]]:
        """Batch by batch: indices of texts [rows], hidden states, float32 [rows, longest, hidden size], the mean over
        the layers, and how many of these are tokens [rows]; the rest is padding.

        ``layers``: 0 is the output of the embedding, n that of layer n, -1 that of the last. Raises IndexError for a
        layer that the model does not have.
        """
        self.model.eval()
        for batch in by_length(encoded, batch_size):
            for entries in (batch[place] for place in self.batches(encoded, batch)):
                every = self.output(encoded, entries, output_hidden_states=True).hidden_states
                states = torch.stack([every[layer].float() for layer in layers]).mean(dim=0)
                lengths = torch.tensor([len(encoded.ids[entry]) for entry in entries], device=states.device)
                yield entries, states, lengths


def strand_mean(values: np.ndarray, texts: int) -> np.ndarray:
    """The mean over the strands, [texts, ...], of values of one or both, of which the other strands come last."""
    return values.reshape(-1, texts, *values.shape[1:]).mean(axis=0)
