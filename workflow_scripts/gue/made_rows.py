"""The rows of a data set that is made from a user's intervals or FASTA files, before they are split."""

import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.interval_set import IntervalSet, Site, part_of
from workflow_scripts.common.labelled_fasta import FastaSet
from workflow_scripts.gue.genome_reader import read_genome
from workflow_scripts.gue.labelled_examples import Example, Place
from workflow_scripts.gue.made_negatives import GC_PERCENT, Unit, matched_units, shuffled_units
from workflow_scripts.gue.matched_windows import Background
from workflow_scripts.gue.packed_genome import Genome, Regions, cut_window
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.selection import drop_duplicates
from workflow_scripts.gue.unit_split import Chromosomes

FEWEST_DRAWS = 1000  # windows drawn at once, or a few positives would have few to choose from
NOTABLE_LOSS, LARGEST_LOSS = 0.01, 0.5  # shares of the positives without negatives: warned of, refused


@dataclass(frozen=True)
class Making:
    """How rows are made. ``negatives``: matched, shuffled or none; ``chromosomes``: empty for another split."""

    negatives: str
    ratio: int
    distance: int
    chromosomes: Chromosomes


def interval_units(
    found: IntervalSet, genome_path: Path, making: Making, recipe: Recipe, result: BuildResult
) -> list[Unit]:
    """The intervals with their negatives as units; ``result`` gets the counts and the construction."""
    genome = read_genome(genome_path, masked=making.negatives == "matched")
    rows = interval_rows(found, genome, result)
    if making.negatives == "none":
        units = [[row] for row in rows]
    elif making.negatives == "shuffled":
        units = shuffled_units(rows, making.ratio, recipe, result)
    else:
        together = contigs_together(rows, making.chromosomes)
        avoid = occupied(genome, found.sites, making.distance)
        background = Background(genome, avoid, fewest=FEWEST_DRAWS, repeats=True)
        units = matched_units(rows, background, together.__getitem__, making.ratio, recipe, result)
    check_loss(recipe, making, result, len(rows))
    result.construction = (
        f"Each interval, {found.around}: {found.width} bp of the genome, along its strand. "
        + describe_negatives(making, intervals=True)
    )
    return units


def fasta_units(
    found: FastaSet, genome_path: Path | None, making: Making, recipe: Recipe, result: BuildResult
) -> list[Unit]:
    """The sequences with their negatives as units; see :func:`interval_units`.

    For shuffles, a sequence has its record as its place, so that all splits keep the pair together.
    """
    result.candidates += len(found.records)
    numbers = {name: number for number, name in enumerate(found.classes)}
    rows = [
        Example(
            (record.sequence,),
            numbers[record.label] if numbers else 1,
            () if numbers else (Place(record.id, 0, len(record.sequence), "+"),),
            record.id,
        )
        for record in found.records
    ]
    rows = drop_duplicates(rows, result.dropped)
    if genome_path is None:
        units = [[row] for row in rows] if numbers else shuffled_units(rows, making.ratio, recipe, result)
    else:
        genome = read_genome(genome_path)
        background = Background(genome, genome.regions([]), fewest=FEWEST_DRAWS)
        contigs = tuple(sorted(genome.names))
        units = matched_units(rows, background, lambda _: contigs, making.ratio, recipe, result)
        units = [[positive._replace(places=()), *negatives] for positive, *negatives in units]
    check_loss(recipe, making, result, len(rows))
    negatives = describe_negatives(making, intervals=False)
    result.construction = f"The user's sequences, in upper case with T for U. {negatives}"
    return units


def interval_rows(found: IntervalSet, genome: Genome, result: BuildResult) -> list[Example]:
    """The distinct windows of the intervals that are on their contig and have only A, C, G and T."""
    numbers = {name: number for number, name in enumerate(found.classes)}
    rows = []
    for site in found.sites:
        result.candidates += 1
        if window := cut_window(genome, site.contig, site.start, found.width, site.strand, result.dropped):
            label, name = (numbers[site.name], "") if numbers else (1, site.name)
            rows.append(Example((window.sequence,), label, (window.place,), name))
    return drop_duplicates(rows, result.dropped)


def contigs_together(rows: list[Example], chromosomes: Chromosomes) -> dict[str, tuple[str, ...]]:
    """The contigs with rows -> those of the same split; all of them if the split is not by contig."""
    used = sorted({row.places[0].contig for row in rows})
    parts: dict[str, list[str]] = defaultdict(list)
    for contig in used:
        parts[part_of(contig, chromosomes)].append(contig)
    return {contig: tuple(members) for members in parts.values() for contig in members}


def occupied(genome: Genome, sites: list[Site], distance: int) -> Regions:
    """All intervals and their windows, with ``distance`` bases on either side."""
    taken = [(site.contig, *site.interval) for site in sites] + [(site.contig, site.start, site.end) for site in sites]
    return genome.regions([(contig, start - distance, end + distance) for contig, start, end in taken])


def check_loss(recipe: Recipe, making: Making, result: BuildResult, positives: int) -> None:
    """Warn of positives without negatives; raise UserError if they are most."""
    lost = result.dropped["no_matched_negative"] + result.dropped["no_shuffle"]
    if lost <= NOTABLE_LOSS * positives:
        return
    name = f"{recipe.task}/{recipe.dataset}"
    if making.negatives == "matched":
        told = "have too few free windows of their GC content in the genome"
        remedy = f"lower distance ({making.distance}) or ratio ({making.ratio}), or set negatives: shuffled"
    else:
        told, remedy = "have too few shuffles", "lower ratio, or leave out short and repetitive sequences"
    if lost > LARGEST_LOSS * positives:
        raise UserError(f"{name}: {lost:,} of {positives:,} positives {told}; {remedy}")
    print(f"warning: {name}: {lost:,} of {positives:,} positives {told} and are left out", file=sys.stderr)


def describe_negatives(making: Making, intervals: bool) -> str:
    """How negatives were made, for the data card. ``intervals``: whether the places of the positives are known."""
    if making.negatives == "none":
        return "No negatives were made: the classes are the user's."
    if making.negatives == "shuffled":
        return (
            f"Negatives, {making.ratio} for each positive: the positive, shuffled with its dinucleotide counts kept "
            "(Altschul and Erickson 1985). A model may tell them by longer words of genomes, without knowing what the "
            "positives have in common."
        )
    away = f"{making.distance} bp or more from every interval, " if intervals else ""
    repeats = "share of lower case (in quarters), " if intervals else ""
    return (
        f"Negatives, {making.ratio} for each positive: genome windows of its length and GC content (to within "
        f"{GC_PERCENT[-1]} % of the length), {repeats}along the same strand, {away}without overlaps or N."
    )


def account(result: BuildResult, read: int, overlapping: int) -> dict[str, Any]:
    """What became of the user's intervals or sequences, for the datasheet."""
    dropped = Counter({reason: n for reason, n in result.dropped.items() if not reason.startswith("negative_") and n})
    return {"read": read, "dropped": dict(dropped), "kept": read - dropped.total(), "overlapping": overlapping}
