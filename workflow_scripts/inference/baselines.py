"""Baselines: models without pre-training or tokenizer, which a pre-trained model should beat.

``kmer_regression`` is a logistic regression on the counts of 6-mers, blind to their positions. ``cnn`` is a small
convolutional network on single bases: 64 filters of 11 bases, then 64 of 5, the maximum of each over the sequence, and
a linear layer. Both are trained by the same loop as the others.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers.modeling_outputs import SequenceClassifierOutput

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import write_json
from workflow_scripts.common.letters import unknown_letters
from workflow_scripts.common.sequences import BASES, base_codes, kmer_numbers
from workflow_scripts.inference.encoders import first_line
from workflow_scripts.inference.encoding import NO_BASES, Encoded, Text, sequences_of
from workflow_scripts.inference.models import read_description

K = 6
FILTERS = 64
WIDTHS = (11, 5)
DROPOUT = 0.2


class Baseline(nn.Module):
    """A model that is saved like those of the library: config.json and model.safetensors."""

    name: str
    classifier: nn.Linear

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "config.json", {"baseline": self.name, "outputs": self.classifier.out_features})
        save_file(self.state_dict(), folder / "model.safetensors")


class KmerRegression(Baseline):
    """Square roots of the counts of the k-mers 0 to 4^k - 1, and a linear layer, which starts at zero."""

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


def cut(rows: list[np.ndarray], spans: list[np.ndarray] | None, max_tokens: int, unknown: float) -> Encoded:
    """The rows of tokens, cut to ``max_tokens`` if that is above 0; ``unknown``: the share of unknown tokens."""
    longer = np.array([0 < max_tokens < len(row) for row in rows])
    end = max_tokens or None
    return Encoded(
        [row[:end] for row in rows],
        types=None,
        truncated=float(longer.mean()),
        unknown=unknown,
        spans=None if spans is None else [row[:end] for row in spans],
        cut=longer,
    )


def spans_of(source: int, starts: np.ndarray, width: int) -> np.ndarray:
    """Spans [tokens, 3], see Encoded, of tokens of ``width`` bases of one sequence."""
    return np.stack([np.full_like(starts, source), starts, starts + width], axis=1)


class BaseEncoder:
    """A token is a base; those of a pair have an unknown one between them."""

    pad_id = len(BASES)
    fingerprint = "bases"

    def encode(self, texts: Sequence[Text], max_tokens: int, spans: bool = False) -> Encoded:
        ids = [base_codes("N".join(sequences_of(text))).astype(np.int64) for text in texts]
        parts = [part for text in texts for part in sequences_of(text)]
        unknown = sum(map(unknown_letters, parts)) / max(sum(map(len, parts)), 1)
        return cut(ids, [self._spans(text) for text in texts] if spans else None, max_tokens, unknown)

    def _spans(self, text: Text) -> np.ndarray:
        parts = [spans_of(source, np.arange(len(part)), 1) for source, part in enumerate(sequences_of(text))]
        between = [np.array([NO_BASES])] if len(parts) == 2 else []
        return np.concatenate([parts[0], *between, *parts[1:]])

    def save(self, folder: Path) -> None:
        """There is nothing to save."""


class KmerEncoder:
    """A token is a k-mer of known bases, others are left out; those of a pair's second follow those of its first."""

    pad_id = len(BASES) ** K
    fingerprint = f"{K}-mers"

    def encode(self, texts: Sequence[Text], max_tokens: int, spans: bool = False) -> Encoded:
        ids, places, every = [], [], 0
        for text in texts:
            numbers = [kmer_numbers(base_codes(part), K) for part in sequences_of(text)]
            starts = [np.flatnonzero(part >= 0) for part in numbers]
            every += sum(max(len(part) - K + 1, 0) for part in numbers)
            ids.append(
                np.concatenate([part[known] for part, known in zip(numbers, starts, strict=True)]).astype(np.int64)
            )
            places.append(np.concatenate([spans_of(source, part, K) for source, part in enumerate(starts)]))
        return cut(ids, places if spans else None, max_tokens, 1 - sum(map(len, ids)) / every if every else 0.0)

    def save(self, folder: Path) -> None:
        """There is nothing to save."""


def build(name: str, outputs: int) -> tuple[Baseline, BaseEncoder | KmerEncoder]:
    """A baseline with fresh weights, and its encoder. Raises ValueError for any other name."""
    if name == KmerRegression.name:
        return KmerRegression(outputs), KmerEncoder()
    if name == Cnn.name:
        return Cnn(outputs), BaseEncoder()
    raise ValueError(f"baseline {name!r} is neither {KmerRegression.name!r} nor {Cnn.name!r}")


def is_baseline(folder: Path) -> bool:
    """Whether a model folder holds a saved baseline."""
    return (folder / "config.json").is_file() and "baseline" in read_description(folder)


def read_baseline(folder: Path) -> tuple[Baseline, BaseEncoder | KmerEncoder]:
    """A saved baseline and its encoder. Raises UserError if its files are not as they were written."""
    try:
        described = read_description(folder)
        model, encoder = build(described["baseline"], described["outputs"])
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise UserError(f"{folder}: the baseline does not load ({first_line(error)}); fit it again") from error
    return model, encoder
