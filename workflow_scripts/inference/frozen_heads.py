"""Heads on frozen embeddings: a linear layer, and the votes of the nearest training rows."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from workflow_scripts.inference.outputs import Outputs


class LinearProbe(nn.Linear):
    """A linear layer on the pooled embeddings [rows, width]."""

    def __init__(self, width: int, outputs: Outputs):
        super().__init__(width, outputs.size)


class NearestNeighbours(nn.Module):
    """The mean over the ``k`` training rows that are nearest by the cosine of standardised embeddings.

    Buffers: ``mean`` and ``deviation`` [width] of the training rows; their unit vectors ``rows`` [rows, width];
    ``values`` [rows, outputs], of classes 0 or 1, of labels 0 or 1, of numbers in standard deviations; and ``k``.
    """

    mean: Tensor
    deviation: Tensor
    rows: Tensor
    values: Tensor
    k: Tensor

    def __init__(self, width: int, outputs: Outputs, rows: int):
        super().__init__()
        self.problem = outputs.problem
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))
        self.register_buffer("rows", torch.zeros(rows, width))
        self.register_buffer("values", torch.zeros(rows, outputs.size))
        self.register_buffer("k", torch.tensor(1))

    def unit_vectors(self, features: Tensor) -> Tensor:
        """Standardised embeddings [rows, width] of length one."""
        return functional.normalize((features.float() - self.mean) / self.deviation, dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """Embeddings [rows, width] to logits [rows, outputs], of which no vote is certain: each class has one more."""
        nearest = (self.unit_vectors(features) @ self.rows.T).topk(int(self.k), dim=1).indices
        found = self.values[nearest]
        if self.problem == "regression":
            return found.mean(dim=1)
        votes, k = found.sum(dim=1), int(self.k)
        if self.problem == "classification":
            return ((votes + 1 / votes.shape[1]) / (k + 1)).log()
        shares = (votes + 0.5) / (k + 1)
        return shares.logit()


def read_head(method: str, outputs: Outputs, weights: dict[str, Tensor]) -> nn.Module:
    """A saved head. Raises RuntimeError if the weights are not its own."""
    head: nn.Module
    if method == "knn":
        head = NearestNeighbours(weights["rows"].shape[1], outputs, len(weights["rows"]))
    else:
        head = LinearProbe(weights["weight"].shape[1], outputs)
    head.load_state_dict(weights)
    return head
