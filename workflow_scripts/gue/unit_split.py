"""Splits of units of rows that belong together: at random, by homology, or by contig."""

from collections import Counter
from typing import Any

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.interval_set import part_of
from workflow_scripts.gue.labelled_examples import Example, Splits
from workflow_scripts.gue.made_negatives import Unit
from workflow_scripts.gue.recipe import Recipe
from workflow_scripts.gue.split import LARGEST_SHARE, Sizes, deal_units, describe_split, homology_split, shuffled
from workflow_scripts.settings.names import SPLITS

Chromosomes = dict[str, list[str]]
"""The contigs of dev and of test."""


def sizes(rows: int) -> Sizes:
    """Rows of train, dev and test in the proportion 8:1:1, as most data sets of the benchmark have."""
    tenth = max(1, round(rows / 10))
    return rows - 2 * tenth, tenth, tenth


def joined(units: list[Unit]) -> tuple[list[Unit], int]:
    """The units whose first rows overlap on the genome as one, and how many first rows overlap another one."""
    merged: list[Unit] = []
    members: list[int] = []
    contig, end = "", 0
    for unit in sorted(units, key=lambda unit: unit[0].places):
        place = unit[0].places[0]
        if merged and place.contig == contig and place.start < end:
            merged[-1] = merged[-1] + unit
            members[-1] += 1
        else:
            merged.append(unit)
            members.append(1)
            contig, end = place.contig, 0
        end = max(end, place.end)
    return merged, sum(count for count in members if count > 1)


def too_large(units: list[Unit]) -> Unit | None:
    """A unit that holds so many of the rows that no random split has the wanted sizes; None if there is none."""
    largest = max(units, key=len, default=[])
    return largest if len(largest) > LARGEST_SHARE * sum(map(len, units)) else None


def split_units(
    units: list[Unit], method: str, chromosomes: Chromosomes, recipe: Recipe, dropped: Counter[str]
) -> Splits:
    """The rows in three splits. ``method``: random or homology, 8:1:1, or chromosome.

    At random, units stay together and no row is dropped. By homology, rows with the same place stay together.
    """
    rows = [row for unit in units for row in unit]
    if method == "homology":
        return homology_split(rows, sizes(len(rows)), recipe, dropped)
    if method == "random":
        return deal_units(units, (8 * len(rows), len(rows), len(rows)), recipe, dropped)
    parts: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for row in rows:
        parts[part_of(row.places[0].contig, chromosomes)].append(row)
    return shuffled(parts, recipe)


def describe(method: str, chromosomes: Chromosomes) -> dict[str, Any]:
    """The method for the datasheet."""
    return {"method": method, **chromosomes} if chromosomes else describe_split(method)


def check_splits(where: str, splits: Splits, classes: list[str]) -> None:
    """Raise UserError if a split that was made here is empty, or if train lacks a class."""
    if empty := [split for split in SPLITS if not splits[split]]:
        raise UserError(f"{where}: no rows for {', '.join(empty)}; give more rows that are not related")
    labels = {row.label for row in splits["train"]}
    if missing := [name for number, name in enumerate(classes) if number not in labels]:
        raise UserError(f"{where}: no row of class {missing[0]!r} is in train; give more rows of it, or remove it")
