"""Fits that leave the encoder as it is: embeddings once, then a linear probe or nearest neighbours on them.

What a probe or a vote cannot know it takes from the dev rows: the penalty, or the number of neighbours.
"""

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.progress import Progress
from workflow_scripts.finetune.datasets import Tokens
from workflow_scripts.finetune.initial_model import InitialModel
from workflow_scripts.finetune.problems import Problem
from workflow_scripts.inference.encoding import by_length
from workflow_scripts.inference.frozen_heads import LinearProbe, NearestNeighbours
from workflow_scripts.inference.network import Network, device_here, strand_mean
from workflow_scripts.settings.fit_settings import FitSettings

PENALTIES = tuple(10.0**power for power in range(-5, 2))
"""Weights of the squared norm in the mean loss of a probe, of standardised embeddings."""
NEIGHBOURS = (1, 3, 5, 11, 21, 51, 101)
ITERATIONS = 200  # of L-BFGS; the problem is convex
Choice = tuple[dict[str, float], nn.Module]
"""What was chosen, and the head that follows from it."""


class FrozenFit:
    """A frozen model with the best head by the dev rows; the same for any seed, unless rows are drawn by it."""

    def __init__(
        self,
        initial: InitialModel,
        problem: Problem,
        tokens: dict[str, Tokens],
        settings: FitSettings,
        metric: str,
        method: str,
    ):
        self.started = time.monotonic()
        device = device_here()
        self.model = initial.model.to(device).eval()
        for parameter in self.model.parameters():
            parameter.requires_grad = False
        self.network = Network(self.model, initial.encoder.pad_id, settings.precision, device)
        self.problem, self.tokens, self.settings, self.metric, self.method = problem, tokens, settings, metric, method
        self.done, self.best_step, self.per_epoch = 0, 0, 1
        self.losses: list[float] = []
        self.features: dict[str, torch.Tensor] = {}
        self.chosen: dict[str, float] = {}

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def train(self, _states: Path, _belongs_to: dict[str, Any]) -> None:
        """Embed all rows, and keep the head that scores best on the dev rows. No state is saved: it takes one pass."""
        self.model.classifier = nn.Identity()
        self.features = {split: self.embed(tokens) for split, tokens in self.tokens.items()}
        candidates = self.neighbours() if self.method == "knn" else self.probes()
        best = -math.inf
        for choice, head in candidates:
            self.model.classifier = head
            value = self.dev_value()
            if value > best:
                best, kept, self.chosen = value, head, choice
        self.model.classifier = kept
        values = self.predict("train")
        self.losses = [self.problem.scores(self.tokens["train"].labels, values)["loss"]]

    def dev_value(self) -> float:
        """What selects a head: the loss or the metric of the dev rows, the larger the better."""
        result = self.problem.scores(self.tokens["dev"].labels, self.predict("dev"))
        value = -result["loss"] if self.settings.selection == "loss" else result[self.metric]
        if value is None:
            raise UserError(f"dev rows: {self.metric} is not defined for their labels; set selection to loss")
        return value

    @torch.no_grad()
    def embed(self, tokens: Tokens) -> torch.Tensor:
        """The pooled embedding of every text, float32 [texts, width]."""
        encoded, size = tokens.encoded, self.settings.micro_batch_size or self.settings.batch_size
        found = torch.empty(0)
        with Progress(math.ceil(len(encoded.ids) / size), "batch", "embedding") as progress:
            for entries in by_length(encoded, size):
                vectors = self.network.logits(encoded, entries)
                if not len(found):
                    found = torch.empty(len(encoded.ids), vectors.shape[1], device=vectors.device)
                found[torch.from_numpy(entries).to(vectors.device)] = vectors
                progress.step()
        return found

    def training_features(self) -> torch.Tensor:
        """The embeddings of the training rows, without their reverse complements."""
        return self.features["train"][: len(self.tokens["train"].labels)]

    def scale(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation [width] of the training embeddings; of constant ones the deviation is 1."""
        features = self.training_features().double()
        deviation = features.std(dim=0, correction=0)
        return features.mean(dim=0), torch.where(deviation > 1e-8, deviation, 1.0)

    def probes(self) -> Iterator[Choice]:
        """A linear layer for each penalty, from the strongest, each starting where the one before ended."""
        mean, deviation = self.scale()
        features = (self.training_features().double() - mean) / deviation
        labels = self.tokens["train"].labels
        targets = torch.from_numpy(self.problem.targets(labels)).to(features.device)
        weights = torch.from_numpy(self.problem.row_weights(labels)).to(features.device).double()
        targets = targets.double() if targets.is_floating_point() else targets
        shape = (features.shape[1], self.problem.outputs.size)
        coefficients = torch.zeros(shape, dtype=torch.float64, device=features.device, requires_grad=True)
        intercept = torch.zeros(shape[1], dtype=torch.float64, device=features.device, requires_grad=True)

        def loss(penalty: float) -> torch.Tensor:
            losses = self.problem.losses(features @ coefficients + intercept, targets) * weights
            return losses.sum() / weights.sum() + penalty / 2 * coefficients.square().sum()

        for penalty in sorted(PENALTIES, reverse=True):
            minimise(partial(loss, penalty), [coefficients, intercept])
            head = LinearProbe(shape[0], self.problem.outputs).to(features.device)
            with torch.no_grad():
                scaled = coefficients / deviation[:, None]
                head.weight.copy_(scaled.T)
                head.bias.copy_(intercept - mean @ scaled)
            yield {"penalty": penalty}, head

    def neighbours(self) -> Iterator[Choice]:
        """A vote of each number of neighbours, up to that of the training rows."""
        labels, outputs = self.tokens["train"].labels, self.problem.outputs
        values = np.eye(outputs.size)[labels] if outputs.problem == "classification" else self.problem.targets(labels)
        mean, deviation = self.scale()
        for number in [count for count in NEIGHBOURS if count <= len(labels)]:
            head = NearestNeighbours(len(mean), outputs, len(labels)).to(mean.device)
            head.mean.copy_(mean)
            head.deviation.copy_(deviation)
            head.rows.copy_(head.unit_vectors(self.training_features()))
            head.values.copy_(torch.from_numpy(values.reshape(len(labels), -1)))
            head.k.fill_(number)
            yield {"neighbours": float(number)}, head

    @torch.no_grad()
    def predict(self, split: str) -> np.ndarray:
        """As Fit.predict, from the embeddings."""
        tokens, features = self.tokens[split], self.features[split]
        rows = len(tokens.labels) * (1 + (self.settings.both_strands and len(features) > len(tokens.labels)))
        parts = [self.problem.outputs.values(self.model.classifier(part)) for part in features[:rows].split(1024)]
        return strand_mean(torch.cat(parts).cpu().numpy().astype(np.float64), len(tokens.labels))


def minimise(loss: Callable[[], torch.Tensor], parameters: list[torch.Tensor]) -> None:
    """Move the parameters to the minimum of a convex loss."""
    optimizer = torch.optim.LBFGS(parameters, max_iter=ITERATIONS, tolerance_grad=1e-6, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)
