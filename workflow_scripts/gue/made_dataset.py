"""A data set that is made from a user's intervals or FASTA files: read, given negatives, split, written."""

import sys
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import digest
from workflow_scripts.common.interval_set import IntervalSet
from workflow_scripts.gue.datasheet import write_dataset
from workflow_scripts.gue.made_negatives import CLASSES
from workflow_scripts.gue.made_rows import Making, account, fasta_units, interval_units
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.registry import custom_dataset
from workflow_scripts.gue.unit_split import check_splits, describe, joined, split_units, too_large
from workflow_scripts.settings.custom_datasets import DISTANCE, RATIO, Custom
from workflow_scripts.settings.custom_sources import read_made_sources


def making_of(entry: Custom) -> Making:
    """How the rows of an entry are made."""
    distance = DISTANCE if entry.distance is None else entry.distance
    return Making(entry.made_negatives, entry.ratio or RATIO, distance, entry.contigs())


def make_dataset(task: str, name: str, entry: Custom, metric: str, seed: int, out: Path) -> None:
    """Make the data set ``task/name`` and write it to ``out``; on an error nothing is written."""
    making, files, method = making_of(entry), entry.files(), entry.split or "random"
    found = read_made_sources(entry)
    print(*found.understood, sep="\n", file=sys.stderr)
    classes, result = found.classes or CLASSES, BuildResult()
    recipe = Recipe(task, name, 0, 0, seed, classes)
    if isinstance(found, IntervalSet):
        read, letters = len(found.sites), {}
        units = interval_units(found, files["genome"], making, recipe, result)
        units, overlapping = joined(units)
    else:
        read, letters, overlapping = len(found.records), found.letters, 0
        units = fasta_units(found, files.get("genome"), making, recipe, result)
    where = str(next(iter(files.values())))
    if method == "random" and (chain := too_large(units)):
        raise UserError(
            f"{where}: {len(chain):,} of {sum(map(len, units)):,} rows are of intervals that overlap in one chain, "
            "which stay in one split; take split: chromosome, or a smaller width"
        )
    facts = account(result, read, overlapping)
    splits = split_units(units, method, making.chromosomes, recipe, result.dropped)
    check_splits(where, splits, classes)
    kept = sum(map(len, splits.values()))
    assert result.candidates == kept + result.dropped.total(), "counts of candidates do not add up"
    write_dataset(
        out,
        custom_dataset(task, name, metric, classes, splits, ("sequence", "label")),
        classes,
        splits,
        origin="custom",
        split=describe(method, making.chromosomes),
        problem="classification",
        sources=[{"file": str(path), "role": role, "sha256": digest(path)} for role, path in files.items()],
        construction=result.construction,
        understood=found.understood,
        labels={name: number for number, name in enumerate(classes)},
        normalized=letters,
        seed=seed,
        candidates=result.candidates,
        dropped=result.dropped,
        positives=facts,
    )
