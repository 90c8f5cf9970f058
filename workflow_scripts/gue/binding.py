"""Transcription factor binding (human and mouse): ChIP-seq peaks and a genome.

Positives: 101 bp centred on the summit, plus strand. Negatives (the paper's appendix): human, genome windows that
overlap no peak, of the same length and GC content; mouse, the positive shuffled with its dinucleotide counts kept.
"""

from collections import defaultdict
from itertools import pairwise

import numpy as np

from workflow_scripts.common.progress import Progress
from workflow_scripts.gue.examples import Built, Recipe, pick
from workflow_scripts.gue.genome import (
    Genome,
    Regions,
    Window,
    check_place,
    cut,
    free,
    gc_count,
    gc_counts,
    labelled,
    random_addresses,
)
from workflow_scripts.gue.source_readers import Peak, Source, one, read_peaks
from workflow_scripts.gue.twobit import read_genome

DRAWS_PER_TOLERANCE = 50  # windows drawn for each positive before the tolerance grows by a base
MAX_GC_DIFFERENCE = 3  # bases: 3 % of 101


def summit_windows(genome: Genome, peaks: list[Peak], length: int, built: Built) -> list[Window]:
    """The windows with the summit at index ``length // 2``, no sequence twice."""
    windows: dict[str, Window] = {}
    for peak in peaks:
        check_place(genome, peak.chrom, peak.end - 1, peak.where)
        built.candidates += 1
        window = cut(genome, peak.chrom, peak.summit - length // 2, length, "+", built.dropped)
        if window and window.sequence in windows:
            built.dropped["duplicate"] += 1
        elif window:
            windows[window.sequence] = window
    return list(windows.values())


def occupied(genome: Genome, peaks: list[Peak], length: int) -> Regions:
    """Every peak and every positive window."""
    before = length // 2
    windows = [(p.chrom, p.summit - before, p.summit - before + length) for p in peaks]
    return genome.regions([(p.chrom, p.start, p.end) for p in peaks] + windows)


def gc_matched(
    genome: Genome,
    chroms: list[str],
    avoid: Regions,
    positives: list[Window],
    random: np.random.Generator,
    built: Built,
) -> list[Window | None]:
    """For each positive a distinct window outside ``avoid`` with the same number of G and C, or ``None``.

    Windows are drawn uniformly over ``chroms``. The tolerance starts at 0 and grows to 3 bases, so rare compositions
    are matched as well as the genome allows. Draws that match no open positive are dropped.
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
            addresses = random_addresses(genome, chroms, count, random)
            built.candidates += count
            addresses = addresses[free(genome, addresses, length, avoid, "overlaps_peak", built.dropped)]
            for address, gc in zip(addresses.tolist(), gc_counts(genome, addresses, length).tolist(), strict=True):
                wanted = nearest_waiting(waiting, gc, draw // DRAWS_PER_TOLERANCE)
                if wanted is None:
                    built.dropped["gc_not_wanted"] += 1
                elif (window := genome.window(address, length)).sequence in seen:
                    built.dropped["duplicate"] += 1
                else:
                    matched[waiting[wanted].pop()] = window
                    seen.add(window.sequence)
                    progress.step()
    return matched


def nearest_waiting(waiting: dict[int, list[int]], gc: int, tolerance: int) -> int | None:
    """The GC count nearest to ``gc``, within ``tolerance``, for which a positive still waits."""
    for distance in range(tolerance + 1):
        for count in (gc - distance, gc + distance):
            if waiting.get(count):
                return count
    return None


def dinucleotide_shuffle(sequence: str, random: np.random.Generator) -> str:
    """A random sequence with exactly the dinucleotide counts, and first and last base, of ``sequence``.

    Altschul and Erickson 1985: a random Euler path through the graph whose edges are the dinucleotides. The last edge
    out of every base is drawn until these edges all lead to the last base; the others follow in random order.
    """
    if len(sequence) < 3:
        return sequence
    edges: dict[str, list[str]] = defaultdict(list)
    for first, second in pairwise(sequence):
        edges[first].append(second)
    end = sequence[-1]
    inner = sorted(base for base in edges if base != end)
    while True:
        last = {base: int(random.integers(len(edges[base]))) for base in inner}
        if all(_leads_to(end, base, edges, last) for base in inner):
            break
    order = {}
    for base in sorted(edges):
        others = [place for place in range(len(edges[base])) if place != last.get(base)]
        shuffled = [edges[base][others[place]] for place in random.permutation(len(others))]
        order[base] = iter(shuffled + ([edges[base][last[base]]] if base in last else []))
    walk = [sequence[0]]
    while (following := next(order.get(walk[-1], iter(())), None)) is not None:
        walk.append(following)
    return "".join(walk)


def _leads_to(end: str, base: str, edges: dict[str, list[str]], last: dict[str, int]) -> bool:
    """Whether following last edges from ``base`` reaches ``end``."""
    visited = set()
    while base != end:
        if base in visited:
            return False
        visited.add(base)
        base = edges[base][last[base]]
    return True


def shuffled_negatives(positives: list[Window], random: np.random.Generator, built: Built) -> list[Window | None]:
    """For each positive a dinucleotide shuffle, or ``None`` where the shuffle gives a positive back.

    A shuffle has the place of its positive: the two are of one origin, and must not be parted by a split.
    """
    taken = {window.sequence for window in positives}
    negatives: list[Window | None] = []
    for sequence, place in positives:
        shuffle = dinucleotide_shuffle(sequence, random)
        negatives.append(None if shuffle in taken else Window(shuffle, place))
    built.candidates += len(negatives)
    built.dropped["shuffle_is_a_positive"] += negatives.count(None)
    return negatives


def build(sources: list[Source], recipe: Recipe) -> Built:
    """tf_human/* and tf_mouse/*. Roles: genome, peaks. Labels: 0 unbound, 1 bound."""
    genome, peaks = read_genome(one(sources, "genome")), read_peaks(one(sources, "peaks"))
    built = Built()
    windows = summit_windows(genome, peaks, recipe.length, built)
    positives = pick(windows, recipe.quota(1), recipe.random("positives"), built.dropped)
    random = recipe.random("negatives")
    negatives: list[Window | None] = []
    if positives and recipe.task == "tf_human":
        chroms, avoid = sorted({peak.chrom for peak in peaks}), occupied(genome, peaks, recipe.length)
        negatives = gc_matched(genome, chroms, avoid, positives, random, built)
    elif positives:
        negatives = shuffled_negatives(positives, random, built)
    built.dropped["no_matched_negative"] += negatives.count(None)
    for positive, negative in zip(positives, negatives, strict=True):
        if negative is not None:
            built.examples += [labelled(positive, 1), labelled(negative, 0)]
    rule = (
        f"genome windows that overlap no peak, with the positive's GC content (to {MAX_GC_DIFFERENCE} bases)"
        if recipe.task == "tf_human"
        else "the positive's dinucleotide-preserving shuffle (Altschul and Erickson 1985)"
    )
    built.construction = (
        f"Positives: {recipe.length} bp of the plus strand centred on the peak summit (the peak's centre where no "
        f"summit was called). Negatives, one a positive: {rule}."
    )
    return built
