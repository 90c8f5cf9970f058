"""Baselines: models without pre-training and tokenizer, which a pre-trained one should beat.

``kmer_regression`` is a logistic regression on the counts of 6-mers, which knows nothing of their places. ``cnn`` is a
small convolutional network on single bases: 64 filters of 11 bases, 64 of 5 upon them, the strongest answer of each
over the sequence, and a linear layer. Both are trained by the same loop as the others.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers.modeling_outputs import SequenceClassifierOutput

from workflow_scripts.common.files import write_json
from workflow_scripts.common.sequences import BASES, base_codes, known_kmers
from workflow_scripts.finetune.data import Encoded, Text

K = 6
FILTERS = 64
WIDTHS = (11, 5)
DROPOUT = 0.2


class Baseline(nn.Module):
    """A model that is saved like those of the library: config.json and model.safetensors."""

    name: str

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "config.json", {"baseline": self.name, "outputs": self.classifier.out_features})
        save_file(self.state_dict(), folder / "model.safetensors")


class KmerRegression(Baseline):
    """Square roots of the counts of the k-mers 0 to 4^k - 1, and a linear layer, which begins at zero."""

    name = "kmer_regression"

    def __init__(self, outputs: int):
        super().__init__()
        self.classifier = nn.Linear(len(BASES) ** K, outputs)
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SequenceClassifierOutput:
        """[rows, k-mers] to logits [rows, outputs]; numbers outside the range are not counted."""
        counts = torch.zeros(len(input_ids), self.classifier.in_features + 1, device=input_ids.device)
        counts.scatter_add_(1, input_ids, attention_mask.to(counts.dtype))
        return SequenceClassifierOutput(logits=self.classifier(counts[:, :-1].sqrt()))


class Cnn(Baseline):
    """Two convolutions over the bases, the maximum over the sequence, and a linear layer."""

    name = "cnn"

    def __init__(self, outputs: int):
        super().__init__()
        first, second = WIDTHS
        self.motifs = nn.Conv1d(len(BASES), FILTERS, first, padding=first // 2)
        self.combinations = nn.Conv1d(FILTERS, FILTERS, second, padding=second // 2)
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = nn.Linear(FILTERS, outputs)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SequenceClassifierOutput:
        """[rows, bases] to logits [rows, outputs]; what is no base is zero in all four channels."""
        inside = attention_mask[:, None, :].bool()
        bases = functional.one_hot(input_ids, len(BASES) + 1)[:, :, :-1].transpose(1, 2).to(self.motifs.weight.dtype)
        hidden = functional.relu(self.motifs(bases)) * inside
        hidden = functional.relu(self.combinations(hidden)) * inside
        return SequenceClassifierOutput(logits=self.classifier(self.dropout(hidden.amax(dim=2))))


def halves(text: Text) -> tuple[str, ...]:
    """The sequences of a row: one, or those of a pair."""
    return (text,) if isinstance(text, str) else text


def cut(rows: list[np.ndarray], max_tokens: int) -> Encoded:
    """The rows, cut to ``max_tokens`` where that is above 0."""
    longer = sum(len(row) > max_tokens for row in rows) if max_tokens else 0
    return Encoded([row[: max_tokens or None] for row in rows], types=None, truncated=longer / len(rows))


class BaseEncoder:
    """A token is a base, in either case; those of a pair have an unknown one between them."""

    pad_id = len(BASES)
    fingerprint = "bases"

    def encode(self, texts: Sequence[Text], max_tokens: int) -> Encoded:
        return cut([base_codes("N".join(halves(text))).astype(np.int64) for text in texts], max_tokens)

    def save(self, folder: Path) -> None:
        """There is nothing to save."""


class KmerEncoder(BaseEncoder):
    """A token is a k-mer of known bases, in either case; those of a pair stand one behind the other."""

    pad_id = len(BASES) ** K
    fingerprint = f"{K}-mers"

    def encode(self, texts: Sequence[Text], max_tokens: int) -> Encoded:
        rows = [np.concatenate([known_kmers(half, K) for half in halves(text)]) for text in texts]
        return cut([row.astype(np.int64) for row in rows], max_tokens)


def build(name: str, outputs: int) -> tuple[Baseline, BaseEncoder]:
    """A baseline with fresh weights, and its encoder. ValueError for a name that is none."""
    if name == KmerRegression.name:
        return KmerRegression(outputs), KmerEncoder()
    if name == Cnn.name:
        return Cnn(outputs), BaseEncoder()
    raise ValueError(f"baseline {name!r} is neither {KmerRegression.name!r} nor {Cnn.name!r}")
