"""Load any model and use it: tokens with their bases, predictions, embeddings.

    model = load("results/finetune/dnabert2/full/promoter/tata/seed42/model")
    model.predict(["ACGTTGCA", "TTTACCGA"]).probabilities     # [texts, classes]
    model.embed(["ACGTTGCA", "TTTACCGA"])                     # [texts, hidden size]
    model.encode(["ACGTTGCA", "TTTACCGA"]).spans[0]           # [tokens, 3]: sequence, start, end

What loads is a directory in the format of the Hugging Face library, of this project or another's, DNABERT-2 as
published, and the model folder of any fit: all weights, an adapter, a head on a frozen encoder, or a baseline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from workflow_scripts.common.errors import UserError
from workflow_scripts.inference import adapters, baselines, fit_record
from workflow_scripts.inference.encoding import Encoded, Encoder, Text, canonical_texts, other_strand
from workflow_scripts.inference.fit_record import FitRecord
from workflow_scripts.inference.models import Pretrained, read_pretrained
from workflow_scripts.inference.network import Network, device_here, strand_mean
from workflow_scripts.inference.outputs import Outputs, Predictions
from workflow_scripts.inference.pooled import HEAD_FILE

# problem_type of the library -> ours; the library's default depends on the labels of a batch
HUB_PROBLEMS = {"regression": "regression", "multi_label_classification": "multilabel"}


class Read(NamedTuple):
    """What a model says about texts: ``values``, float64 [texts] of a regression, else [texts, outputs], see
    Outputs.values; ``cut``: which of them it did not read to their end, bool [texts]."""

    values: np.ndarray
    cut: np.ndarray


@dataclass(frozen=True)
class Predictor:
    """A model that is ready to use. ``record`` says how it reads texts; None in a model that has not been fitted.

    Results are in the order of the texts and do not depend on the batch size, which bounds the memory. Sequences may be
    in lower case or RNA. All methods raise UserError for one that is empty or has letters that are no nucleotide codes.
    """

    folder: Path
    network: Network
    encoder: Encoder
    record: FitRecord | None

    def encode(self, texts: Sequence[Text]) -> Encoded:
        """The tokens of texts, cut as in the fit, with the bases that each stands for, see Encoded."""
        return self.encoder.encode(canonical_texts(texts), self._max_tokens, spans=True)

    def predict(self, texts: Sequence[Text], batch_size: int = 64) -> Predictions:
        """Classes, numbers on the scale of the labels, or several labels, see Predictions; as in the fit.

        Raises UserError if the model has not been fitted.
        """
        values = self.read(texts, batch_size).values
        return self.fitted.outputs.predictions(values)

    def read(self, texts: Sequence[Text], batch_size: int = 64, both_strands: bool = False) -> Read:
        """What the model says about texts, see Read. ``both_strands``: the mean over them also if not so in the fit.

        Raises UserError if the model has not been fitted.
        """
        read = canonical_texts(texts)
        if both_strands or self.fitted.both_strands:
            read += list(map(other_strand, read))
        encoded = self.encoder.encode(read, self._max_tokens)
        values = self.network.values(encoded, self.fitted.outputs, batch_size)
        assert encoded.cut is not None  # only tokens from the cache of fits do without
        return Read(strand_mean(values, len(texts)), np.asarray(encoded.cut.reshape(-1, len(texts)).any(axis=0)))

    def embed(
        self,
        texts: Sequence[Text],
        layer: int | Sequence[int] = -1,
        pooling: Literal["mean", "first"] = "mean",
        batch_size: int = 64,
    ) -> np.ndarray:
        """One vector a text, float32 [texts, hidden size].

        ``layer``: 0 is the output of the embedding, n that of layer n, -1 that of the last; of several the mean.
        ``pooling``: "mean" over the tokens of a text, special ones included, or its "first" token, [CLS]. Raises
        UserError for a layer that the model does not have, and for a baseline, which has none.
        """
        order, vectors = [], []
        for entries, states, lengths in self._hidden_states(texts, layer, batch_size):
            pooled = states[:, 0]
            if pooling == "mean":
                tokens = torch.arange(states.shape[1], device=states.device) < lengths[:, None]
                pooled = (states * tokens[:, :, None]).sum(dim=1) / lengths[:, None]
            order.append(entries)
            vectors.append(pooled.cpu().numpy())
        return np.concatenate(vectors)[np.argsort(np.concatenate(order))]

    def embed_tokens(
        self, texts: Sequence[Text], layer: int | Sequence[int] = -1, batch_size: int = 64
    ) -> list[np.ndarray]:
        """The vector of every token, of each text float32 [tokens, hidden size]; :meth:`encode` gives their bases."""
        found: dict[int, np.ndarray] = {}
        for entries, states, lengths in self._hidden_states(texts, layer, batch_size):
            rows = states.cpu().numpy()
            found |= {entry: rows[row, : lengths[row]] for row, entry in enumerate(entries.tolist())}
        return [found[entry] for entry in range(len(texts))]

    def embed_bases(
        self, texts: Sequence[str], layer: int | Sequence[int] = -1, batch_size: int = 64
    ) -> list[np.ndarray]:
        """The vector of every base, of each sequence float32 [bases, hidden size].

        It is the mean over the tokens that cover the base, one of most tokenizers; NaN where none does, after a cut.
        """
        spans = self.encode(texts).spans
        assert spans is not None
        vectors = self.embed_tokens(texts, layer, batch_size)
        return [mean_by_base(*found) for found in zip(vectors, spans, map(len, texts), strict=True)]

    def _hidden_states(
        self, texts: Sequence[Text], layer: int | Sequence[int], batch_size: int
    ) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor]]:
        """See Network.hidden_states."""
        if isinstance(self.network.model, baselines.Baseline):
            raise UserError(f"{self.folder}: a baseline has no hidden states; embed with a pre-trained model")
        layers = [layer] if isinstance(layer, int) else layer
        try:
            encoded = self.encoder.encode(canonical_texts(texts), self._max_tokens)
            yield from self.network.hidden_states(encoded, layers, batch_size)
        except IndexError:
            named = ", ".join(map(str, layers))
            raise UserError(f"{self.folder}: layer {named}: the model has no such layer; -1 is the last") from None

    @property
    def fitted(self) -> FitRecord:
        """The record. Raises UserError if the model has not been fitted."""
        if self.record is None:
            raise UserError(f"{self.folder}: its head was never fitted, so it predicts nothing; fit the model first")
        return self.record

    @property
    def _max_tokens(self) -> int:
        return 0 if self.record is None else self.record.max_tokens


def mean_by_base(vectors: np.ndarray, spans: np.ndarray, bases: int) -> np.ndarray:
    """The mean [bases, size] over the tokens that cover each base, of ``vectors`` [tokens, size] and ``spans``, see
    Encoded; NaN where there is none."""
    total, cover = np.zeros((bases, vectors.shape[1])), np.zeros(bases)
    for vector, (source, start, end) in zip(vectors, spans, strict=True):
        if source == 0:
            total[start:end] += vector
            cover[start:end] += 1
    with np.errstate(invalid="ignore"):
        return (total / cover[:, None]).astype(np.float32)


def load(directory: str | Path, kmer: int = 0, trust_remote_code: bool = False, base: str | Path = "") -> Predictor:
    """The model of a directory, on the GPU if this process has one.

    ``kmer``: of a model from elsewhere, the length of the overlapping k-mers it reads (DNABERT); a fit knows its own.
    ``trust_remote_code``: run Python files of the directory, if its architecture needs them. ``base``: where the model
    of an adapter is, if not where it was during the fit.

    Raises UserError if the directory holds no model that loads.
    """
    folder = Path(directory)
    model: nn.Module
    encoder: Encoder
    record: FitRecord | None
    if (folder / adapters.CONFIG).is_file():
        model, encoder, record = adapters.read_adapted(folder, base, trust_remote_code)
    elif adapters.is_frozen(folder):
        model, encoder, record = adapters.read_frozen(folder, base, trust_remote_code)
    elif baselines.is_baseline(folder):
        model, encoder = baselines.read_baseline(folder)
        record = FitRecord.read(folder)
    else:
        pretrained, record = read_whole(folder, kmer, trust_remote_code)
        model, encoder = pretrained.model, pretrained.encoder
    device = device_here()
    precision = "fp32" if record is None else record.precision
    return Predictor(folder, Network(model.to(device), encoder.pad_id, precision, device), encoder, record)


def read_whole(folder: Path, kmer: int, trust_remote_code: bool) -> tuple[Pretrained, FitRecord | None]:
    """The model of a directory with all weights, and its record: of a fit its own, of others None.

    A model that was fitted elsewhere has weights for its head; its record is what its configuration says.
    """
    if (folder / fit_record.NAME).is_file():
        record = FitRecord.read(folder)
        pooling = record.pooling if (folder / HEAD_FILE).is_file() else None
        pretrained = read_pretrained(folder, record.kmer, trust_remote_code, record.outputs.size, pooling)
        if pretrained.fresh_head:
            raise UserError(f"{folder}: the weights of the head are missing; fit the model again")
        return pretrained, record
    pretrained = read_pretrained(folder, kmer, trust_remote_code)
    if pretrained.fresh_head:
        return pretrained, None
    config: Any = pretrained.model.config
    problem = "regression" if config.num_labels == 1 else HUB_PROBLEMS.get(config.problem_type, "classification")
    names = [str(name) for _, name in sorted(config.id2label.items())]
    unnamed = names == [f"LABEL_{number}" for number in range(config.num_labels)]  # the library's own default
    return pretrained, FitRecord(Outputs(problem, config.num_labels), kmer, classes=[] if unnamed else names)
