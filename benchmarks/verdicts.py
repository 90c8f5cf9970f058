"""How often the verdicts and comparisons of the report are wrong, on simulated fits whose truth is known.

In:  nothing; fits are simulated. A test row has a difficulty, of which one part is common to all models, one to the
     fits of a method, and one is luck. A fit has a skill, which varies with its seed. Its prediction is right if the
     difficulty is below the skill. The sizes of the test splits are those of GUE.
Out: a table on standard output, and with --out in a file: error rates and power of the report's decisions, and of
     the rules that it had before: "reproduced" if the published value is in our 95% interval, "better" if the bootstrap
     over test rows excludes zero on a data set.
"""

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import numpy as np  # noqa: E402
from scipy import stats  # noqa: E402

from benchmarks.machine import machine  # noqa: E402
from workflow_scripts.common.bootstrap import confusion_scores, row_counts  # noqa: E402
from workflow_scripts.common.files import read_table, write_text  # noqa: E402
from workflow_scripts.common.fit_results import Cell  # noqa: E402
from workflow_scripts.common.intervals import combined_interval, percentile_interval  # noqa: E402
from workflow_scripts.report import comparisons, verdicts  # noqa: E402
from workflow_scripts.report.references import PAPER, PAPER_SEEDS, Quoted, Reference  # noqa: E402

REGISTRY = REPOSITORY / "config/gue.tsv"
COMMON, METHOD, LUCK = 0.35, 0.35, 0.3  # parts of the variance of difficulty; methods correlate with 1/2
SEED_SPREAD = 1.9  # points of MCC: median of the re-runs of DNABERT-2 in config/reruns.tsv
SCORE = 70.0  # true MCC x 100
SEEDS = 5
RESAMPLES = 200


@dataclasses.dataclass
class Split:
    """The rows of a test split: ``labels`` and the ``common`` part of their difficulty, [rows]."""

    name: str
    labels: np.ndarray
    common: np.ndarray


def draw_split(random: np.random.Generator, rows: int, name: str = "set") -> Split:
    """A test split with two classes of the same frequency."""
    return Split(name, random.integers(2, size=rows), COMMON**0.5 * random.normal(size=rows))


def draw_method(random: np.random.Generator, split: Split) -> np.ndarray:
    """The difficulty of each row for a method, without luck, [rows]."""
    return split.common + METHOD**0.5 * random.normal(size=len(split.common))


def draw_predictions(
    random: np.random.Generator, split: Split, difficulty: np.ndarray, score: float, spread: float, seeds: int
) -> np.ndarray:
    """Predicted classes [seeds, rows] of fits with a true MCC x 100 of ``score`` over all seeds and rows.

    ``spread`` is the standard deviation of the true score over seeds, in points.
    """
    quantile = stats.norm.ppf((1 + score / 100) / 2)
    deviation = spread / 100 / (2 * stats.norm.pdf(quantile))
    skill = quantile * (1 + deviation**2) ** 0.5 + deviation * random.normal(size=(seeds, 1))
    right = difficulty + LUCK**0.5 * random.normal(size=(seeds, len(difficulty))) < skill
    return np.where(right, split.labels, 1 - split.labels)


def score_cell(split: Split, run: str, predicted: np.ndarray, experiment: int) -> Cell:
    """The cell of a run with these predictions, scored on the resamples that all runs of the experiment share."""
    onehot = np.eye(4)[2 * split.labels + predicted]  # [seeds, rows, label and prediction]
    columns = onehot.transpose(1, 0, 2).reshape(len(split.labels), -1)

    def mcc(weights: np.ndarray) -> np.ndarray:
        counts = (weights @ columns).reshape(-1, 2, 2)
        return 100 * confusion_scores(counts)["mcc"].reshape(len(weights), -1).T

    rows = len(split.labels)
    weights = row_counts(rows, experiment, "simulated", split.name, RESAMPLES)
    resampled = np.concatenate([mcc(block) for block in weights], axis=1)
    scores = mcc(np.ones((1, rows)))[:, 0] / 100
    fits = [{"test": {"mcc": score, "rows": rows}, "collapse": None} for score in scores]
    return Cell((run, "full"), ("simulated", split.name), "mcc", fits, [], {"mcc": resampled})


def draw_runs(
    random: np.random.Generator, sizes: Sequence[int], lead: float, experiment: int, same: bool = True
) -> list[Cell]:
    """The cells of two runs, a and b, on data sets of these sizes; the true score of a is higher by ``lead`` points.

    same: whether both find the same rows difficult, as two runs of one method do.
    """
    cells = []
    for number, rows in enumerate(sizes):
        split = draw_split(random, rows, str(number))
        methods = [draw_method(random, split)] * 2 if same else [draw_method(random, split) for _run in range(2)]
        for run, method, score in zip("ab", methods, (SCORE + lead, SCORE), strict=True):
            predicted = draw_predictions(random, split, method, score, SEED_SPREAD, SEEDS)
            cells.append(score_cell(split, run, predicted, experiment))
    return cells


def publish(cells: Sequence[Cell], replicates: int | None = None) -> Reference:
    """What a paper would print of these cells: the mean of its three seeds; of ``replicates`` the spread as well."""
    quoted = {}
    for cell in cells:
        scores = cell.scores("mcc")[: replicates or PAPER_SEEDS]
        spread = float(np.std(scores, ddof=1)) if replicates else None
        quoted[cell.dataset] = Quoted("mcc", float(np.mean(scores)), spread, len(scores))
    return Reference(PAPER, "b", quoted)


def judge(cells: Sequence[Cell], replicates: int | None = None) -> list[dict[str, Any]]:
    """The lines of the table of verdicts of run a against the published scores of run b."""
    ours, theirs = ([cell for cell in cells if cell.run[0] == run] for run in "ab")
    return verdicts.tabulate(ours, [publish(theirs, replicates)], {}, [])


def formerly_reproduced(cell: Cell, published: float) -> bool:
    """The former rule: the published value is in our interval."""
    interval = combined_interval(cell.scores("mcc"), cell.resampled["mcc"])
    return bool(interval["low"] <= published <= interval["high"])


def formerly_better(first: Cell, second: Cell) -> bool:
    """The former rule: the bootstrap over test rows excludes a difference of zero."""
    interval = percentile_interval(first.resampled["mcc"].mean(axis=0) - second.resampled["mcc"].mean(axis=0))
    assert interval
    return interval[0] > 0 or interval[1] < 0


def rates_of_verdicts(rows: int, lead: float, experiments: int, same: bool, replicates: int | None) -> dict[str, float]:
    """The share of each verdict if the published model is truly better by ``lead`` points, and of the former rule."""
    found = dict.fromkeys((*verdicts.JUDGED, "formerly reproduced"), 0.0)
    random = np.random.default_rng([rows, round(10 * lead), same])
    for experiment in range(experiments):
        cells = draw_runs(random, [rows], -lead, experiment, same)
        (line,) = judge(cells, replicates)
        found[line["verdict"]] += 1 / experiments
        found["formerly reproduced"] += formerly_reproduced(cells[0], line["published"]) / experiments
    return found


def rates_of_claims(sizes: Sequence[int], lead: float, experiments: int, same: bool) -> dict[str, float]:
    """How often a run is called better or worse than another, or above or below a published one.

    Each for "any" data set and as the share of "sets"; the former rule as a share of sets.
    """
    names = ("better, any", "better, sets", "covered", "above or below, any", "formerly better, sets")
    found = dict.fromkeys(names, 0.0)
    random = np.random.default_rng([len(sizes), round(10 * lead), same])
    for experiment in range(experiments):
        cells = draw_runs(random, sizes, lead, experiment, same)
        pairs = comparisons.compare_pairs(cells)
        better = [bool(row["better"]) for row in pairs]
        apart = [line["verdict"] in ("above", "below") for line in judge(cells)]
        former = [formerly_better(first, second) for first, second in zip(cells[::2], cells[1::2], strict=True)]
        covered = [row["low"] <= lead <= row["high"] for row in pairs]
        rates = (any(better), np.mean(better), np.mean(covered), any(apart), np.mean(former))
        for name, rate in zip(names, rates, strict=True):
            found[name] += float(rate) / experiments
    return found


def gue_sizes() -> list[int]:
    """The rows of the test splits of GUE's 28 data sets."""
    return [int(row["test"]) for row in read_table(REGISTRY) if row["task"] not in ("epi", "species")]


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def report(experiments: int) -> Iterator[str]:
    """The lines of both tables as Markdown, each as soon as it is measured."""
    setting = f"{experiments} experiments a line, {SEEDS} seeds with a spread of {SEED_SPREAD}, true MCC {SCORE:.0f}"
    yield from (machine("numpy", "scipy"), "", f"Verdicts: {setting}.", "")
    yield "| test rows | lead of published | same method | published | reproduced | above | below | formerly |"
    yield "|---|---|---|---|---|---|---|---|"
    variants = [(lead, *variant) for lead in (0.0, 5.0) for variant in ((True, None), (False, None), (True, 5))]
    for rows, (lead, same, replicates) in itertools.product((800, 1500, 6000), [*variants, (10.0, True, None)]):
        found = rates_of_verdicts(rows, lead, experiments, same, replicates)
        shown = " | ".join(percent(found[name]) for name in ("reproduced", "above", "below"))
        published = f"mean, sd of {replicates}" if replicates else f"mean of {PAPER_SEEDS}"
        yield (
            f"| {rows:,} | {lead:.0f} | {'yes' if same else 'no'} | {published} | {shown} "
            f"| {percent(found['formerly reproduced'])} |"
        )
    yield from ("", f"Two runs on the 28 data sets of GUE, {experiments // 2} experiments a line:", "")
    yield "| lead | same method | better on any | better, share | coverage | above or below on any | formerly |"
    yield "|---|---|---|---|---|---|---|"
    for lead, same in ((0.0, True), (0.0, False), (5.0, False)):
        found = rates_of_claims(gue_sizes(), lead, experiments // 2, same)
        shown = " | ".join(map(percent, found.values()))
        yield f"| {lead:.0f} | {'yes' if same else 'no'} | {shown} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--experiments", type=int, default=400, help="experiments for each line, half as many of all of GUE"
    )
    parser.add_argument("--out", type=Path, help="file for the tables (Markdown)")
    options = parser.parse_args()
    lines = []
    for line in report(options.experiments):
        print(line, flush=True)
        lines.append(line)
    if options.out:
        write_text(options.out, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
