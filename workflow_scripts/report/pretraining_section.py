"""The pre-trained models on the page: their losses of [MASK] places next to those of simpler predictors."""

from pathlib import Path
from typing import Any

from workflow_scripts.common.json_objects import read_object
from workflow_scripts.report.training_log import read_training_log

MODEL_FACTS = (
    *("model", "parameters", "steps", "tokens_seen", "hardware"),
    *("mask_loss", "mask_accuracy", "mask_bits_per_base", "references"),
)


def model_row(path: Path) -> dict[str, Any]:
    """The summary of a model with the best Markov models and ``gain``, nats below the best of the token predictors.

    A summary of an older version has no [MASK] losses, and its row no figures.
    """
    row = dict.fromkeys(MODEL_FACTS) | read_object(path) | {"file": path}
    references: dict[str, Any] = row["references"] or {}
    row["unigram_loss"] = references.get("unigram_loss")
    row["both_sides_loss"] = min(references.get("both_sides_loss") or [], default=None)
    row["markov_bits_per_base"] = min(references.get("markov_bits_per_base") or [], default=None)
    row["copying"] = (references.get("copy") or {}).get("bits_per_base")
    rivals = [value for value in (row["unigram_loss"], row["both_sides_loss"]) if value is not None]
    row["gain"] = min(rivals) - row["mask_loss"] if rivals and row["mask_loss"] is not None else None
    return row


def pretraining(summaries: list[Path], logs: list[Path]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The row of each pre-trained model and the curves of each log; files in the same folder belong together."""
    by_folder = {path.parent: model_row(path) for path in summaries}
    curves = []
    for path in logs:
        row = by_folder.get(path.parent, {})
        facts = {"model": row.get("model", path.parent.name), "unigram": row.get("unigram_loss")}
        curves.append(facts | read_training_log(path))
    return list(by_folder.values()), curves
