"""Scores of variants by any model: likelihood, distance of embeddings, change of a prediction, and trivial floors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from workflow_scripts.apply.masked_likelihood import MaskedLikelihood
from workflow_scripts.apply.models import Ensemble
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.inference.predictor import Predictor

Pairs = Sequence[tuple[str, str]]
"""Windows of the reference and the alternative allele."""
KINDS = ("likelihood", "embedding", "prediction")
TINIEST = 1e-38  # the smallest normal number of 32 bits: odds of a certain class stay finite
ROUNDING = 2.0**-24  # of numbers near 1 in 32 bits


class Score(NamedTuple):
    """What a column holds. ``worse``: which values are expected of variants that break something: "low", "high", or
    "both" for the size without the sign; a floor has no direction, so "both" or each."""

    name: str
    meaning: str
    worse: str


FLOORS = (
    Score(
        "token_change", "tokens of the alternative minus those of the reference window, mean of both strands", "high"
    ),
    Score("length_change", "bases of the alternative allele minus those of the reference", "low"),
    Score("gc_change", "G and C of the alternative allele minus those of the reference", "low"),
)
"""What explains a score without any model."""


@dataclass(frozen=True)
class Scorer:
    """``models`` and which of KINDS they give; ``layers``: of the embeddings; ``both_strands``: in predictions, also
    if not so in the fit. Likelihoods and embeddings are the mean over both strands and over the models."""

    models: list[Predictor]
    likelihoods: list[MaskedLikelihood]
    layers: list[int]
    ensemble: Ensemble | None
    both_strands: bool

    @cached_property
    def scores(self) -> list[Score]:
        """What :meth:`values` returns, in its order."""
        return [*FLOORS, *self._zero_shot_scores(), *self._prediction_scores()]

    def values(self, pairs: Pairs) -> np.ndarray:
        """The scores of some windows [pairs, scores]; NaN where a model gives none."""
        columns = [*self._floors(pairs)]
        if self.likelihoods:
            columns.append(np.mean([model.log_odds(pairs) for model in self.likelihoods], axis=0))
        for layer in self.layers:
            columns += list(np.mean([distances(model, pairs, layer) for model in self.models], axis=0))
        if self.ensemble:
            columns += list(self._changes(pairs, self.ensemble))
        return np.stack(columns, axis=1)

    def _zero_shot_scores(self) -> Iterator[Score]:
        if self.likelihoods:
            meaning = "log-odds of the alternative against the reference allele, pseudo-log-likelihood of the tokens"
            yield Score("llr", f"{meaning} that differ, mean of both strands (nats)", "low")
        for layer in self.layers:
            name = layer_name(layer)
            where = f"mean embeddings of layer {layer} of both windows, mean of both strands"
            yield Score(f"cosine_{name}", f"1 - cosine of the {where}", "high")
            yield Score(f"l2_{name}", f"Euclidean distance of the {where}", "high")

    def _prediction_scores(self) -> Iterator[Score]:
        for name in self._outputs:
            what = "predicted value" if self._regression else f"probability of {name}"
            yield Score(f"delta_{name}", f"{what} with the alternative minus with the reference allele", "low")
            if self._several:
                yield Score(f"sd_delta_{name}", f"standard deviation of delta_{name} over the models", "high")
            if not self._regression:
                yield Score(f"logit_{name}", f"change of the log-odds of {name}, alternative minus reference", "low")

    @property
    def _several(self) -> bool:
        return len(self.models) > 1

    @property
    def _regression(self) -> bool:
        return self.ensemble is not None and not self.ensemble.classes

    @property
    def _outputs(self) -> list[str]:
        """Names of what has a score: the value, the labels, or the classes, of two the second."""
        if self.ensemble is None:
            return []
        return (self.ensemble.classes or ["value"])[self._first_output :]

    @property
    def _first_output(self) -> int:
        found = self.ensemble
        return int(found is not None and found.record.outputs.problem == "classification" and len(found.classes) == 2)

    def _floors(self, pairs: Pairs) -> Iterator[np.ndarray]:
        """The values of FLOORS."""
        tokens = np.mean([token_changes(model, pairs) for model in self.models], axis=0)
        lengths = [len(alternative) - len(reference) for reference, alternative in pairs]
        contents = [gc_bases(alternative) - gc_bases(reference) for reference, alternative in pairs]
        yield from (tokens, np.array(lengths, dtype=float), np.array(contents, dtype=float))

    def _changes(self, pairs: Pairs, ensemble: Ensemble) -> Iterator[np.ndarray]:
        """The values of the scores of predictions."""
        texts, places = unique([text for pair in pairs for text in pair])
        values = ensemble.read(texts, self.both_strands).values[:, places]
        odds = log_odds(values, ensemble.record.outputs.problem)
        deltas, logits = (found[:, 1::2] - found[:, ::2] for found in (values, odds))
        for output in range(self._first_output, values.shape[2]):
            yield deltas[:, :, output].mean(axis=0)
            if self._several:
                yield deltas[:, :, output].std(axis=0, ddof=1)
            if not self._regression:
                yield logits[:, :, output].mean(axis=0)


def layer_name(layer: int) -> str:
    """A layer in the name of a score: its number, ``last``, or ``last-1`` for the one before."""
    return str(layer) if layer >= 0 else "last" if layer == -1 else f"last{layer + 1}"


def log_odds(values: np.ndarray, problem: str) -> np.ndarray:
    """Log-odds of probabilities [..., outputs], finite for certain ones; the numbers of a regression as they are."""
    if problem == "regression":
        return values
    if problem == "classification":
        others = values @ (1 - np.eye(values.shape[-1]))  # the sum keeps digits that 1 - p has lost
    else:
        others = np.maximum(1 - values, ROUNDING)
    return np.log(np.maximum(values, TINIEST)) - np.log(np.maximum(others, TINIEST))


def distances(model: Predictor, pairs: Pairs, layer: int) -> np.ndarray:
    """Cosine distance and Euclidean distance [2, pairs] of both alleles' mean embeddings, mean over both strands."""
    forward = [text for pair in pairs for text in pair]
    texts, places = unique([*forward, *map(reverse_complement, forward)])
    vectors = model.embed(texts, layer).astype(np.float64)[places]
    reference, alternative = vectors[::2], vectors[1::2]
    sizes = np.linalg.norm(reference, axis=1) * np.linalg.norm(alternative, axis=1)
    # rounding makes the cosine of two equal vectors a little more or less than 1
    same = (reference == alternative).all(axis=1)
    cosine = np.where(same, 0.0, 1 - (reference * alternative).sum(axis=1) / sizes)
    found = np.stack([cosine, np.linalg.norm(reference - alternative, axis=1)])
    return found.reshape(2, 2, -1).mean(axis=1)


def token_changes(model: Predictor, pairs: Pairs) -> np.ndarray:
    """Tokens of the alternative minus those of the reference window, mean over both strands [pairs]."""
    forward = [text for pair in pairs for text in pair]
    texts, places = unique([*forward, *map(reverse_complement, forward)])
    counts = np.array([len(ids) for ids in model.encode(texts).ids])[places]
    return (counts[1::2] - counts[::2]).reshape(2, -1).mean(axis=0)


def gc_bases(text: str) -> int:
    """How many letters are G or C."""
    return text.count("G") + text.count("C")


def unique(texts: list[str]) -> tuple[list[str], list[int]]:
    """The different texts, in order of their first places, and the number of each text among them."""
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(text, len(numbers)) for text in texts]
    return list(numbers), places
