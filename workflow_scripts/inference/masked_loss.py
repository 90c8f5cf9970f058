"""The loss of masked language modelling, and its sums by kind of place."""

import dataclasses
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from workflow_scripts.common.special_tokens import UNKNOWN
from workflow_scripts.inference.masking import IGNORED, KINDS, MASK, Batch
from workflow_scripts.inference.spelling import Spelling, hidden_bases
from workflow_scripts.model import DnaBert2ForMaskedLM


class MaskedLoss(nn.Module):
    """The model with its loss as one module, which can be compiled and distributed."""

    def __init__(self, model: DnaBert2ForMaskedLM):
        super().__init__()
        self.model = model

    def forward(
        self, inputs: torch.Tensor, labels: torch.Tensor, positions: torch.Tensor, attention_mask: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Cross-entropy summed over the tokens to predict, and the sums of a Tally, [kinds, 3].

        All arguments are [rows, length]; ``positions`` is true where ``labels`` is not IGNORED, and may be true
        elsewhere.
        """
        logits = self.model.masked_logits(inputs, attention_mask, positions).float()
        targets, given = labels[positions], inputs[positions]
        losses = functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="none")
        hits = (logits.argmax(-1) == targets).to(losses.dtype)
        masked, unchanged, predicted = given == MASK, given == targets, targets != IGNORED
        kinds = torch.stack([masked, ~masked & ~unchanged & predicted, unchanged]).to(losses.dtype)
        return losses.sum(), kinds @ torch.stack([losses.detach(), hits, torch.ones_like(losses)], dim=1)


@dataclasses.dataclass
class Tally:
    """Sums by kind of place [kinds, 3]: loss in nats, correct predictions, tokens."""

    sums: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((len(KINDS), 3)))

    def add(self, other: "Tally") -> None:
        self.sums = self.sums + other.sums

    @property
    def tokens(self) -> int:
        """Tokens to predict, of all kinds."""
        return int(self.sums[:, 2].sum())

    def objective(self) -> float:
        """Mean loss over all tokens to predict: what a training minimises, copied tokens included."""
        loss, _, tokens = self.sums.sum(axis=0)
        return float(loss / max(tokens, 1))  # a tiny batch may have nothing to predict

    def figures(self) -> dict[str, float | None]:
        """``mask_loss``, ``mask_accuracy``, and so on for each of KINDS; None of a kind that no place has."""
        figures: dict[str, float | None] = {}
        for kind, (loss, right, tokens) in zip(KINDS, self.sums.tolist(), strict=True):
            figures[f"{kind}_loss"] = loss / tokens if tokens else None
            figures[f"{kind}_accuracy"] = right / tokens if tokens else None
        return figures


def bases_to_predict(batch: Batch, spelling: Spelling) -> int:
    """The bases that the [MASK] places of a batch hide, summed over these places.

    A base counts once for each [MASK] that stands for it, unless the row shows it in another token, as overlapping
    tokens may: so the loss of a [MASK] is divided by what it has to predict, and by nothing that can be read off.
    """
    if not spelling.overlapping:
        inputs, labels = batch
        return int(spelling.lengths[labels[inputs == MASK]].sum())
    total = 0
    for inputs, labels in zip(*batch, strict=True):
        ids, given = visible_row(inputs, labels)
        total += int(hidden_bases(*spelling.spans(ids), given == ids)[given == MASK].sum())
    return total


def visible_row(inputs: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The tokens of a row and what the model is given in their place, without [CLS], [SEP] and padding."""
    ids = np.where(labels == IGNORED, inputs, labels)
    inside = (ids > MASK) | (ids == UNKNOWN)
    return ids[inside], inputs[inside]


def bits_per_base(loss: float, bases: int) -> float:
    """A sum of losses in nats, in bits for each of the bases that had to be predicted."""
    return loss / math.log(2) / bases
