"""In-silico mutagenesis: what a change of each base does to the number that a model predicts.

The number is the log odds of a class against all others, of a label, or the prediction of a regression in its own unit.
It is computed from logits in 32 bits, whatever the precision of the fit: a probability near 1 has no digits left for
small effects, and the rounding of bf16 is larger than most of them. With both strands it is the log odds of the mean
probability, which is what ``Predictor.predict`` returns.
"""

import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from workflow_scripts.common.sequences import BASES, OTHER, base_codes, reverse_complement
from workflow_scripts.inference.encoding import by_length
from workflow_scripts.inference.outputs import Outputs
from workflow_scripts.inference.predictor import Predictor

BATCH = 64
ENCODED = 4096
"""Changed sequences that are in memory together."""


def explained_values(logits: Tensor, outputs: Outputs) -> Tensor:
    """The explained number of each output, float64 [texts, outputs], of logits [strands, texts, outputs]."""
    logits = logits.double()
    if outputs.problem == "regression":
        return (logits * outputs.deviation + outputs.mean).mean(dim=0)
    odds = logits
    if outputs.problem == "classification":
        itself = torch.eye(outputs.size, dtype=torch.bool, device=logits.device)
        others = logits[..., None, :].expand(*logits.shape, outputs.size).masked_fill(itself, -math.inf)
        odds = logits - others.logsumexp(dim=-1)
    # the log odds of the mean probability; the two means lack the same constant, the log of the number of strands
    return functional.logsigmoid(odds).logsumexp(dim=0) - functional.logsigmoid(-odds).logsumexp(dim=0)


@torch.no_grad()
def values_of(predictor: Predictor, sequences: list[str]) -> np.ndarray:
    """The explained number of each output for some sequences in canonical letters, float64 [sequences, outputs]."""
    record, network = predictor.fitted, replace(predictor.network, precision="fp32")
    read = sequences + (list(map(reverse_complement, sequences)) if record.both_strands else [])
    encoded = predictor.encoder.encode(read, record.max_tokens)
    network.model.eval()
    logits = torch.empty((len(read), record.outputs.size), dtype=torch.float64)
    for entries in by_length(encoded, BATCH):
        logits[entries] = network.logits(encoded, entries).double().cpu()
    return explained_values(logits.view(-1, len(sequences), record.outputs.size), record.outputs).numpy()


def token_spans(predictor: Predictor, sequence: str) -> np.ndarray:
    """First base and end of each token that stands for bases, int [tokens, 2]."""
    encoded = predictor.encoder.encode([sequence], predictor.fitted.max_tokens, spans=True)
    assert encoded.spans is not None
    (spans,) = encoded.spans
    return spans[spans[:, 0] >= 0, 1:]


def bases_read(predictor: Predictor, sequence: str) -> np.ndarray:
    """Whether the model reads each base on any strand, bool [bases]: not those after its longest input."""
    read = np.zeros(len(sequence), dtype=bool)
    read[: token_spans(predictor, sequence)[:, 1].max(initial=0)] = True
    if predictor.fitted.both_strands:
        other = token_spans(predictor, reverse_complement(sequence))[:, 1].max(initial=0)
        read[len(sequence) - other :] = True
    return read


def mutagenesis(predictor: Predictor, sequence: str, target: int, part: tuple[int, int] | None = None) -> np.ndarray:
    """The change of the explained number of output ``target`` by each change of a base, float64 [bases, 4].

    Columns are A, C, G and T; that of the base itself is 0. Rows of unknown letters and of bases that the model does
    not read are NaN. A change is judged as the model sees it: with BPE one base may change several tokens around it.
    ``part``: start and end of the bases that are changed, all if it is not given; rows of the others are NaN.
    """
    codes = base_codes(sequence)
    places = np.flatnonzero((codes < OTHER) & bases_read(predictor, sequence))
    if part is not None:
        places = places[(places >= part[0]) & (places < part[1])]
    effects = np.full((len(sequence), len(BASES)), np.nan)
    effects[places] = 0
    changes = [(place, base) for place in places.tolist() for base in range(len(BASES)) if base != codes[place]]
    reference = values_of(predictor, [sequence])[0, target]
    for start in range(0, len(changes), ENCODED):
        some = changes[start : start + ENCODED]
        mutants = [sequence[:place] + BASES[base] + sequence[place + 1 :] for place, base in some]
        rows, columns = np.array(some).T
        effects[rows, columns] = values_of(predictor, mutants)[:, target] - reference
    return effects


def importance(effects: np.ndarray) -> np.ndarray:
    """The importance of each base, [bases], from the effects of its changes [bases, 4]: minus their mean.

    Above 0 the base supports the prediction: changing it lowers the number. The mean keeps the sign, so noise around
    zero averages out, which a mean of absolute effects would turn into importance of every base.
    """
    return -effects.sum(axis=1) / (len(BASES) - 1)
