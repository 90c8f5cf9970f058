"""The losses of a sequence classifier, as the sequence classifiers of transformers compute them."""

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PretrainedConfig


def sequence_loss(logits: Tensor, labels: Tensor, config: PretrainedConfig) -> Tensor:
    """The mean loss of ``logits`` [batch, outputs] by ``config.problem_type``.

    ``regression``: squared error, labels [batch, outputs], of one output also [batch]. ``single_label_classification``:
    cross-entropy, labels [batch], -100 is ignored. ``multi_label_classification``: binary cross-entropy, labels [batch,
    outputs]. A problem type of None is set by the first labels, as in transformers: one output is a regression, whole
    numbers are classes, others are several labels.

    Raises RuntimeError if the shapes of labels and logits do not match.
    """
    if config.problem_type is None:
        if config.num_labels == 1:
            config.problem_type = "regression"
        elif labels.dtype in (torch.long, torch.int):
            config.problem_type = "single_label_classification"
        else:
            config.problem_type = "multi_label_classification"
    logits = logits.float()
    if config.problem_type == "single_label_classification":
        return functional.cross_entropy(logits, labels.reshape(-1))
    targets = labels.to(logits.dtype).reshape(logits.shape)
    if config.problem_type == "regression":
        return functional.mse_loss(logits, targets)
    return functional.binary_cross_entropy_with_logits(logits, targets)
