"""How often the report tells two equal runs apart, on real fits: a model's seeds, divided into two halves.

In:  the fits of one model, with ten seeds or another even number, such as those that this makes:

         finetune: {seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], runs: [{models: [cnn], method: full, datasets: ["*"]}]}

Out: a table on standard output, and with --out in a file. Each way to divide the seeds is an experiment, in which the
     halves are two runs, and the first three seeds of the second half are a published model. The experiments share
     their fits, so that their rates vary more than those of as many independent ones.
"""

import argparse
import dataclasses
import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import numpy as np  # noqa: E402

from benchmarks.machine import machine  # noqa: E402
from benchmarks.verdicts import formerly_better, formerly_reproduced, judge, percent, publish  # noqa: E402
from workflow_scripts.common.files import write_text  # noqa: E402
from workflow_scripts.common.fit_results import Cell, read_cells  # noqa: E402
from workflow_scripts.report.comparisons import compare_pairs  # noqa: E402


def halves(seeds: int) -> Iterator[tuple[list[int], list[int]]]:
    """The ways to divide so many seeds into two halves, by index."""
    for first in itertools.combinations(range(seeds), seeds // 2):
        if 0 in first:
            yield list(first), [index for index in range(seeds) if index not in first]


def take(cell: Cell, name: str, chosen: Sequence[int]) -> Cell:
    """The cell of a run with this name that has the chosen fits."""
    resampled = {metric: scores[list(chosen)] for metric, scores in cell.resampled.items()}
    return dataclasses.replace(
        cell, run=(name, cell.run[1]), fits=[cell.fits[index] for index in chosen], resampled=resampled
    )


def experiment(cells: Sequence[Cell], first: Sequence[int], second: Sequence[int]) -> Counter[str]:
    """What the report says of the two halves: numbers of data sets, and whether any is told apart."""
    pairs = [(take(cell, "a", first), take(cell, "b", second)) for cell in cells]
    both = [cell for pair in pairs for cell in pair]
    rows = compare_pairs(both)
    found = Counter(line["verdict"] for line in judge(both))
    found["better"] = sum(bool(row["better"]) for row in rows)
    found["any better"] = found["better"] > 0
    found["covered"] = sum(row["low"] <= 0 <= row["high"] for row in rows)
    found["formerly better"] = sum(formerly_better(one, other) for one, other in pairs)
    theirs = publish([other for _one, other in pairs]).scores
    found["formerly reproduced"] = sum(formerly_reproduced(one, theirs[one.dataset].mean) for one, _other in pairs)
    return found


def report(cells: Sequence[Cell], model: str) -> Iterator[str]:
    """The lines of the table as Markdown."""
    seeds = len(cells[0].fits)
    experiments = [experiment(cells, first, second) for first, second in halves(seeds)]
    total = sum(experiments, Counter())
    spread = float(np.median([np.std(cell.scores(cell.metric), ddof=1) for cell in cells]))
    yield from (machine("numpy", "scipy"), "")
    yield f"{model}: {seeds} seeds, {len(cells)} data sets, {len(experiments)} ways to divide the seeds; the standard"
    yield f"deviation over seeds is {spread:.1f} points (median of the data sets)."
    yield from ("", "| of two halves of the same seeds | rate |", "|---|---|")
    yield f"| one is better on any data set | {percent(total['any better'] / len(experiments))} |"
    for name, what in {
        "better": "one is better, share of data sets",
        "formerly better": "the same by the bootstrap over test rows alone",
        "covered": "the 95% interval of the difference covers zero",
        "reproduced": "one reproduces the mean of three seeds of the other",
        "above": "above it",
        "below": "below it",
        "inconclusive": "inconclusive",
        "formerly reproduced": "the mean of three is in the 95% interval of the score",
    }.items():
        yield f"| {what} | {percent(total[name] / len(experiments) / len(cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fits", type=Path, help="folder of fits, results/finetune")
    parser.add_argument("--model", default="cnn", help="the model whose seeds are divided")
    parser.add_argument("--method", default="full", help="how it was fitted")
    parser.add_argument("--out", type=Path, help="file for the table (Markdown)")
    options = parser.parse_args()
    run = (options.model, options.method)
    paths = sorted(options.fits.joinpath(*run).glob("*/*/seed*/metrics.json"))
    datasets = dict.fromkeys((path.parents[2].name, path.parents[1].name) for path in paths)
    seeds = sorted({int(path.parent.name.removeprefix("seed")) for path in paths})
    if len(paths) != len(datasets) * len(seeds) or not seeds or len(seeds) % 2:
        parser.error(
            f"{options.fits}: {len(paths)} fits of {len(datasets)} data sets; an even number of seeds is needed"
        )
    cells = read_cells(options.fits, [(run, dataset) for dataset in datasets], seeds, {}, 1)
    lines = list(report(cells, options.model))
    print("\n".join(lines))
    if options.out:
        write_text(options.out, "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
