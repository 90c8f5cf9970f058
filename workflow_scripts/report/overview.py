"""What stands on top of the page: the run in short, and what failed or is missing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.files import read_table
from workflow_scripts.report import paper

GIVEN = {  # input of the page -> words for what it tells
    "corpus": "the corpus",
    "tokenizers": "tokenizers",
    "tokenization": "the study of tokenizers",
    "pretraining": "pre-trained models",
    "logs": "curves of pre-training",
    "datasheets": "datasheets",
    "audits": "audits",
    "efficiency": "costs",
    "record": "the record of the run",
}


def beside_paper(
    lines: Sequence[Mapping[str, Any]], runs: Sequence[str], verdicts: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Each run beside the paper's DNABERT-2: means x 100 over the data sets that compare, and how often which verdict.

    ``lines`` are those of :func:`sections.matrix`, ``verdicts`` the counts of the summary. ``ours`` and ``theirs`` are
    over the same ``comparable`` data sets, ``None`` where there is none; ``mean`` is over all data sets of the run.
    """
    counted = {row["run"]: row for row in verdicts if row["paper_model"] == paper.DNABERT2}
    rows = []
    for index, run in enumerate(runs):
        cells = [line["cells"][index] for line in lines if line["cells"][index]]
        comparable = [cell for cell in cells if cell["difference_dnabert2"] is not None]
        rows.append(
            {
                **{"run": run, "datasets": len(cells), "mean": average(cells, "mean")},
                **{"comparable": len(comparable), "ours": average(comparable, "mean")},
                **{"theirs": average(comparable, "paper_dnabert2"), "verdicts": counted[run]},
            }
        )
    return rows


def average(cells: Sequence[Mapping[str, Any]], column: str) -> float | None:
    """The mean of a column; ``None`` over no cells."""
    return float(np.mean([cell[column] for cell in cells])) if cells else None


def spent(costs: Sequence[Mapping[str, str]]) -> dict[str, float | None]:
    """What all fits took together: ``seconds``, ``gpu_hours``, and the most ``memory_mb`` of any.

    ``costs`` are the rows of efficiency.tsv as text. Seconds and memory are ``None`` where a run with fits lacks them;
    a run without GPU hours used no GPU.
    """
    runs = [row for row in costs if int(row["fits"] or 0)]
    measured = {name: all(row[name] for row in runs) for name in ("seconds_per_fit", "memory_mb")}

    def over_fits(column: str) -> float:
        return sum(int(row["fits"]) * float(row[column] or 0) for row in runs)

    return {
        "seconds": over_fits("seconds_per_fit") if measured["seconds_per_fit"] else None,
        "gpu_hours": over_fits("gpu_hours_per_fit"),
        "memory_mb": max(float(row["memory_mb"]) for row in runs) if measured["memory_mb"] else None,
    }


def without_assembly(path: Path) -> list[str]:
    """The species of a table that have no assembly."""
    return [row["organism"] for row in read_table(path) if not row["accession"]]


def not_run(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """By run, the data sets of the table of results with fits that were asked for and are not there, with the seeds."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if seeds := row["missing"].split():
            which = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}"
            found.setdefault(row["run"], []).append(f"{row['task']}/{row['dataset']} ({which})")
    return found


def not_asked(rows: Sequence[Mapping[str, Any]], runs: Sequence[str]) -> dict[str, list[str]]:
    """By run, the data sets that only other runs were asked for."""
    asked = {(row["run"], row["task"], row["dataset"]) for row in rows}
    datasets = dict.fromkeys((row["task"], row["dataset"]) for row in rows)
    lacking = {run: ["/".join(key) for key in datasets if (run, *key) not in asked] for run in runs}
    return {run: names for run, names in lacking.items() if names}


def findings(
    rows: Sequence[Mapping[str, Any]],
    runs: Sequence[str],
    summary: Mapping[str, Any],
    groups: Sequence[Mapping[str, Any]],
    files: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """What failed or is missing: of each kind a ``title``, whose ``names`` in which ``unit``, and words for ``none``.

    ``rows`` are those of the table of results, ``runs`` the names of those of the summary, in their order, ``groups``
    the corpus by group, ``files`` the inputs of the page.
    ``names`` are lists by run, or under an empty name where they are of no run; ``failed`` says whether they are
    failures, or only things that were not asked for.
    """
    collapsed = {name: run["collapsed"] for name, run in zip(runs, summary["runs"], strict=True) if run["collapsed"]}
    found = [
        ("Fits not run", not_run(rows), "data sets", "none; every fit that was asked for is there", True),
        ("Collapsed fits", collapsed, "fits", "none", True),
        ("Asked of other runs only", not_asked(rows, runs), "data sets", "none; all runs have the same", False),
        ("In no run", {"": summary["not_run"]}, "data sets", "none; the whole registry is covered", False),
    ]
    if files["species"]:
        names = without_assembly(files["species"])
        found.append(("Species without assembly", {"": names}, "species", "none in the table of species", False))
    if groups:
        off = {row["group"]: row["unaccounted"] for row in groups if row["unaccounted"]}
        off = [f"{group} has {bases:,} bases neither kept nor dropped" for group, bases in off.items()]
        words = "none; every base read is kept or dropped"
        found.append(("Counts that do not add up", {"": off}, "groups", words, True))
    absent = [words for name, words in GIVEN.items() if not files[name]]
    found.append(("Not given to this page", {"": absent}, "inputs", "nothing", False))
    return [dict(zip(("title", "names", "unit", "none", "failed"), row, strict=True)) for row in found]
