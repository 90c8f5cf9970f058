"""The plateau of a model that learns nothing from context: it predicts the tokens' frequencies, whatever the input."""

from collections.abc import Iterable
from typing import Any

from workflow_scripts.settings.pretrain import Training

# Of the loss of the frequencies: 0.05 of 7.1 nats. Models on the plateau were 0.4% and 0.6% below the frequencies,
# because the visible tokens tell the composition of a sequence; the slowest that left it 2.6% (docs/learning.md).
MARGIN = 0.007


def validations_without_progress(log: Iterable[dict[str, Any]], warmup_steps: int, unigram_loss: float) -> int:
    """Validations in a row, at the end of a log, in which the model sat on the plateau and did not move.

    Only validations after the warm-up count. ``unigram_loss`` is the cross-entropy of the training tokens' frequencies
    at the [MASK] places of the validation. A [MASK] loss that is below it by MARGIN is off the plateau, and one that
    has fallen as much since the row began is on its way: both end the row.
    """
    row, began = 0, float("inf")
    for entry in log:
        loss = entry.get("mask_loss")
        if loss is None or entry["step"] <= warmup_steps:
            continue
        if loss <= max(unigram_loss, began) - MARGIN * unigram_loss:
            row, began = 0, loss
        else:
            row += 1
    return row


def verdict(log: Iterable[dict[str, Any]], training: Training, unigram_loss: float) -> str | None:
    """Why a training stops, if it has had as many validations without progress as ``stop_on_plateau``; else None."""
    row = validations_without_progress(log, training.warmup_steps, unigram_loss)
    if row < training.stop_on_plateau:
        return None
    return (
        f"stopped on the plateau: in {row} validations the loss of [MASK] places was not {MARGIN:.1%} below "
        f"{unigram_loss:.3f}, that of the training tokens' frequencies, and fell no further: the model learns nothing "
        "from context; remove the state and try another learning_rate, warmup_steps, a smaller vocabulary or "
        "initial_embeddings: spelling, or go on with stop_on_plateau: 0"
    )
