"""Builder of tf_human and tf_mouse (transcription factor binding): ChIP-seq peaks and a genome.

Positives: 101 bp centred on the summit, plus strand. Negatives (the paper's appendix): for human, genome windows of
the same length and GC content that overlap no peak; for mouse, the positive shuffled with its dinucleotide counts
kept.
"""

import numpy as np

from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.progress import Progress
from workflow_scripts.gue.genome_reader import read_genome
from workflow_scripts.gue.matched_windows import Background, gc_matched
from workflow_scripts.gue.packed_genome import (
    Genome,
    Regions,
    Window,
    check_position,
    cut_window,
    to_example,
)
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.selection import subsample
from workflow_scripts.gue.source_readers import Peak, read_peaks
from workflow_scripts.gue.sources import Source, source_path

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
        background = Background(genome, avoid, contigs, range(MAX_GC_DIFFERENCE + 1))
        with Progress(len(positives), "negative", "matching GC") as progress:
            negatives = gc_matched(background, positives, random, result, progress)
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
