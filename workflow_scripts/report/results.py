"""GUE scores of every fit -> one table, and a summary with means, comparisons and the paper's sums.

In: the ``metrics.json`` of each fit (scores as fractions), the registry of data sets, the paper's cells and models.
Out: a table with one row for each (model, method, task, data set), scores x 100 as in the paper, and a JSON summary.
"""

import argparse
import math
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_table, write_json, write_table
from workflow_scripts.report import paper
from workflow_scripts.report.inputs import load, read_paths
from workflow_scripts.report.scores import compare, interval, mean_by_task

COLUMNS = [
    *("model", "method", "task", "dataset", "metric", "seeds", "mean", "sd", "low", "high"),
    *("collapsed", "test_rows", "chance", "paper_dnabert2", "paper_nt_2500m_multi", "difference_dnabert2"),
]

Key = tuple[str, str]
"""A run is (model, method), a data set is (task, dataset)."""


def read_fits(paths: list[Path], metrics: dict[Key, str]) -> list[dict[str, Any]]:
    """Read the metrics of each fit and put its test score, x 100, under ``score``.

    ``metrics`` names the metric of each data set of the registry. Raises UserError for a file that is missing or
    lacks a score, for a data set that is not in the registry, and for two files of one fit.
    """
    fits: dict[tuple, tuple[Path, dict[str, Any]]] = {}
    for path in paths:
        fit = load(path)
        try:
            dataset = fit["task"], fit["dataset"]
            score = fit["test"][fit["metric"]]
            name = (fit["model"], fit["method"], *dataset, fit["seed"])
            for needed in ("collapsed", "chance", "parameters", "trainable_parameters", "hardware"):
                fit[needed]
            fit["test"]["rows"]
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}: lacks {error} of a fit's metrics; run this fit again") from None
        if dataset not in metrics:
            raise UserError(f"{path}: data set {'/'.join(dataset)} is not in the registry; add it or drop this fit")
        if metrics[dataset] != fit["metric"]:
            raise UserError(f"{path}: metric {fit['metric']} where the registry has {metrics[dataset]}; fit again")
        if not isinstance(score, int | float) or not math.isfinite(score):
            raise UserError(f"{path}: test score {score!r} is no number; run this fit again")
        if name in fits:
            raise UserError(f"{path}: the same fit as {fits[name][0]}; give it once")
        fits[name] = path, fit | {"score": 100 * score}
    return [fit for _path, fit in fits.values()]


def group(fits: list[dict[str, Any]], datasets: list[Key]) -> dict[tuple[Key, Key], list[dict[str, Any]]]:
    """Fits by (run, data set): runs in the order of their first fit, data sets in the registry's order."""
    groups: dict[tuple[Key, Key], list[dict[str, Any]]] = {}
    for fit in fits:
        key = (fit["model"], fit["method"]), (fit["task"], fit["dataset"])
        groups.setdefault(key, []).append(fit)
    runs = list(dict.fromkeys(run for run, _dataset in groups))
    return {(run, key): groups[run, key] for run in runs for key in datasets if (run, key) in groups}


def tabulate(groups: dict, cells: paper.Cells, paper_metrics: dict[Key, str]) -> list[dict[str, Any]]:
    """One row for each run and data set. The difference is empty where the paper's metric is another or unknown."""
    rows = []
    for ((model, method), key), fits in groups.items():
        over = interval([fit["score"] for fit in fits])
        theirs = cells[paper.DNABERT2].get(key)
        same_metric = paper_metrics.get(key) == fits[0]["metric"]
        rows.append(
            {
                **{"model": model, "method": method, "task": key[0], "dataset": key[1]},
                **over,
                "metric": fits[0]["metric"],
                "seeds": len(fits),
                "collapsed": sum(bool(fit["collapsed"]) for fit in fits),
                "test_rows": fits[0]["test"]["rows"],
                "chance": 100 * float(np.mean([fit["chance"] for fit in fits])),
                "paper_dnabert2": theirs,
                "paper_nt_2500m_multi": cells[paper.NT_MULTI].get(key),
                "difference_dnabert2": over["mean"] - theirs if same_metric else None,
            }
        )
    return rows


def describe_runs(groups: dict) -> list[dict[str, Any]]:
    """Each run: its means by task and over all its data sets, and the data sets it lacks that another run has."""
    seen = list(dict.fromkeys(key for _run, key in groups))
    runs = []
    for run in dict.fromkeys(run for run, _key in groups):
        mine = {key: fits for (owner, key), fits in groups.items() if owner == run}
        scores = {key: float(np.mean([fit["score"] for fit in fits])) for key, fits in mine.items()}
        fits = [fit for group in mine.values() for fit in group]
        runs.append(
            {
                "model": run[0],
                "method": run[1],
                "parameters": fits[0]["parameters"],
                "trainable_parameters": fits[0]["trainable_parameters"],
                "hardware": sorted({fit["hardware"] for fit in fits}),
                "seeds": sorted({fit["seed"] for fit in fits}),
                "fits": len(fits),
                "collapsed": sum(bool(fit["collapsed"]) for fit in fits),
                "datasets": len(mine),
                "mean": float(np.mean(list(scores.values()))),
                "tasks": mean_by_task(scores),
                "missing": ["/".join(key) for key in seen if key not in mine],
            }
        )
    return runs


def compare_runs(groups: dict, cells: paper.Cells, ours: dict[Key, str], theirs: dict[Key, str]) -> list[dict]:
    """Every two runs over the data sets they share, and every run beside the paper's two best models."""
    scores: dict[str, dict[Key, float]] = {}
    for ((model, method), key), fits in groups.items():
        scores.setdefault(f"{model}, {method}", {})[key] = float(np.mean([fit["score"] for fit in fits]))
    pairs = list(combinations(scores.items(), 2))
    for model in (paper.DNABERT2, paper.NT_MULTI):
        quoted = paper.comparable(cells[model], ours, theirs)
        pairs += [(run, (f"{model} in the paper", quoted)) for run in scores.items()]
    compared = [(a, b, compare(first, second)) for (a, first), (b, second) in pairs]
    return [{"first": a, "second": b} | result for a, b, result in compared if result]


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--metrics", nargs="+", type=Path, metavar="FILE", help="metrics.json of each fit")
    which.add_argument("--metrics-list", type=Path, metavar="FILE", help="text file with one such path a line")
    parser.add_argument("--registry", type=Path, required=True, help="table of the data sets (config/gue.tsv)")
    parser.add_argument(
        "--own", nargs="+", default=[], metavar="TASK/DATASET=METRIC", help="data sets that the registry does not list"
    )
    parser.add_argument("--paper", type=Path, required=True, help="the paper's cells (config/paper_results.tsv)")
    parser.add_argument("--paper-models", type=Path, required=True, help="its models (config/paper_models.tsv)")
    parser.add_argument(
        "--simulated", action="store_true", help="the data are invented: show the paper's cells, compute no difference"
    )
    parser.add_argument("--out", type=Path, required=True, help="table to write (TSV)")
    parser.add_argument("--summary", type=Path, required=True, help="summary to write (JSON)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Write the table and the summary."""
    options = build_parser().parse_args(argv)
    paths = options.metrics or read_paths(options.metrics_list)
    registry = {(row["task"], row["dataset"]): row["metric"] for row in read_table(options.registry)}
    for name, _, metric in (own.partition("=") for own in options.own):
        registry[tuple(name.split("/"))] = metric
    cells, paper_metrics = paper.read_cells(options.paper)
    if options.simulated:
        paper_metrics = {}  # scores of invented data compare with nothing
    models = read_table(options.paper_models)
    groups = group(read_fits(paths, registry), list(registry))

    rows = tabulate(groups, cells, paper_metrics)
    rounded = [{k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    run_keys = {key for _run, key in groups}
    write_table(options.out, rounded, COLUMNS)
    write_json(
        options.summary,
        {
            "runs": describe_runs(groups),
            "comparisons": compare_runs(groups, cells, registry, paper_metrics),
            "not_run": ["/".join(key) for key in registry if key not in run_keys],
            "paper": {
                "claims": paper.claims(cells, models),
                "averages": paper.averages(cells, models),
                "against_kmers": paper.against_kmers(cells),
            },
        },
    )


if __name__ == "__main__":
    sys.exit(main())
