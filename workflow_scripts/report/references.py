"""Scores that others have published, with which ours are compared: the paper's, and those of independent re-runs.

The paper's are in config/paper_results.tsv, means over three seeds without a spread. Those of re-runs are in
config/reruns.tsv, which has the score of every replicate, its setting and its source.
"""

import dataclasses
from collections.abc import Sequence
from os import PathLike

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import numbered_rows
from workflow_scripts.common.fit_results import Key
from workflow_scripts.report.paper import Cells

PAPER = "paper"
PAPER_SEEDS = 3


@dataclasses.dataclass(frozen=True)
class Quoted:
    """A published score x 100: mean, standard deviation over the seeds (``None`` if not published), seeds, metric.

    ``collapsed`` counts the replicates that learned nothing; they are part of the mean. ``None`` if it is not known.
    """

    metric: str
    mean: float
    sd: float | None
    seeds: int
    collapsed: int | None = None


@dataclasses.dataclass(frozen=True)
class Reference:
    """The scores of a model by data set, and who published them."""

    source: str
    model: str
    scores: dict[Key, Quoted]


def of_paper(cells: Cells, metrics: dict[Key, str]) -> list[Reference]:
    """The paper's models; ``metrics``: its metric by data set."""
    return [
        Reference(PAPER, model, {key: Quoted(metrics[key], mean, None, PAPER_SEEDS) for key, mean in scores.items()})
        for model, scores in cells.items()
    ]


def read_reruns(path: str | PathLike) -> list[Reference]:
    """Read the scores of re-runs; UserError with file and line for a score that is no number or a repeated row."""
    found: dict[tuple[str, str], Reference] = {}
    for line, row in numbered_rows(path):
        try:
            scores = [float(text) for text in row["scores"].split()]
            name, key = (row["source"], row["model"]), (row["task"], row["dataset"])
            quoted = summarize(row["metric"], scores)
        except KeyError as error:
            raise UserError(f"{path}:{line}: no column {error.args[0]}") from None
        except ValueError as error:
            raise UserError(f"{path}:{line}: scores is {row['scores']!r}, not numbers x 100: {error}") from None
        reference = found.setdefault(name, Reference(*name, {}))
        if key in reference.scores:
            raise UserError(f"{path}:{line}: a second row of {name[1]} on {'/'.join(key)} by {name[0]}; keep one")
        reference.scores[key] = quoted
    return list(found.values())


def summarize(metric: str, scores: Sequence[float]) -> Quoted:
    """Mean, spread and collapsed replicates of one model on one data set. Raises ValueError for no scores.

    Re-runs do not say which fits collapsed: a replicate is counted if it has less than half the median score.
    """
    if not scores:
        raise ValueError("no scores")
    half = float(np.median(scores)) / 2
    collapsed = sum(score < half for score in scores)
    sd = float(np.std(scores, ddof=1)) if len(scores) > 1 else None
    return Quoted(metric, float(np.mean(scores)), sd, len(scores), collapsed)
