"""Compare the scores of each model on a data set and on its homology twin, in which related rows are in one split.

In: the folder of the fits, and the fits that the configuration plans for data sets that have twins. Out: a table with
one row for each (model, method, task, data set). Scores are means over the seeds, x 100, in the metric of the data set.

``score`` is that on the data set's own split and ``homology`` that on the twin; ``difference`` is the second minus the
first, with the 95% interval over seeds and test rows. The test rows differ, so the two scores are independent. A model
that lives on leaks or on derived pairs loses its score on the twin. Cells are empty without fits, and the interval is
with fewer than three seeds.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import program
from workflow_scripts.common.fit_results import Cell, Key, parse_planned, read_cells
from workflow_scripts.common.intervals import CONFIDENCE, LEAST_VALUES, t_interval
from workflow_scripts.report.differences import estimate, spread_of_mean, variance_over_rows
from workflow_scripts.report.numeric_tables import write_numbers
from workflow_scripts.settings.names import HOMOLOGY_TWIN

FACTS = ("score", "sd", "seeds", "collapsed", "test_rows")
TWIN_FACTS = ("homology", *(f"homology_{fact}" for fact in FACTS[1:]))
COLUMNS = ["model", "method", "task", "dataset", "metric", *FACTS, *TWIN_FACTS, "difference", "low", "high"]


def twin_of(dataset: Key) -> Key:
    """The (task, data set) of the twin."""
    task, name = dataset
    return task, f"{name}{HOMOLOGY_TWIN}"


def facts(cell: Cell) -> tuple[float | None, float | None, int, int, int | None]:
    """Mean and standard deviation of the score, seeds, collapsed fits and test rows."""
    if not cell.fits:
        return None, None, 0, 0, None
    spread = t_interval(cell.scores(cell.metric))
    collapsed = sum(fit["collapse"] is not None for fit in cell.fits)
    return spread["mean"], spread["sd"], len(cell.fits), collapsed, cell.fits[0]["test"]["rows"]


def compare(own: Cell, twin: Cell) -> dict[str, Any]:
    """The row of a run on a data set and its twin."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= dict(zip(COLUMNS[:5], (*own.run, *own.dataset, own.metric or twin.metric), strict=True))
    row |= dict(zip((*FACTS, *TWIN_FACTS), (*facts(own), *facts(twin)), strict=True))
    if own.fits and twin.fits:
        row["difference"] = twin.mean - own.mean
        if min(len(own.fits), len(twin.fits)) >= LEAST_VALUES and own.metric in own.resampled:
            rows = sum(variance_over_rows(cell.resampled[cell.metric]) for cell in (own, twin))
            seeds = [spread_of_mean(cell.scores(cell.metric)) for cell in (own, twin)]
            row["low"], row["high"] = estimate(row["difference"], seeds, rows).interval(CONFIDENCE)
    return row


def tabulate(folder: Path, planned: Sequence[tuple[Key, Key]], seeds: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """The rows of all planned (run, data set). ``seed`` draws the resamples of the test rows."""
    own = read_cells(folder, planned, seeds, {}, seed)
    twins = read_cells(folder, [(run, twin_of(dataset)) for run, dataset in planned], seeds, {}, seed)
    by_name = {(cell.run, cell.dataset): cell for cell in twins}
    return [compare(cell, by_name[cell.run, twin_of(cell.dataset)]) for cell in own]


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=Path, required=True, help="folder of the fits, results/finetune")
    parser.add_argument("--planned", required=True, help="the runs with their data sets that have twins, as JSON")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="seeds of the fits")
    parser.add_argument("--seed", type=int, required=True, help="seed of the resamples of test rows")
    parser.add_argument("--out", type=Path, required=True, help="table to write (TSV)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    options = build_parser().parse_args(argv)
    rows = tabulate(options.fits, parse_planned(options.planned), options.seeds, options.seed)
    write_numbers(options.out, rows, COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
