"""Integrated gradients (Sundararajan et al. 2017) by captum: the share of each base in a prediction.

The path goes from a baseline without bases to the sequence. For a model of tokens the baseline is the sequence with
[MASK] in place of every token of bases, [CLS] and [SEP] as they are: pre-training taught the model that this word means
"a word that you do not see", while a mean of embeddings is a word that it has never seen. The embeddings of the words
are interpolated. For the baseline ``cnn`` the path begins at zeros in all four channels, which is how it reads N.

The shares add up to the difference between the explained number (see mutagenesis.py) of the sequence and that of the
baseline, but for the error of the sum over steps, which is returned. Of both strands the mean is explained.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from captum.attr import LayerIntegratedGradients
from torch import Tensor, nn

from workflow_scripts.apply.mutagenesis import explained_values
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import OTHER, reverse_complement
from workflow_scripts.inference.baselines import Baseline, Cnn
from workflow_scripts.inference.encoding import collate
from workflow_scripts.inference.network import Network
from workflow_scripts.inference.outputs import Outputs
from workflow_scripts.inference.predictor import Predictor

STEPS = 50
"""Steps of the sum along the path; captum's default."""
BATCH = 16
"""Steps that are in memory together."""


class Gradients(NamedTuple):
    """The share of each base, float64 [bases], and by how much their sum misses the difference to the baseline."""

    shares: np.ndarray
    delta: float


def integrated_gradients(predictor: Predictor, sequence: str, target: int, steps: int = STEPS) -> Gradients:
    """The share of each base of a sequence in the explained number of output ``target``.

    The share of a token is spread evenly over its bases; of overlapping words a base has parts of several. Raises
    UserError for a model that has no gradient with respect to its tokens.
    """
    record = predictor.fitted
    strands = [sequence, reverse_complement(sequence)][: 1 + record.both_strands]
    shares, deltas = np.zeros((len(strands), len(sequence))), []
    for number, text in enumerate(strands):
        shares[number], delta = _of_strand(predictor, text, target, steps)
        deltas.append(delta)
    shares[1:] = shares[1:, ::-1]
    return Gradients(shares.mean(axis=0), float(np.mean(deltas)))


def _of_strand(predictor: Predictor, sequence: str, target: int, steps: int) -> tuple[np.ndarray, float]:
    """The shares [bases] in the number of one strand, and what they miss."""
    network, record = replace(predictor.network, precision="fp32"), predictor.fitted
    encoded = predictor.encoder.encode([sequence], record.max_tokens, spans=True)
    batch = collate(encoded, np.arange(1), 0, network.device)
    ids, spans = batch.pop("input_ids"), (encoded.spans or [])[0]
    rest = {name: tensor for name, tensor in batch.items() if name in network.arguments}
    value = _value(network, record.outputs, target, list(rest))
    has_bases = torch.from_numpy(spans[None, :, 0] >= 0).to(ids.device)
    masked = torch.where(has_bases, _empty(predictor), ids)
    layer, of_input = _layer(predictor)
    network.model.eval()
    shares = LayerIntegratedGradients(value, layer).attribute(
        ids,
        baselines=masked,
        additional_forward_args=tuple(rest.values()),
        n_steps=steps,
        internal_batch_size=BATCH,
        attribute_to_layer_input=of_input,
    )
    per_token = shares.detach().double().sum(dim=1 if of_input else 2)[0].cpu().numpy()
    with torch.no_grad():
        # a model may look at the ids too (ESM scales by the share of masks), so only the embeddings change
        at_baseline = value(masked, *rest.values()) if of_input else _replaced(layer, masked, value, ids, rest)
        difference = float(value(ids, *rest.values()) - at_baseline)
    return _spread(per_token, spans, len(sequence)), float(per_token.sum()) - difference


def _value(network: Network, outputs: Outputs, target: int, names: list[str]) -> Callable[..., Tensor]:
    """A function of tokens [rows, tokens] and the tensors of ``names`` that returns the explained number [rows]."""

    def value(ids: Tensor, *rest: Tensor) -> Tensor:
        logits = network.model(input_ids=ids, **dict(zip(names, rest, strict=True))).logits
        return explained_values(logits[None], outputs)[:, target]

    return value


def _replaced(layer: nn.Module, masked: Tensor, value: Callable[..., Tensor], ids: Tensor, rest: dict) -> Tensor:
    """The number of a sequence with the embeddings of ``masked``."""
    embedded = layer(masked)
    hook = layer.register_forward_hook(lambda *_: embedded)
    try:
        return value(ids, *rest.values())
    finally:
        hook.remove()


def _layer(predictor: Predictor) -> tuple[nn.Module, bool]:
    """The layer along which the path goes, and whether by its input. Raises UserError if there is none."""
    model: Any = predictor.network.model
    if isinstance(model, Cnn):
        return model.motifs, True
    if isinstance(model, Baseline) or predictor.fitted.head == "knn":
        kind = "counts" if isinstance(model, Baseline) else "votes of neighbours"
        raise UserError(f"{predictor.folder}: {kind} have no gradient along a sequence; explain it with --steps 0")
    try:
        return model.get_input_embeddings(), False
    except (NotImplementedError, AttributeError):
        raise UserError(f"{predictor.folder}: its code names no embeddings; explain it with --steps 0") from None


def _empty(predictor: Predictor) -> int:
    """The token that stands for no base in particular. Raises UserError if the tokenizer has none."""
    if isinstance(predictor.network.model, Baseline):
        return OTHER
    tokenizer = getattr(predictor.encoder, "tokenizer", None)
    for token in (getattr(tokenizer, "mask_token_id", None), getattr(tokenizer, "unk_token_id", None)):
        if token is not None:
            return token
    raise UserError(f"{predictor.folder}: its tokenizer has neither [MASK] nor [UNK]; explain it with --steps 0")


def _spread(per_token: np.ndarray, spans: np.ndarray, bases: int) -> np.ndarray:
    """Values of tokens, each spread evenly over its bases, [bases]."""
    found = np.zeros(bases)
    for value, (source, start, end) in zip(per_token, spans, strict=True):
        if source >= 0:
            found[start:end] += value / (end - start)
    return found
