"""Windows of a genome that match others in length, GC content and, if asked for, repeats."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from workflow_scripts.common.progress import Progress
from workflow_scripts.gue.packed_genome import (
    Genome,
    Regions,
    Window,
    gc_count,
    gc_counts,
    random_addresses,
    usable_windows,
)
from workflow_scripts.gue.recipe import BuildResult
from workflow_scripts.gue.relatedness import CoveredPlaces

DRAWS_PER_TOLERANCE = 50  # windows drawn for each positive before the tolerance grows
QUARTERS = 4


@dataclass(frozen=True)
class Background:
    """Where windows are drawn from.

    ``avoid``: what no window may overlap. ``contigs``: those to draw from, uniformly over their bases. ``tolerances``:
    of the number of G and C in bases, from the first to the last. ``fewest``: windows to draw at once if there are
    fewer positives. ``apart``: if given, windows do not overlap a place in it, and are added to it. ``seen``: sequences
    that no window may have; positives and windows are added. ``repeats``: whether a window is also like its positive in
    its share of lower case, see :func:`kinds`.
    """

    genome: Genome
    avoid: Regions
    contigs: Sequence[str] = ()
    tolerances: Sequence[int] = ()
    fewest: int = 0
    apart: CoveredPlaces | None = None
    seen: set[str] = field(default_factory=set)
    repeats: bool = False


def gc_matched(
    background: Background,
    positives: list[Window],
    random: np.random.Generator,
    result: BuildResult,
    progress: Progress,
) -> list[Window | None]:
    """For each positive a distinct window of ``background`` with the same number of G and C; ``None`` if not found.

    All positives have one length. A window is read along the strand of its positive. As many windows as there are
    positives are drawn 50 times with each tolerance, so that rare compositions are matched as closely as the genome
    allows. Draws that match no open positive are dropped. ``progress`` counts matched positives.
    """
    genome, apart = background.genome, background.apart
    length, count = len(positives[0].sequence), len(positives)
    waiting: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, kind in enumerate(kinds_of(background, positives)):
        waiting[kind][gc_count(positives[index].sequence)].append(index)
    matched: list[Window | None] = [None] * count
    seen = background.seen
    seen.update(window.sequence for window in positives)
    for draw in range(DRAWS_PER_TOLERANCE * len(background.tolerances)):
        if all(matched):
            break
        tolerance = background.tolerances[draw // DRAWS_PER_TOLERANCE]
        addresses = random_addresses(genome, list(background.contigs), max(count, background.fewest), random)
        result.candidates += len(addresses)
        good = usable_windows(genome, addresses, length, background.avoid, "overlaps_peak", result.dropped)
        addresses = addresses[good]
        columns = (addresses, gc_counts(genome, addresses, length), kinds(background, addresses, length))
        for address, gc, kind in zip(*(column.tolist() for column in columns), strict=True):
            wanted = nearest_waiting(waiting[kind], gc, tolerance)
            if wanted is None:
                result.dropped["gc_not_wanted"] += 1
                continue
            window = genome.window(address, length, positives[waiting[kind][wanted][-1]].place.strand)
            if window.sequence in seen:
                result.dropped["duplicate"] += 1
            elif apart is not None and apart.overlaps(window.place):
                result.dropped["overlaps_negative"] += 1
            else:
                matched[waiting[kind][wanted].pop()] = window
                seen.add(window.sequence)
                if apart is not None:
                    apart.add(window.place)
                progress.step()
    return matched


def kinds(background: Background, addresses: np.ndarray, length: int) -> np.ndarray:
    """The share of lower case of each window in quarters, 0 only without any: int, 0 to 4; all 0 without repeats."""
    if not background.repeats:
        return np.zeros(len(addresses), dtype=np.int64)
    return -(-QUARTERS * background.genome.masked.covered(addresses, length) // length)


def kinds_of(background: Background, positives: list[Window]) -> list[int]:
    """The kind of each positive."""
    if not background.repeats:
        return [0] * len(positives)
    firsts = [background.genome.contigs[window.place.contig][0] + window.place.start for window in positives]
    return kinds(background, np.array(firsts, dtype=np.int64), len(positives[0].sequence)).tolist()


def nearest_waiting(waiting: dict[int, list[int]], gc: int, tolerance: int) -> int | None:
    """The GC count nearest to ``gc``, within ``tolerance``, of a positive without a match."""
    for distance in range(tolerance + 1):
        for count in (gc - distance, gc + distance):
            if waiting.get(count):
                return count
    return None
