"""The data card of a data set: its datasheet in words and tables."""

from collections.abc import Iterable
from typing import Any

from workflow_scripts.settings.names import SPLITS

TEMPLATE = """\
---
tags: [dna, genomics]
---
# {name}

Task {task}, data set {dataset}; origin: {origin}. Models are compared by {metric}.

## Rows

{rows}

A sequence has {shortest:,} to {longest:,} bases, {median:,g} in the median; those of a pair are added.

## How it was made

{construction}

{seed}Of {candidates:,} candidates {kept:,} are rows. {dropped}

## Where it comes from

{sources}

Owners and terms of the sources are in docs/data.md of the workflow; look at them before you pass rows on.

## What to know before you use it

`audit.json` beside this file counts rows that are related to those of another split or contradict each other, and says
what GC or k-mers alone achieve; a data set without classes has none. `places.tsv` has where rows were cut from a
genome, where that is known. `datasheet.json` has this page for programs, with the sha256 of the three files.
"""


def table(header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    """A table in Markdown."""
    lines = [list(header), *rows]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def rows_table(sheet: dict[str, Any]) -> str:
    """Rows of each split: by class, where there are classes, and in all."""
    splits = sheet["splits"]
    rows = [
        [f"{label}: {name}", *(f"{splits[split]['classes'][str(label)]:,}" for split in SPLITS)]
        for label, name in enumerate(sheet["classes"])
    ]
    return table(["label", *SPLITS], [*rows, ["all", *(f"{splits[split]['rows']:,}" for split in SPLITS)]])


def sources_table(sources: list[dict[str, str]]) -> str:
    """The files that it was made of, each with whose or what it is, and its sha256."""
    rows = [[source["file"], source.get("label") or source["role"], f"`{source['sha256']}`"] for source in sources]
    return table(["file", "what it is", "sha256"], rows)


def dataset_card(sheet: dict[str, Any]) -> str:
    """Markdown with the facts of a datasheet (see datasheet.describe)."""
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
