"""Reads the log of a pre-training."""

import json
import math
from pathlib import Path

from workflow_scripts.common.errors import UserError

Curves = dict[str, list[dict[str, float]]]
"""The points of a training curve, each with ``step`` and ``loss``, for "train" and "validation"."""


def read_training_log(path: Path) -> Curves:
    """Read the losses of [MASK] places of a log.jsonl; those that are not finite are left out."""
    if not path.is_file():
        raise UserError(f"{path}: no such log; run the pre-training, or leave out the option")
    curves: Curves = {"train": [], "validation": []}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            step = row["step"]
        except (json.JSONDecodeError, KeyError, TypeError):
            raise UserError(f"{path}:{number}: not a log entry with a step; repair or remove the line") from None
        for kind, name in (("train", "training_mask_loss"), ("validation", "mask_loss")):
            loss = row.get(name)
            if loss is not None and math.isfinite(loss):
                curves[kind].append({"step": step, "loss": loss})
    return curves
