"""Builder of tf_human and tf_mouse (transcription factor binding): ChIP-seq peaks and a genome.

Positives: 101 bp centred on the summit, plus strand. Negatives (the paper's appendix): for human, genome windows of
the same length and GC content that overlap no peak; for mouse, the positive shuffled with its dinucleotide counts
kept.
"""

from collections import defaultdict

import numpy as np

from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.progress import Progress
from workflow_scripts.gue.genome_reader import read_genome
from workflow_scripts.gue.packed_genome import (
    Genome,
    Regions,
    Window,
    check_position,
    cut_window,
    gc_count,
    gc_counts,
    random_addresses,
    to_example,
    usable_windows,
)
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.selection import subsample
from workflow_scripts.gue.source_readers import Peak, read_peaks
from workflow_scripts.gue.sources import Source, source_path

DRAWS_PER_TOLERANCE = 50  # windows drawn for each positive before the tolerance grows by a base
MAX_GC_DIFFERENCE = 3  # bases: 3 % of 101


def summit_windows(genome: Genome, peaks: list[Peak], length: int, result: BuildResult) -> list[Window]:
    """The windows that have a summit at index ``length // 2``, without duplicates."""
    windows: dict[str, Window] = {}
    for peak in peaks:
        check_position(genome, peak.contig, peak.end - 1, peak.where)
        result.candidates += 1
        window = cut_window(genome, peak.contig, peak.summit - length // 2, length, "+", result.dropped)
        if window and window.sequence in windows:
            result.dropped["duplicate"] += 1
        elif window:
            windows[window.sequence] = window
    return list(windows.values())


def occupied(genome: Genome, peaks: list[Peak], length: int) -> Regions:
    """All peaks and all positive windows."""
    before = length // 2
    windows = [(p.contig, p.summit - before, p.summit - before + length) for p in peaks]
    return genome.regions([(p.contig, p.start, p.end) for p in peaks] + windows)


def gc_matched(
    genome: Genome,
    contigs: list[str],
    avoid: Regions,
    positives: list[Window],
    random: np.random.Generator,
    result: BuildResult,
) -> list[Window | None]:
    """For each positive a distinct window outside ``avoid`` with the same number of G and C; ``None`` if not found.

    Windows are drawn uniformly over ``contigs``. The tolerance grows from 0 to 3 bases, so that rare compositions are
    matched as closely as the genome allows. Draws that match no open positive are dropped.
    """
    length, count = len(positives[0].sequence), len(positives)
    waiting: dict[int, list[int]] = defaultdict(list)
    for index, window in enumerate(positives):
        waiting[gc_count(window.sequence)].append(index)
    matched: list[Window | None] = [None] * count
    seen = {window.sequence for window in positives}
    with Progress(count, "negative", "matching GC") as progress:
        for draw in range(DRAWS_PER_TOLERANCE * (MAX_GC_DIFFERENCE + 1)):
            if progress.done == count:
                break
            addresses = random_addresses(genome, contigs, count, random)
            result.candidates += count
            addresses = addresses[usable_windows(genome, addresses, length, avoid, "overlaps_peak", result.dropped)]
            for address, gc in zip(addresses.tolist(), gc_counts(genome, addresses, length).tolist(), strict=True):
                wanted = nearest_waiting(waiting, gc, draw // DRAWS_PER_TOLERANCE)
                if wanted is None:
                    result.dropped["gc_not_wanted"] += 1
                elif (window := genome.window(address, length)).sequence in seen:
                    result.dropped["duplicate"] += 1
                else:
                    matched[waiting[wanted].pop()] = window
                    seen.add(window.sequence)
                    progress.step()
    return matched


def nearest_waiting(waiting: dict[int, list[int]], gc: int, tolerance: int) -> int | None:
    """The GC count nearest to ``gc``, within ``tolerance``, of a positive without a match."""
    for distance in range(tolerance + 1):
        for count in (gc - distance, gc + distance):
            if waiting.get(count):
                return count
    return None


def shuffled_negatives(
    positives: list[Window], random: np.random.Generator, result: BuildResult
) -> list[Window | None]:
    """For each positive a dinucleotide shuffle; ``None`` if the shuffle is itself a positive.

    A shuffle keeps the place of its positive, so that a split by homology does not separate the two.
    """
    taken = {window.sequence for window in positives}
    negatives: list[Window | None] = []
    for sequence, place in positives:
        shuffle = dinucleotide_shuffled(sequence, random)
        negatives.append(None if shuffle in taken else Window(shuffle, place))
    result.candidates += len(negatives)
    result.dropped["shuffle_is_a_positive"] += negatives.count(None)
    return negatives


def build_from_peaks(genome: Genome, peaks: list[Peak], recipe: Recipe) -> BuildResult:
    """The rows of tf_human/* or tf_mouse/*. Labels: 0 unbound, 1 bound."""
    result = BuildResult()
    windows = summit_windows(genome, peaks, recipe.length, result)
    positives = subsample(windows, recipe.quota(1), recipe.random("positives"), result.dropped)
    random = recipe.random("negatives")
    negatives: list[Window | None] = []
    if positives and recipe.task == "tf_human":
        contigs, avoid = sorted({peak.contig for peak in peaks}), occupied(genome, peaks, recipe.length)
        negatives = gc_matched(genome, contigs, avoid, positives, random, result)
    elif positives:
        negatives = shuffled_negatives(positives, random, result)
    result.dropped["no_matched_negative"] += negatives.count(None)
    for positive, negative in zip(positives, negatives, strict=True):
        if negative is not None:
            result.examples += [to_example(positive, 1), to_example(negative, 0)]
    rule = (
        f"a genome window that overlaps no peak and has the positive's GC content (to within {MAX_GC_DIFFERENCE} bases)"
        if recipe.task == "tf_human"
        else "the positive, shuffled with its dinucleotide counts kept (Altschul and Erickson 1985)"
    )
    result.construction = (
        f"Positives: {recipe.length} bp of the plus strand centred on the peak summit, or on the centre of a peak "
        f"without a called summit. Negatives, one for each positive: {rule}."
    )
    return result


def build(sources: list[Source], recipe: Recipe) -> BuildResult:
    """tf_human/* and tf_mouse/*. Roles: genome, peaks."""
    genome, peaks = read_genome(source_path(sources, "genome")), read_peaks(source_path(sources, "peaks"))
    return build_from_peaks(genome, peaks, recipe)
