"""Whether our scores reproduce published ones: a verdict for each of our cells and each published model.

The question is whether our mean over seeds differs from the published mean. A verdict rests on the difference with its
uncertainty over seeds and test rows (:mod:`differences`), so a small or unstable experiment is *inconclusive*:

- *reproduced*: the difference is shown to be smaller than the margin of the metric. A difference of the margin or more
  gets this verdict with a probability of at most 5%. It is the test of equivalence by two one-sided tests, so
  imprecision never helps.
- *above*, *below*: it is not, and the difference from zero is significant, corrected by Holm for the number of data
  sets on which a run is compared with a published model.
- *inconclusive*: neither is shown, or there are fewer than three seeds.
- *no verdict*: the run is a baseline. It may reach a published score, but it reproduces no published model.
- *not comparable*: the two numbers do not measure the same thing. *not run*: there is no fit.

Margins. 5 points of MCC; 2.5 of macro F1, accuracy, AUROC and AUPRC, because MCC is 2 accuracy - 1 for two balanced
classes, and those run from about 50 to 100. The area of one class, such as auroc:enhancer, has the margin of the area.
So at most one test row in 40 is another. That is less than the differences that the paper reports between its models
(5.97 points of DNABERT-2 over the mean of four DNABERTs), and more than chance leaves open where a replication is
exact: in the ten replicates of DNABERT-2 by Lindsey et al. (2025) the standard deviation over seeds is 1.9 points
(median of 17 data sets, 0.7 to 3.6), so a difference of means over five and three seeds has one of 1.4; 1,000 test
rows at an MCC of 70 add 2.3.

The spread over the paper's three seeds is not published; ours is taken for it. Its model was scored on the same test
rows, but its predictions are not published. The two scores are taken to correlate with 1/3 over choices of test rows,
close to the least that was seen of different methods on published sets (docs/verdicts.md); if they correlate more, the
verdicts are rather too careful.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fit_results import Cell, Key
from workflow_scripts.common.intervals import LEAST_VALUES
from workflow_scripts.common.json_objects import read_object
from workflow_scripts.report.differences import ALPHA, Difference, estimate, holm, spread_of_mean, variance_over_rows
from workflow_scripts.report.references import Quoted, Reference

MARGINS = {"mcc": 5.0, "f1": 2.5, "accuracy": 2.5, "auroc": 2.5, "auprc": 2.5}
JUDGED = ("reproduced", "above", "below", "inconclusive")
VERDICTS = (*JUDGED, "no verdict", "not comparable", "not run")
CORRELATION = 1 / 3  # of our score and a published one over choices of test rows, at least
NO_VALUE = "no published value"
COLUMNS = [
    *("model", "method", "task", "dataset", "metric", "mean", "seeds", "collapsed"),
    *("source", "published_model", "published", "published_sd", "published_seeds", "published_collapsed"),
    *("difference", "low", "high", "margin", "p_equivalent", "p", "p_holm", "verdict", "why"),
]


def find_obstacles(folder: Path, datasets: Collection[Key]) -> dict[Key, str]:
    """Why the rows of data sets are not the published ones; the others are left out.

    The datasheets in ``folder`` give the origin and the number of the rows.
    """
    reasons = {key: differing_rows(folder.joinpath(*key, "datasheet.json")) for key in datasets}
    return {key: reason for key, reason in reasons.items() if reason}


def differing_rows(path: Path) -> str | None:
    """How the rows in a datasheet differ from the published ones; ``None`` if they do not."""
    sheet = read_object(path)
    try:
        origin, published = sheet["origin"], sheet["registry_rows"]
        rows = {split: facts["rows"] for split, facts in sheet["splits"].items()}
        differing = [split for split in rows if rows[split] != published[split]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: no {error} in the datasheet; build this data set again") from None
    if origin != "published":
        return "built from primary sources, not the published rows"
    return "; ".join(f"{rows[split]:,} {split} rows, published {published[split]:,}" for split in differing) or None


def datasets_with(reasons: Mapping[Key, str], why: str) -> list[str]:
    """The data sets that are not comparable for this reason, as "task/dataset"."""
    return ["/".join(key) for key, reason in reasons.items() if reason == why]


def tabulate(
    cells: Sequence[Cell], references: Sequence[Reference], obstacles: Mapping[Key, str], floors: Collection[str]
) -> list[dict[str, Any]]:
    """One line for each cell and published model, by run, then published model.

    ``obstacles``: why data sets are not the published ones. ``floors``: the models that are baselines. Lines that are
    not comparable have no published value, so that unlike numbers never share a column.
    """
    lines = []
    for run in dict.fromkeys(cell.run for cell in cells):
        for reference in references:
            mine = [compare(cell, reference, obstacles, floors) for cell in cells if cell.run == run]
            decide([line for line in mine if line["verdict"] is None])
            lines += mine
    return lines


def compare(cell: Cell, reference: Reference, obstacles: Mapping[Key, str], floors: Collection[str]) -> dict[str, Any]:
    """A line of the table; ``verdict`` is ``None`` if the difference decides."""
    line: dict[str, Any] = dict.fromkeys(COLUMNS)
    line |= dict(zip(COLUMNS[:5], (*cell.run, *cell.dataset, cell.metric), strict=True))
    line |= {"seeds": len(cell.fits), "source": reference.source, "published_model": reference.model}
    if not cell.fits:
        return line | {"verdict": "not run", "why": "no fit"}
    line |= {"mean": cell.mean, "collapsed": sum(fit["collapse"] is not None for fit in cell.fits)}
    quoted = reference.scores.get(cell.dataset)
    if quoted is None or (obstacle := find_obstacle(cell, quoted, obstacles)):
        return line | {"verdict": "not comparable", "why": obstacle if quoted else NO_VALUE}
    line |= {"published": quoted.mean, "published_sd": quoted.sd, "published_seeds": quoted.seeds}
    line |= {"published_collapsed": quoted.collapsed, "difference": cell.mean - quoted.mean}
    if cell.run[0] in floors:
        return line | {"verdict": "no verdict", "why": "a baseline"}
    if len(cell.fits) < LEAST_VALUES:
        return line | {"verdict": "inconclusive", "why": f"fewer than {LEAST_VALUES} seeds"}
    if quoted.seeds < LEAST_VALUES:
        return line | {"verdict": "inconclusive", "why": f"published of fewer than {LEAST_VALUES} seeds"}
    found, margin = difference_from(cell, quoted), MARGINS[measure_of(cell.metric)]
    low, high = found.interval(1 - 2 * ALPHA)
    line |= {"low": low, "high": high, "margin": margin, "p": found.p, "p_equivalent": found.p_beyond(margin)}
    return line


def find_obstacle(cell: Cell, quoted: Quoted, obstacles: Mapping[Key, str]) -> str | None:
    """Why our score and a published one do not measure the same thing; ``None`` if they do."""
    if cell.dataset in obstacles:
        return obstacles[cell.dataset]
    if quoted.metric != cell.metric:
        return f"the published metric is {quoted.metric}, ours {cell.metric}"
    if cell.metric not in cell.resampled or measure_of(cell.metric) not in MARGINS:
        return f"no margin is set for {cell.metric}"
    return None


def measure_of(metric: str) -> str:
    """The measure of a metric that may be of one class: auroc of auroc:enhancer."""
    return metric.partition(":")[0]


def difference_from(cell: Cell, quoted: Quoted) -> Difference:
    """Our mean minus the published one, with the spread over the seeds of both and over the test rows of ours."""
    scores = cell.scores(cell.metric)
    mine, count = spread_of_mean(scores)
    if quoted.sd is None:
        seeds = [(mine * (1 + count / quoted.seeds), count)]
    else:
        seeds = [(mine, count), (quoted.sd**2 / quoted.seeds, quoted.seeds)]
    return estimate(
        cell.mean - quoted.mean, seeds, 2 * (1 - CORRELATION) * variance_over_rows(cell.resampled[cell.metric])
    )


def decide(lines: Sequence[dict[str, Any]]) -> None:
    """Fill in the verdicts of a run against one published model, from the p-values of its data sets."""
    for line, corrected in zip(lines, holm([line["p"] for line in lines]), strict=True):
        line["p_holm"] = corrected
        if line["p_equivalent"] < ALPHA:
            line["verdict"] = "reproduced"
        elif corrected < ALPHA:
            line["verdict"] = "above" if line["difference"] > 0 else "below"
        else:
            line["verdict"] = "inconclusive"
        interval = f"{line['low']:+.2f} to {line['high']:+.2f}"
        line["why"] = f"90% interval of the difference {interval}, margin {line['margin']}"


def count(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How often each verdict occurs, for each run and published model."""
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for line in lines:
        name = f"{line['model']}, {line['method']}", line["source"], line["published_model"]
        counts.setdefault(name, Counter()).update([line["verdict"]])
    return [
        {"run": run, "source": source, "published_model": model} | {verdict: found[verdict] for verdict in VERDICTS}
        for (run, source, model), found in counts.items()
    ]
