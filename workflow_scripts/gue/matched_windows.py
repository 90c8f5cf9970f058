"""Windows of a genome that match others in length and GC content."""

from collections import defaultdict
from collections.abc import Sequence

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


def gc_matched(
    genome: Genome,
    contigs: list[str],
    avoid: Regions,
    positives: list[Window],
    tolerances: Sequence[int],
    random: np.random.Generator,
    result: BuildResult,
    fewest: int = 0,
    taken: CoveredPlaces | None = None,
) -> list[Window | None]:
    """For each positive a distinct window outside ``avoid`` with the same number of G and C; ``None`` if not found.

    All positives have one length. A window is read along the strand of its positive. Windows are drawn uniformly over
    ``contigs``, as many as there are positives, but ``fewest`` at least, for 50 times with each of the ``tolerances``
    in bases, so that rare compositions are matched as closely as the genome allows. Draws that match no open positive
    are dropped, and, if ``taken`` is given, those that overlap a place in it, to which all windows are added.
    """
    length, count = len(positives[0].sequence), len(positives)
    waiting: dict[int, list[int]] = defaultdict(list)
    for index, window in enumerate(positives):
        waiting[gc_count(window.sequence)].append(index)
    matched: list[Window | None] = [None] * count
    seen = {window.sequence for window in positives}
    with Progress(count, "negative", "matching GC") as progress:
        for draw in range(DRAWS_PER_TOLERANCE * len(tolerances)):
            if progress.done == count:
                break
            addresses = random_addresses(genome, contigs, max(count, fewest), random)
            result.candidates += len(addresses)
            addresses = addresses[usable_windows(genome, addresses, length, avoid, "overlaps_peak", result.dropped)]
            for address, gc in zip(addresses.tolist(), gc_counts(genome, addresses, length).tolist(), strict=True):
                wanted = nearest_waiting(waiting, gc, tolerances[draw // DRAWS_PER_TOLERANCE])
                if wanted is None:
                    result.dropped["gc_not_wanted"] += 1
                    continue
                window = genome.window(address, length, positives[waiting[wanted][-1]].place.strand)
                if window.sequence in seen:
                    result.dropped["duplicate"] += 1
                elif taken is not None and taken.overlaps(window.place):
                    result.dropped["overlaps_negative"] += 1
                else:
                    matched[waiting[wanted].pop()] = window
                    seen.add(window.sequence)
                    if taken is not None:
                        taken.add(window.place)
                    progress.step()
    return matched


def nearest_waiting(waiting: dict[int, list[int]], gc: int, tolerance: int) -> int | None:
    """The GC count nearest to ``gc``, within ``tolerance``, of a positive without a match."""
    for distance in range(tolerance + 1):
        for count in (gc - distance, gc + distance):
            if waiting.get(count):
                return count
    return None
