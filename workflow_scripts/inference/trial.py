"""What only a run of a model on a few tokens tells: the width of its states, and whether it can ignore padding.

Code of Mamba runs on a GPU only, so models run where the process computes, and return to the CPU.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from workflow_scripts.inference.network import device_here
from workflow_scripts.inference.pooled import Lengths, hidden_states, inputs_of

PADDING = 8
"""Padding tokens of the trial; with those of the text no more than any model takes."""
SAME = 1e-3
"""Largest relative difference of logits that rounding explains; padding changes those of a convolution by far more."""


def width_of_states(encoder: Any, ids: Sequence[int], lengths: Lengths) -> int:
    """The size of the last hidden states of an encoder. ``ids``: the tokens of a text."""
    return _run(encoder, lambda rows: hidden_states(encoder, rows, lengths=lengths)[0], ids).shape[-1]


def ignores_padding(model: Any, ids: Sequence[int], pad_id: int) -> bool:
    """Whether a text gives the same logits with padding behind it that the attention mask hides.

    Not so if ``forward`` takes no mask (HyenaDNA, Caduceus), or takes one and does not use it (NTv3).
    """
    if "attention_mask" not in inputs_of(model):
        return False
    mask = torch.tensor([[1] * len(ids) + [0] * PADDING])
    whole = [*ids, *[pad_id] * PADDING]
    alone = _run(model, lambda rows: model(input_ids=rows, attention_mask=torch.ones_like(rows)).logits, ids)
    padded = _run(model, lambda rows: model(input_ids=rows, attention_mask=mask.to(rows.device)).logits, whole)
    return bool((alone - padded).abs().max() <= SAME * alone.abs().max())


@torch.no_grad()
def _run(model: Any, call: Callable[[Tensor], Tensor], ids: Sequence[int]) -> Tensor:
    device = device_here()
    model.to(device).eval()
    try:
        return call(torch.tensor([list(ids)], device=device)).float().cpu()
    finally:
        model.cpu()
