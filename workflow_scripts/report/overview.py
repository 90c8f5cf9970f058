"""The top of the page: a summary of the run, and what failed or is missing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.files import read_table
from workflow_scripts.report import paper
from workflow_scripts.report.references import PAPER

OPTIONAL_INPUTS = {  # input of the page -> its name on the page
    "corpus": "the corpus",
    "tokenizers": "tokenizers",
    "tokenization": "the tokenization study",
    "pretraining": "pre-trained models",
    "logs": "training curves",
    "datasheets": "datasheets",
    "audits": "audits",
    "strata": "scores by similarity",
    "evidence": "what is behind the scores",
    "efficiency": "costs",
    "record": "the record of the run",
}


def compare_with_paper(
    lines: Sequence[Mapping[str, Any]], runs: Sequence[str], verdicts: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Each run compared with the paper's DNABERT-2: means x 100 over the comparable data sets, and verdict counts.

    ``lines`` are those of :func:`page_content.score_lines`, ``verdicts`` the counts of the summary. ``mean`` is over
    all data sets of the page, ``ours`` and ``theirs`` over all that are ``comparable``. They are ``None`` for a run
    that lacks one of these, because the reader compares the means of the runs.
    """
    counted = {
        row["run"]: row for row in verdicts if (row["source"], row["published_model"]) == (PAPER, paper.DNABERT2)
    }
    comparable = [line for line in lines if line["comparable"]]
    rows = []
    for index, run in enumerate(runs):
        everywhere, here = complete(lines, index), complete(comparable, index)
        rows.append(
            {
                **{"run": run, "datasets": sum(line["cells"][index] is not None for line in lines)},
                **{"total": len(lines), "comparable": len(comparable), "mean": column_mean(everywhere, "mean")},
                **{"ours": column_mean(here, "mean"), "theirs": column_mean(here, "paper_dnabert2")},
                "verdicts": counted[run],
            }
        )
    return rows


def complete(lines: Sequence[Mapping[str, Any]], index: int) -> list[Mapping[str, Any]]:
    """The cells of a run in these lines; none if it lacks one."""
    cells = [line["cells"][index] for line in lines]
    return [] if None in cells else cells


def column_mean(cells: Sequence[Mapping[str, Any]], column: str) -> float | None:
    """The mean of a column; ``None`` for no cells."""
    return float(np.mean([cell[column] for cell in cells])) if cells else None


def total_costs(costs: Sequence[Mapping[str, str]]) -> dict[str, float | None]:
    """The costs of all fits together: ``seconds``, ``gpu_hours``, and the largest ``memory_mb`` of any fit.

    ``costs`` are the rows of efficiency.tsv as text. Seconds and memory are ``None`` if a run with fits lacks them; a
    run without GPU hours used no GPU.
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


def species_without_assembly(path: Path) -> list[str]:
    """The species of a table that have no assembly."""
    return [row["organism"] for row in read_table(path) if not row["accession"]]


def missing_fits(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Run -> the data sets in the table of results with planned but missing fits, and their seeds."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if seeds := row["missing"].split():
            which = f"seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}"
            found.setdefault(row["run"], []).append(f"{row['task']}/{row['dataset']} ({which})")
    return found


def unplanned_datasets(rows: Sequence[Mapping[str, Any]], runs: Sequence[str]) -> dict[str, list[str]]:
    """Run -> the data sets that are planned only for other runs."""
    planned = {(row["run"], row["task"], row["dataset"]) for row in rows}
    datasets = dict.fromkeys((row["task"], row["dataset"]) for row in rows)
    lacking = {run: ["/".join(key) for key in datasets if (run, *key) not in planned] for run in runs}
    return {run: names for run, names in lacking.items() if names}


def worse_than_floors(floors: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Run -> the data sets on which it is no better than a floor."""
    found: dict[str, list[str]] = {}
    for part in floors:
        for model in part["worse"]:
            if model["above"]:
                found.setdefault(model["run"], []).append(part["name"])
    return found


def findings(
    rows: Sequence[Mapping[str, Any]],
    runs: Sequence[str],
    summary: Mapping[str, Any],
    groups: Sequence[Mapping[str, Any]],
    files: Mapping[str, Any],
    floors: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """What failed or is missing, as entries of a list on the page.

    ``rows`` are those of the table of results, ``runs`` the names of the runs of the summary, in order, ``groups`` the
    corpus by group, ``files`` the inputs of the page, ``floors`` see :func:`floors_section.floors`.

    An entry has a ``title``; ``names``, lists of ``unit`` by run, or under an empty name if they belong to no run; the
    text ``none`` for empty lists; and ``failed``, whether the names are failures.
    """
    collapsed = {name: run["collapsed"] for name, run in zip(runs, summary["runs"], strict=True) if run["collapsed"]}
    found: list[tuple[str, dict[str, list[str]], str, str, bool]] = [
        ("Fits not run", missing_fits(rows), "data sets", "none; all planned fits exist", True),
        ("Collapsed fits", collapsed, "fits", "none", True),
        ("No better than a floor", worse_than_floors(floors), "data sets", "none; see the section on floors", True),
        ("Planned only for other runs", unplanned_datasets(rows, runs), "data sets", "none; all runs agree", False),
        ("In no run", {"": summary["not_run"]}, "data sets", "none; the whole registry is covered", False),
    ]
    if files["species"]:
        names = species_without_assembly(files["species"])
        found.append(("Species without assembly", {"": names}, "species", "none in the species table", False))
    if groups:
        unaccounted = [
            f"{row['group']} has {row['unaccounted']:,} bases neither kept nor dropped"
            for row in groups
            if row["unaccounted"]
        ]
        none = "none; every base read is kept or dropped"
        found.append(("Counts that do not add up", {"": unaccounted}, "groups", none, True))
    absent = [name for option, name in OPTIONAL_INPUTS.items() if not files[option]]
    found.append(("Not given to this page", {"": absent}, "inputs", "nothing", False))
    return [dict(zip(("title", "names", "unit", "none", "failed"), row, strict=True)) for row in found]
