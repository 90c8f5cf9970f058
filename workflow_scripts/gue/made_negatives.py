"""Negatives of a user's positives: matched windows of a genome, or dinucleotide shuffles.

Rows that belong together are a unit: a positive, which comes first, and its negatives.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.progress import Progress
from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.gue.matched_windows import Background, gc_matched
from workflow_scripts.gue.packed_genome import Window
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.relatedness import CoveredPlaces

CLASSES = ["negative", "positive"]
GC_PERCENT = range(4)  # the tolerances in which a GC content is matched, in percent of the length
SHUFFLES = 20  # shuffles of a positive that are tried for each negative

Unit = list[Example]


def matched_units(
    positives: list[Example],
    background: Background,
    together: Callable[[str], tuple[str, ...]],
    ratio: int,
    recipe: Recipe,
    result: BuildResult,
) -> list[Unit]:
    """Each positive with ``ratio`` windows of ``background`` that match it, none of which overlap.

    ``together``: the contigs to draw from for a positive, by its contig. A positive without enough windows is dropped
    as ``no_matched_negative``, those that it has as ``negative_without_positive``; the other reasons begin with
    ``negative_`` too.
    """
    draws, apart, seen = BuildResult(), CoveredPlaces(), {row.sequences[0] for row in positives}
    groups: dict[tuple[tuple[str, ...], int], list[int]] = defaultdict(list)
    windows = [Window(row.sequences[0], row.places[0]) for row in positives]
    for number, window in enumerate(windows):
        groups[together(window.place.contig), len(window.sequence)].append(number)
    found: list[list[Window]] = [[] for _ in positives]
    with Progress(len(positives) * ratio, "negative", "matching GC") as progress:
        for (contigs, length), members in sorted(groups.items()):
            tolerances = [round(length * percent / 100) for percent in GC_PERCENT]
            matches = gc_matched(
                replace(background, contigs=contigs, tolerances=tolerances, apart=apart, seen=seen),
                [windows[number] for number in members] * ratio,
                recipe.random("matched", *contigs, length),
                draws,
                progress,
            )
            for number, match in zip(members * ratio, matches, strict=True):
                found[number] += [match] if match else []
    result.candidates += draws.candidates
    draws.dropped["too_close"] = draws.dropped.pop("overlaps_peak", 0)
    result.dropped.update({f"negative_{reason}": count for reason, count in draws.dropped.items()})
    units = []
    for row, negatives in zip(positives, found, strict=True):
        if len(negatives) == ratio:
            units.append([row, *(Example((window.sequence,), 0, (window.place,)) for window in negatives)])
        else:
            result.dropped["no_matched_negative"] += 1
            result.dropped["negative_without_positive"] += len(negatives)
    return units


def shuffled_units(positives: list[Example], ratio: int, recipe: Recipe, result: BuildResult) -> list[Unit]:
    """Each positive with ``ratio`` distinct dinucleotide shuffles, which have its place.

    A positive that has too few shuffles, such as a run of one letter, is dropped as ``no_shuffle``.
    """
    random, units = recipe.random("shuffled"), []
    taken = {row.sequences[0] for row in positives}
    for row in positives:
        shuffles: list[str] = []
        for _ in range(SHUFFLES * ratio):
            shuffle = dinucleotide_shuffled(row.sequences[0], random)
            if shuffle not in taken:
                taken.add(shuffle)
                shuffles.append(shuffle)
            if len(shuffles) == ratio:
                break
        if len(shuffles) == ratio:
            result.candidates += ratio
            units.append([row, *(Example((shuffle,), 0, row.places) for shuffle in shuffles)])
        else:
            result.dropped["no_shuffle"] += 1
    return units
