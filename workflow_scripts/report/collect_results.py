"""Join the GUE scores of all fits: tables of scores, verdicts and pairs of runs, and a summary.

In: the folder of the fits with metrics and predictions (scores as fractions), the fits that the configuration plans,
the datasheets, the registry of data sets, the paper's scores and models, and the scores of independent re-runs.
Out: a table with one row for each (model, method, task, data set), scores x 100 as in the paper, with the verdicts
against DNABERT-2 in the paper and in a re-run; the verdicts against all published models; every pair of runs on each
data set; and a JSON summary with means, comparisons, ranks, and the paper's claims recomputed.
Missing fits are listed as not run. Collapsed fits count in the means, as the protocol has it; the mean without them is
a separate column.
"""

import argparse
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.bootstrap import METRICS
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_table, write_json
from workflow_scripts.common.fit_results import Cell, Key, dataset_key, parse_planned, read_cells
from workflow_scripts.common.intervals import combined_interval
from workflow_scripts.report import comparisons, paper, verdicts
from workflow_scripts.report.numeric_tables import write_numbers
from workflow_scripts.report.references import PAPER, of_paper, read_reruns
from workflow_scripts.report.score_statistics import mean_by_task, rank_runs

COLUMNS = [
    *("model", "method", "task", "dataset", "metric", "seeds", "missing", "scores"),
    *("mean", "sd", "low", "high", "over", "seeds_low", "seeds_high", "rows_low", "rows_high"),
    *("collapsed", "mean_without_collapsed", "steps"),
    *(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")),
    *("test_rows", "truncated", "unknown_tokens", "chance", "paper_dnabert2", "paper_nt_2500m_multi"),
    *("difference_dnabert2", "verdict", "why"),
    *("rerun_dnabert2", "rerun_sd", "rerun_seeds", "rerun_collapsed", "rerun_source"),
    *("difference_rerun", "verdict_rerun", "why_rerun"),
]
PUBLISHED = {  # column of the table of verdicts -> that of a re-run in the table of results
    **{"published": "rerun_dnabert2", "published_sd": "rerun_sd", "published_seeds": "rerun_seeds"},
    **{"published_collapsed": "rerun_collapsed", "source": "rerun_source", "difference": "difference_rerun"},
    **{"verdict": "verdict_rerun", "why": "why_rerun"},
}


def tabulate(cells: Sequence[Cell], judged: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row for each run and data set. ``judged``: the table of verdicts, which has the published scores."""
    lines: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for line in judged:
        lines.setdefault(tuple(line[name] for name in COLUMNS[:4]), []).append(line)
    rows = []
    for cell in cells:
        row: dict[str, Any] = dict.fromkeys(COLUMNS)
        row |= dict(zip(COLUMNS[:4], (*cell.run, *cell.dataset), strict=True))
        row |= {"metric": cell.metric, "seeds": len(cell.fits), "missing": " ".join(map(str, cell.missing))}
        row |= {"collapsed": sum(fit["collapse"] is not None for fit in cell.fits)}
        row |= summarize_scores(cell) if cell.fits else {}
        rows.append(row | published_columns(lines[*cell.run, *cell.dataset]))
    return rows


def published_columns(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The columns of a row of the table of results that come from its lines of the table of verdicts.

    Of several re-runs of DNABERT-2 the one with the most seeds.
    """
    paper_lines = {line["published_model"]: line for line in lines if line["source"] == PAPER}
    quoted = paper_lines[paper.DNABERT2]
    columns = {"paper_dnabert2": quoted["published"], "difference_dnabert2": quoted["difference"]}
    columns |= {"verdict": quoted["verdict"], "why": quoted["why"]}
    columns |= {"paper_nt_2500m_multi": paper_lines[paper.NT_MULTI]["published"]}
    reruns = [line for line in lines if line["source"] != PAPER and line["published_model"] == paper.DNABERT2]
    found = [line for line in reruns if line["published"] is not None]
    if found:
        most = max(found, key=lambda line: line["published_seeds"])
        columns |= {name: most[column] for column, name in PUBLISHED.items()}
    return columns


def summarize_scores(cell: Cell) -> dict[str, Any]:
    """Mean, spread and intervals of a cell's metric, and means with intervals of all metrics.

    A mixture of collapsed and other fits has no interval: its scores are no sample of one distribution.
    """
    kept = [fit["test"][cell.metric] for fit in cell.fits if fit["collapse"] is None]
    facts = {
        **combined_interval(cell.scores(cell.metric), cell.resampled.get(cell.metric)),
        "scores": " ".join(f"{score:.2f}" for score in cell.scores(cell.metric)),
        "mean_without_collapsed": 100 * float(np.mean(kept)) if 0 < len(kept) < len(cell.fits) else None,
        "steps": mean_steps(cell),
        "test_rows": cell.fits[0]["test"]["rows"],
        "truncated": 100 * cell.fits[0]["truncated"]["test"],
        "unknown_tokens": percent_unknown(cell),
        "chance": 100 * float(np.mean([fit["chance"] for fit in cell.fits])),
    }
    for metric in METRICS:
        if values := cell.scores(metric):
            found = combined_interval(values, cell.resampled.get(metric))
            facts |= {metric: found["mean"], f"{metric}_low": found["low"], f"{metric}_high": found["high"]}
    if facts["mean_without_collapsed"] is not None:
        facts |= dict.fromkeys(name for name in facts if name.endswith(("low", "high"))) | {"over": ""}
    return facts


def percent_unknown(cell: Cell) -> float | None:
    """The tokens of the test rows that the model does not know, in percent; None of fits that did not count them."""
    share = cell.fits[0].get("unknown_tokens", {}).get("test")
    return None if share is None else 100 * share


def mean_steps(cell: Cell) -> float | None:
    """Optimizer steps of a fit, the mean over the fits; ``None`` of fits without steps, such as of frozen models."""
    steps = [fit.get("steps", 0) for fit in cell.fits]
    return float(np.mean(steps)) if all(steps) else None


def describe_runs(cells: Sequence[Cell], floors: Collection[str]) -> list[dict[str, Any]]:
    """Each run: its means by task and over all data sets, its collapsed fits, and what it lacks.

    ``floor``: whether its model is one of ``floors``, the baselines.
    ``missing`` lists data sets without any fit, and single seeds of the others. A mean is ``None`` if the run lacks one
    of the data sets that any run has.
    """
    runs = []
    datasets = list(dict.fromkeys(cell.dataset for cell in cells))
    for run in dict.fromkeys(cell.run for cell in cells):
        mine = {cell.dataset: cell for cell in cells if cell.run == run}
        scores = {key: cell.mean for key, cell in mine.items() if cell.fits}
        fits = [fit for cell in mine.values() for fit in cell.fits]
        missing = ["/".join(key) for key in datasets if key not in scores]
        missing += [f"{'/'.join(key)} (seed {seed})" for key in scores for seed in mine[key].missing]
        runs.append(
            {
                "model": run[0],
                "method": run[1],
                "floor": run[0] in floors,
                "parameters": fits[0]["parameters"] if fits else None,
                "trainable_parameters": fits[0]["trainable_parameters"] if fits else None,
                "hardware": sorted({fit["hardware"] for fit in fits}),
                "seeds": sorted({fit["seed"] for fit in fits}),
                "fits": len(fits),
                "collapsed": [describe_collapse(fit) for fit in fits if fit["collapse"]],
                "datasets": len(scores),
                "mean": float(np.mean(list(scores.values()))) if len(scores) == len(datasets) else None,
                "tasks": mean_by_task(scores, datasets),
                "missing": missing,
            }
        )
    return runs


def describe_collapse(fit: Mapping[str, Any]) -> str:
    """A collapsed fit by name, and how it collapsed."""
    return f"{fit['task']}/{fit['dataset']} (seed {fit['seed']}: {fit['collapse']})"


def why_not_comparable(judged: Sequence[Mapping[str, Any]]) -> dict[Key, str]:
    """Why data sets are not comparable with DNABERT-2 in the paper; those that are, or have no fit, are left out."""
    return {
        (line["task"], line["dataset"]): line["why"]
        for line in judged
        if (line["source"], line["published_model"]) == (PAPER, paper.DNABERT2) and line["verdict"] == "not comparable"
    }


def read_metrics(registry: Path, custom: Sequence[str]) -> dict[Key, str]:
    """The metric of each registered data set and of each of ``custom``, "task/dataset=metric"."""
    metrics = {(row["task"], row["dataset"]): row["metric"] for row in read_table(registry)}
    for text in custom:
        name, _, metric = text.partition("=")
        metrics[dataset_key(name)] = metric
    return metrics


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=Path, required=True, metavar="FOLDER", help="folder of all fits")
    parser.add_argument("--planned", required=True, help="JSON list of objects with model, method and datasets")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="seeds of the fits")
    parser.add_argument("--datasheets", type=Path, required=True, metavar="FOLDER", help="folder of all data sets")
    parser.add_argument("--registry", type=Path, required=True, help="table of the data sets (config/gue.tsv)")
    parser.add_argument(
        "--custom",
        nargs="+",
        default=[],
        metavar="TASK/DATASET=METRIC",
        help="data sets that are not in the registry",
    )
    parser.add_argument("--paper", type=Path, required=True, help="the paper's scores (config/paper_results.tsv)")
    parser.add_argument("--paper-models", type=Path, required=True, help="its models (config/paper_models.tsv)")
    parser.add_argument("--reruns", type=Path, required=True, help="scores of independent re-runs (config/reruns.tsv)")
    parser.add_argument(
        "--floors", nargs="+", default=[], metavar="MODEL", help="models that are baselines, which reproduce nothing"
    )
    parser.add_argument("--seed", type=int, required=True, help="seed for resampling the test rows")
    parser.add_argument(
        "--simulated", action="store_true", help="the data are simulated, so nothing is comparable with the paper"
    )
    parser.add_argument("--out", type=Path, required=True, help="table of scores to write (TSV)")
    parser.add_argument("--verdicts", type=Path, required=True, help="table of verdicts to write (TSV)")
    parser.add_argument("--pairs", type=Path, required=True, help="table of pairs of runs to write (TSV)")
    parser.add_argument("--summary", type=Path, required=True, help="summary to write (JSON)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Write the tables and the summary."""
    options = build_parser().parse_args(argv)
    registered = read_metrics(options.registry, options.custom)
    paper_cells, paper_metrics = paper.read_cells(options.paper)
    models = read_table(options.paper_models)
    cells = read_cells(options.fits, parse_planned(options.planned), options.seeds, registered, options.seed)
    if not any(cell.fits for cell in cells):
        raise UserError(f"{options.fits}: has none of the fits that are planned; run some")

    datasets = list(dict.fromkeys(cell.dataset for cell in cells))
    if options.simulated:
        obstacles = dict.fromkeys(datasets, "simulated data")
    else:
        obstacles = verdicts.find_obstacles(options.datasheets, datasets)
    references = of_paper(paper_cells, paper_metrics) + read_reruns(options.reruns)
    judged = verdicts.tabulate(cells, references, obstacles, options.floors)
    rows = tabulate(cells, judged)
    reasons = why_not_comparable(judged)
    pairs = comparisons.compare_pairs(cells)
    summary = {
        "runs": describe_runs(cells, options.floors),
        "comparisons": comparisons.compare_runs(cells, pairs, paper_cells, set(datasets) - set(reasons)),
        "ranks": rank_runs(comparisons.mean_scores(cells)),
        "verdicts": verdicts.count(judged),
        "not_comparable": {why: verdicts.datasets_with(reasons, why) for why in dict.fromkeys(reasons.values())},
        "not_run": ["/".join(key) for key in registered if key not in datasets],
        "paper": {
            "claims": paper.claims(paper_cells, models),
            "averages": paper.averages(paper_cells, models),
            "against_kmers": paper.against_kmers(paper_cells),
        },
    }
    write_numbers(options.out, rows, COLUMNS)
    write_numbers(options.verdicts, judged, verdicts.COLUMNS)
    write_numbers(options.pairs, pairs, comparisons.PAIR_COLUMNS)
    write_json(options.summary, summary)


if __name__ == "__main__":
    sys.exit(main())
