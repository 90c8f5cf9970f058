"""The contents of the page's sections, from the files of the run; plain dictionaries for the template."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_table
from workflow_scripts.report import paper
from workflow_scripts.report.figures import FATES
from workflow_scripts.report.fit_results import place
from workflow_scripts.report.inputs import load, read_log
from workflow_scripts.report.resampling import METRICS
from workflow_scripts.settings.names import SPLITS

CORPUS_COUNTS = ("bases", *FATES, "chunks", "train_chunks", "validation_chunks")
TOKENIZER_FACTS = (
    *("kind", "vocab_size", "merges", "sample_bases", "bases_per_token"),
    *("token_length_histogram", "longest_tokens"),
)
MODEL_FACTS = (
    *("model", "parameters", "steps", "tokens_seen", "hardware"),
    *("validation_loss", "validation_accuracy", "bits_per_base", "unigram_entropy", "reference_loss"),
)
NUMBERS = (
    *("mean", "sd", "low", "high", "mean_without_collapsed", "chance", "truncated"),
    *("paper_dnabert2", "paper_nt_2500m_multi", "difference_dnabert2"),
    *(f"{metric}{end}" for metric in METRICS for end in ("", "_low", "_high")),
)


def corpus_by_group(path: Path) -> list[dict[str, Any]]:
    """Genomes and counts of each group, in the order of the table. ``unaccounted`` bases should be zero.

    ``statuses`` counts what a lock or table says of the genomes: current, replaced, substitute, ...
    """
    groups: dict[str, dict[str, Any]] = {}
    for row in read_table(path):
        empty = {"group": row["group"], "genomes": 0, "statuses": Counter()}
        mine = groups.setdefault(row["group"], empty | dict.fromkeys(CORPUS_COUNTS, 0))
        mine["genomes"] += 1
        mine["statuses"].update([row["status"]] if row.get("status") else [])
        for column in CORPUS_COUNTS:
            try:
                mine[column] += int(row[column])
            except (KeyError, ValueError):
                raise UserError(f"{path}: {column} of {row['accession']} is {row.get(column)!r}, not a count") from None
    for mine in groups.values():
        mine["unaccounted"] = mine["bases"] - sum(mine[fate] for fate in FATES)
    return list(groups.values())


def total(groups: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The sum over groups."""
    groups = list(groups)
    columns = ("genomes", *CORPUS_COUNTS, "unaccounted")
    statuses = sum((row["statuses"] for row in groups), Counter())
    return {"group": "all", "statuses": statuses} | {column: sum(row[column] for row in groups) for column in columns}


def fates(corpus: dict[str, Any] | None) -> dict[str, str]:
    """What befell bases of this corpus, column to words: those of FATES that did occur."""
    return {column: words for column, words in FATES.items() if corpus and corpus[column]}


def tokenizers(paths: list[Path], kept_bases: int | None) -> list[dict[str, Any]]:
    """The statistics of each tokenizer, with the tokens that the whole corpus would give at its bases per token."""
    rows = []
    for path in paths:
        stats = dict.fromkeys(TOKENIZER_FACTS) | load(path)
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


def pretraining(summaries: list[Path], logs: list[Path]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The summary of each pre-trained model, and the curves of each log; files of one folder are of one model."""
    by_folder = {path.parent: dict.fromkeys(MODEL_FACTS) | load(path) | {"file": path} for path in summaries}
    curves = []
    for path in logs:
        summary = by_folder.get(path.parent, {})
        name = summary.get("model", path.parent.name)
        known = {"entropy": summary.get("unigram_entropy"), "reference": summary.get("reference_loss")}
        curves.append({"model": name} | known | read_log(path))
    return list(by_folder.values()), curves


def read_results(path: Path) -> list[dict[str, Any]]:
    """Read the table of results, its numbers as numbers; empty cells are ``None``."""
    rows = read_table(path)
    for row in rows:
        row.update({name: float(row[name]) if row[name] else None for name in NUMBERS})
        row.update({name: int(row[name] or 0) for name in ("seeds", "collapsed", "test_rows")})
        row["run"] = f"{row['model']}, {row['method']}"
    return rows


def locate(rows: list[dict[str, Any]], runs: list[dict[str, Any]], folder: Path) -> None:
    """Say in each row with fits where they lie: ``folder``, and ``fits``, the metrics.json of each seed.

    ``runs`` are those of the summary; ``folder`` holds all fits.
    """
    seeds = {(run["model"], run["method"]): run["seeds"] for run in runs}
    for row in rows:
        run, key, missing = (row["model"], row["method"]), (row["task"], row["dataset"]), row["missing"].split()
        row["folder"] = folder.joinpath(*run, *key)
        row["fits"] = {
            seed: place(folder, run, key, seed) / "metrics.json" for seed in seeds[run] if str(seed) not in missing
        }


def matrix(rows: list[dict[str, Any]], runs: list[str], quoted: dict[tuple[str, str], str]) -> list[dict[str, Any]]:
    """One line for each data set: the cell of each run (``None`` where missing), the paper's values, chance.

    ``asked`` says of each run whether the configuration asks for its fits on the data set. ``quoted`` names the paper's
    metric for each of its data sets. ``comparable`` says whether the scores are of the same rows and metric as the
    paper's.
    """
    cells = {(row["task"], row["dataset"], row["run"]): row for row in rows}
    lines = []
    for task, dataset in dict.fromkeys((row["task"], row["dataset"]) for row in rows):
        asked = [cells.get((task, dataset, run)) for run in runs]
        found = [cell if cell and cell["seeds"] else None for cell in asked]
        first = next(cell for cell in [*found, *asked] if cell)
        shared = ("metric", "test_rows", "chance", "paper_dnabert2", "paper_nt_2500m_multi")
        theirs = quoted.get((task, dataset))
        lines.append(
            {"task": task, "dataset": dataset, "cells": found, "asked": [cell is not None for cell in asked]}
            | {"paper_metric": theirs, "same_metric": theirs == first["metric"]}
            | {"comparable": first["difference_dnabert2"] is not None}
            | {name: first[name] for name in shared}
        )
    return lines


def dots(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the charts show of each run and data set with fits; ``paper`` is ``None`` where scores do not compare."""
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


def task_means(lines: list[dict[str, Any]], runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Means by task and over all data sets of each run, and of the paper's models over the same data sets."""
    tasks: dict[str | None, list[dict[str, Any]]] = {}
    for line in lines:
        tasks.setdefault(line["task"], []).append(line)
    tasks[None] = lines
    rows = []
    for task, members in tasks.items():
        mine = [run["tasks"].get(task) if task else {"mean": run["mean"], "datasets": run["datasets"]} for run in runs]
        quoted = []
        for name in ("paper_dnabert2", "paper_nt_2500m_multi"):
            values = [line[name] for line in members if line[name] is not None and line["comparable"]]
            quoted.append({"mean": float(np.mean(values)), "datasets": len(values)} if values else None)
        rows.append({"task": task or "all data sets", "datasets": len(members), "runs": mine, "paper": quoted})
    return rows


def paper_models(cells: paper.Cells, path: Path) -> list[dict[str, Any]]:
    """The paper's models, with their averages as quoted and as the cells give them."""
    models = read_table(path)
    return [model | average for model, average in zip(models, paper.averages(cells, models), strict=True)]


def datasets(paths: list[Path]) -> list[dict[str, Any]]:
    """One line for each datasheet: rows, classes, lengths, and what was dropped."""
    rows = []
    for path in paths:
        sheet = load(path)
        splits = sheet.get("splits", {})
        rows.append(
            {
                **{name: sheet.get(name) for name in ("task", "dataset", "name", "species", "origin")},
                "classes": len(sheet.get("classes", [])),
                "length": sheet.get("length", {}),
                "splits": [splits.get(split, {}).get("rows") for split in SPLITS],
                "published": [sheet.get("registry_rows", {}).get(split) for split in SPLITS],
                "dropped": sum(sheet.get("dropped", {}).values()),
                "file": path,
            }
        )
    return rows
