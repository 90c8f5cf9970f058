"""The content of the page's sections, read from the files of the run, as plain dictionaries for the template."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.bootstrap import METRICS
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table
from workflow_scripts.common.fit_results import fit_folder
from workflow_scripts.common.json_objects import read_object
from workflow_scripts.report import paper
from workflow_scripts.report.collect_audits import COUNTS, MEASURES
from workflow_scripts.report.figures import FATES
from workflow_scripts.report.numeric_tables import read_numbers
from workflow_scripts.settings.names import SPLITS

CORPUS_COUNTS = ("bases", *FATES, "chunks", "train_chunks", "validation_chunks")
TOKENIZER_FACTS = (
    *("kind", "vocab_size", "merges", "sample_bases", "bases_per_token"),
    *("token_length_histogram", "longest_tokens"),
)
RESULT_COUNTS = ("seeds", "collapsed", "test_rows", "rerun_seeds", "rerun_collapsed")
RESULT_NUMBERS = (
    *("mean", "sd", "low", "high", "mean_without_collapsed", "steps", "chance", "truncated", "unknown_tokens"),
    *("paper_dnabert2", "paper_nt_2500m_multi", "difference_dnabert2"),
    *("rerun_dnabert2", "rerun_sd", "difference_rerun"),
    *(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")),
)


def corpus_by_group(path: Path) -> list[dict[str, Any]]:
    """Genomes and counts of each group, in table order. ``unaccounted`` bases should be zero.

    ``statuses`` counts the statuses of the genomes in the lock or table: current, replaced, substitute, ...;
    ``empty`` lists the genomes without a chunk.
    """
    groups: dict[str, dict[str, Any]] = {}
    for row in read_table(path):
        empty: dict[str, Any] = {"group": row["group"], "genomes": 0, "statuses": Counter(), "empty": []}
        group = groups.setdefault(row["group"], empty | dict.fromkeys(CORPUS_COUNTS, 0))
        group["genomes"] += 1
        group["statuses"].update([row["status"]] if row.get("status") else [])
        for column in CORPUS_COUNTS:
            try:
                group[column] += int(row[column])
            except (KeyError, ValueError):
                raise UserError(f"{path}: {column} of {row['accession']} is {row.get(column)!r}, not a count") from None
        group["empty"] += [] if int(row["chunks"]) else [row["accession"]]
    for group in groups.values():
        group["unaccounted"] = group["bases"] - sum(group[fate] for fate in FATES)
    return list(groups.values())


def corpus_total(groups: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The sums over all groups."""
    groups = list(groups)
    columns = ("genomes", *CORPUS_COUNTS, "unaccounted")
    statuses: Counter[str] = sum((row["statuses"] for row in groups), Counter())
    empty = [accession for row in groups for accession in row["empty"]]
    return {"group": "all", "statuses": statuses, "empty": empty} | {
        column: sum(row[column] for row in groups) for column in columns
    }


def occurring_fates(corpus: dict[str, Any] | None) -> dict[str, str]:
    """The entries of FATES that apply to at least one base of this corpus."""
    return {column: label for column, label in FATES.items() if corpus and corpus[column]}


def tokenizers(paths: list[Path], kept_bases: int | None) -> list[dict[str, Any]]:
    """The statistics of each tokenizer, with the estimated number of tokens of the whole corpus."""
    rows = []
    for path in paths:
        stats = dict.fromkeys(TOKENIZER_FACTS) | read_object(path)
        lengths = {int(length): count for length, count in (stats["token_length_histogram"] or {}).items()}
        compression = stats["bases_per_token"]
        rows.append(
            stats
            | {
                **{"name": path.parent.name, "file": path},
                "shortest": min(lengths, default=None),
                "longest": max(lengths, default=None),
                "corpus_tokens": kept_bases / compression if kept_bases and compression else None,
            }
        )
    return rows


def read_results(path: Path) -> list[dict[str, Any]]:
    """The table of results with its numbers; ``run`` is the name of the run, "model, method"."""
    rows = read_numbers(path, RESULT_COUNTS, RESULT_NUMBERS)
    for row in rows:
        row["run"] = f"{row['model']}, {row['method']}"
    return rows


def read_audits(path: Path) -> list[dict[str, Any]]:
    """The table of audits with its numbers."""
    return read_numbers(path, COUNTS, MEASURES)


def add_fit_paths(rows: list[dict[str, Any]], runs: list[dict[str, Any]], folder: Path) -> None:
    """Add to each row ``folder``, that of its fits, and ``fits``, the path of metrics.json by seed.

    ``runs`` are those of the summary; ``folder`` is that of all fits.
    """
    seeds = {(run["model"], run["method"]): run["seeds"] for run in runs}
    for row in rows:
        run, key, missing = (row["model"], row["method"]), (row["task"], row["dataset"]), row["missing"].split()
        row["folder"] = folder.joinpath(*run, *key)
        row["fits"] = {
            seed: fit_folder(folder, run, key, seed) / "metrics.json" for seed in seeds[run] if str(seed) not in missing
        }


def score_lines(rows: list[dict[str, Any]], runs: list[str]) -> list[dict[str, Any]]:
    """One line for each data set: the cell of each run (``None`` without a fit), published scores, chance accuracy.

    ``planned`` says for each run whether the configuration plans fits on the data set, ``comparable`` whether our
    scores are for the same rows and metric as the paper's.
    """
    cells = {(row["task"], row["dataset"], row["run"]): row for row in rows}
    lines = []
    for task, dataset in dict.fromkeys((row["task"], row["dataset"]) for row in rows):
        planned = [cells.get((task, dataset, run)) for run in runs]
        found = [cell if cell and cell["seeds"] else None for cell in planned]
        first = next(cell for cell in [*found, *planned] if cell)
        shared = ("metric", "test_rows", "chance", "paper_dnabert2", "paper_nt_2500m_multi")
        rerun = ("rerun_dnabert2", "rerun_sd", "rerun_seeds", "rerun_collapsed", "rerun_source")
        lines.append(
            {"task": task, "dataset": dataset, "cells": found, "planned": [cell is not None for cell in planned]}
            | {"comparable": first["difference_dnabert2"] is not None}
            | {name: first[name] for name in (*shared, *rerun)}
        )
    return lines


def chart_dots(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The data of the charts: each run and data set with fits; ``paper`` is ``None`` if it is not comparable."""
    return [
        {
            **{"run": cell["run"], "task": line["task"], "dataset": f"{line['task']}/{line['dataset']}"},
            **{"score": cell["mean"], "low": cell["low"], "high": cell["high"], "seeds": cell["seeds"]},
            **{"paper": line["paper_dnabert2"] if line["comparable"] else None},
        }
        for line in lines
        for cell in line["cells"]
        if cell
    ]


def task_means(lines: list[dict[str, Any]], runs: list[str]) -> list[dict[str, Any]]:
    """Means by task, over all data sets, and over those that are comparable with the paper if these are fewer.

    In a row all means are over the same ``datasets``. A run or model of the paper that lacks one of them has ``None``
    as its ``mean``; ``datasets`` of it says how many it has. ``comparable``: whether all of them are.
    """
    groups: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        groups.setdefault(line["task"], []).append(line)
    groups["all data sets"] = lines
    comparable = [line for line in lines if line["comparable"]]
    if 0 < len(comparable) < len(lines):
        groups["comparable with the paper"] = comparable
    rows = []
    for name, members in groups.items():
        ours = [[cell["mean"] for line in members if (cell := line["cells"][index])] for index in range(len(runs))]
        theirs = [
            [line[column] for line in members if line["comparable"] and line[column] is not None]
            for column in ("paper_dnabert2", "paper_nt_2500m_multi")
        ]
        means = [shared_mean(values, len(members)) for values in ours + theirs]
        rows.append(
            {"task": name, "datasets": len(members), "comparable": all(line["comparable"] for line in members)}
            | {"runs": means[: len(runs)], "paper": means[len(runs) :]}
        )
    return rows


def shared_mean(values: list[float], datasets: int) -> dict[str, Any]:
    """The mean of a row of the table of means, if there is a value for each of its data sets."""
    return {"mean": float(np.mean(values)) if len(values) == datasets else None, "datasets": len(values)}


def claims(paths: list[Path]) -> list[dict[str, Any]]:
    """The result of each study, with its file and its table."""
    return [read_object(path) | {"file": path, "table": path.with_name("table.tsv")} for path in paths]


def paper_models(cells: paper.Cells, path: Path) -> list[dict[str, Any]]:
    """The paper's models, with their averages as quoted and as recomputed."""
    models = read_table(path)
    return [model | average for model, average in zip(models, paper.averages(cells, models), strict=True)]


def datasets(paths: list[Path]) -> list[dict[str, Any]]:
    """One line for each datasheet: origin, classes, lengths, rows, and the number of dropped candidates."""
    rows = []
    for path in paths:
        sheet = read_object(path)
        splits = sheet.get("splits", {})
        rows.append(
            {
                **{name: sheet.get(name) for name in ("task", "dataset", "name", "origin")},
                "classes": len(sheet.get("classes", [])),
                "length": sheet.get("length", {}),
                "splits": [splits.get(split, {}).get("rows") for split in SPLITS],
                "published": [sheet.get("registry_rows", {}).get(split) for split in SPLITS],
                "dropped": sum(sheet.get("dropped", {}).values()),
                "file": path,
            }
        )
    return rows
