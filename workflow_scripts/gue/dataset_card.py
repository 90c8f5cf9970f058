"""The data card of a data set, README.md: the facts of its datasheet as text and tables."""

from collections.abc import Iterable, Sequence
from typing import Any

from workflow_scripts.settings.names import SPLITS

TEMPLATE = """\
---
tags: [dna, genomics]
---
# {name}

Task {task}, data set {dataset}; origin: {origin}. The metric for comparing models is {metric}.

## Rows

{rows}

Sequences have {shortest:,} to {longest:,} bases, with a median of {median:,g}; for pairs, both sequences together.

## Construction

{construction}

{seed}Of {candidates:,} candidates {kept:,} became rows. {dropped}

## Sources

{sources}

The owners of the sources and their terms are in docs/data.md of the workflow; read them before you redistribute rows.

## Before you use it

`audit.json` in this folder counts rows that are related to rows of another split or contradict each other, and reports
how well GC content, k-mers, the nearest train row or the row that one was made from predict the classes; a data set
without classes has no audit. `test_rows.tsv` lists the nearest train row of each test row. `places.tsv` lists
where rows were cut from a genome, if that is known. `datasheet.json` has the facts of this page in machine-readable
form, with the sha256 of the three CSV files.
"""


def markdown_table(header: Sequence[object], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def rows_table(sheet: dict[str, Any]) -> str:
    """The number of rows of each split, by class if there are classes, and in total."""
    splits = sheet["splits"]
    rows = [
        [f"{label}: {name}", *(f"{splits[split]['classes'][str(label)]:,}" for split in SPLITS)]
        for label, name in enumerate(sheet["classes"])
    ]
    return markdown_table(["label", *SPLITS], [*rows, ["all", *(f"{splits[split]['rows']:,}" for split in SPLITS)]])


def sources_table(sources: list[dict[str, str]]) -> str:
    """The source files, each with its origin or role and its sha256."""
    rows = [[source["file"], source.get("label") or source["role"], f"`{source['sha256']}`"] for source in sources]
    return markdown_table(["file", "content", "sha256"], rows)


def render_card(sheet: dict[str, Any]) -> str:
    """The data card in Markdown for a datasheet (see datasheet.describe)."""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sheet["dropped"].items())
    return TEMPLATE.format(
        name=sheet["name"],
        task=sheet["task"],
        dataset=sheet["dataset"],
        origin=sheet["origin"],
        metric=sheet["metric"],
        rows=rows_table(sheet),
        shortest=sheet["length"]["min"],
        longest=sheet["length"]["max"],
        median=sheet["length"]["median"],
        construction=sheet["construction"],
        seed="" if sheet["seed"] is None else f"Split: {sheet['split']['method']}, seed {sheet['seed']}. ",
        candidates=sheet["candidates"],
        kept=sum(facts["rows"] for facts in sheet["splits"].values()),
        dropped=f"Dropped: {reasons}." if reasons else "None was dropped.",
        sources=sources_table(sheet["sources"]),
    )
