"""Builder of promoter and core_promoter (human): EPDnew transcription start sites and a genome.

Positives: 300 bp with the TSS at 0-based index 249, along its strand. Negatives, one for each positive (the paper's
appendix): for TATA promoters, genome windows outside promoter regions that have a TATA motif; for the others, the
promoter itself with random bases in most of its segments (DeePromoter, Oubounyt et al. 2019). The core sets are
indices 216 to 285 of the same 300 bp, so the TSS is at index 33 of 70.

Two details are taken from the released files: of 20 segments 12 are replaced by uniform bases, never the last one;
and the motif of a TATA negative starts at index 218 of 300.
"""

from collections.abc import Iterable
from itertools import product

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.genome_reader import read_genome
from workflow_scripts.gue.labelled_examples import Place
from workflow_scripts.gue.packed_genome import (
    ALPHABET,
    Genome,
    Regions,
    Window,
    check_position,
    cut_window,
    encode,
    random_addresses,
    to_example,
    usable_windows,
)
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.selection import subsample
from workflow_scripts.gue.source_readers import Tss, read_tata_motifs, read_tss
from workflow_scripts.gue.sources import Source, optional_source_path, source_path

LENGTH, TSS_INDEX = 300, 249
CORE_LENGTH, CORE_TSS_INDEX = 70, 33
SEGMENTS, REPLACED = 20, 12
MOTIF_UPSTREAM = 31  # bases from the start of a negative's TATA motif to the index of the TSS
TATA_WINDOW = range(-35, -23)  # where the TATA box of a promoter may start, relative to the TSS
TATA_BOX = ("T", "A", "T", "A", "AT", "A", "AT", "AG")  # TATAWAWR
DRAWS_PER_NEGATIVE = 20_000
DRAWS_AT_ONCE = 50_000  # about one position in 300 has a motif


def near_consensus() -> frozenset[str]:
    """All octamers with at most one mismatch to TATAWAWR."""
    octamers = set()
    for exact in product(*TATA_BOX):
        for index, base in product(range(len(TATA_BOX)), "ACGT"):
            octamers.add("".join((*exact[:index], base, *exact[index + 1 :])))
    return frozenset(octamers)


def octamer_indices(codes: np.ndarray) -> np.ndarray:
    """The index of each octamer, 0 to 65,535, from its codes [n, 8]."""
    return codes @ (len(ALPHABET) ** np.arange(len(TATA_BOX)))


def octamer_flags(motifs: Iterable[str]) -> np.ndarray:
    """Whether each octamer is one of ``motifs``, bool [65,536], by its index."""
    flags = np.zeros(len(ALPHABET) ** len(TATA_BOX), dtype=bool)
    flags[octamer_indices(encode(list(motifs)))] = True
    return flags


TATA_MOTIFS = near_consensus()
IS_MOTIF, IS_MOTIF_MINUS = octamer_flags(TATA_MOTIFS), octamer_flags(map(reverse_complement, TATA_MOTIFS))


def has_tata_box(sequence: str, tss_index: int) -> bool:
    """Whether a TATA box starts 35 to 24 bases upstream of the TSS.

    In the released files this holds for 63 % of the TATA promoters and 0.6 % of the others.
    """
    width = len(TATA_BOX)
    return any(sequence[tss_index + offset :][:width] in TATA_MOTIFS for offset in TATA_WINDOW)


def promoter_start(tss: Tss, length: int, tss_index: int) -> int:
    """The position of the first base, on the plus strand, of the window with the TSS at ``tss_index``."""
    return tss.position - tss_index if tss.strand == "+" else tss.position - (length - 1 - tss_index)


def substitute_segments(sequence: str, random: np.random.Generator) -> str:
    """The sequence with 12 of its 20 segments replaced by uniform random bases; the last segment is always kept."""
    replaced = np.zeros(SEGMENTS, dtype=bool)
    replaced[random.choice(SEGMENTS - 1, REPLACED, replace=False)] = True
    segments = np.arange(len(sequence)) * SEGMENTS // len(sequence)
    bases = np.frombuffer(sequence.encode(), dtype=np.uint8)
    fresh = np.frombuffer(ALPHABET, dtype=np.uint8)[random.integers(len(ALPHABET), size=len(sequence))]
    return np.where(replaced[segments], fresh, bases).tobytes().decode()


def motif_flags(genome: Genome, addresses: np.ndarray, minus: np.ndarray) -> np.ndarray:
    """Whether a TATA motif starts at each address, read along the minus strand if ``minus`` is true there."""
    indices = octamer_indices(genome.codes(addresses, len(TATA_BOX)))
    return np.where(minus, IS_MOTIF_MINUS[indices], IS_MOTIF[indices]) & genome.within_contig(addresses, len(TATA_BOX))


def tata_negatives(
    genome: Genome,
    contigs: list[str],
    avoid: Regions,
    count: int,
    shape: tuple[int, int],
    random: np.random.Generator,
    result: BuildResult,
) -> list[Window]:
    """Up to ``count`` distinct windows outside ``avoid``, on either strand, with a motif 31 bases before ``tss_index``.

    ``shape`` is (length, tss_index). Stops after 20,000 draws for each window.
    """
    length, tss_index = shape
    width, motif_index = len(TATA_BOX), tss_index - MOTIF_UPSTREAM
    found: dict[str, Window] = {}
    draws = max(count, DRAWS_AT_ONCE)
    for _ in range(-(-DRAWS_PER_NEGATIVE * count // draws)):
        if len(found) == count:
            break
        motifs = random_addresses(genome, contigs, draws, random)
        minus = random.integers(2, size=draws).astype(bool)
        result.candidates += draws
        flags = motif_flags(genome, motifs, minus)
        result.dropped["no_tata_motif"] += int((~flags).sum())
        motifs, minus = motifs[flags], minus[flags]
        addresses = motifs - np.where(minus, length - motif_index - width, motif_index)
        good = usable_windows(genome, addresses, length, avoid, "promoter_region", result.dropped)
        for address, strand in zip(addresses[good].tolist(), np.where(minus[good], "-", "+").tolist(), strict=True):
            window = genome.window(address, length, strand)
            if window.sequence in found:
                result.dropped["duplicate"] += 1
            elif len(found) == count:
                result.dropped["beyond_size"] += 1
            else:
                found[window.sequence] = window
    return list(found.values())


def promoter_windows(
    genome: Genome, sites: list[Tss], shape: tuple[int, int], flags: dict[str, bool] | None, result: BuildResult
) -> list[tuple[Window, bool]]:
    """(window, whether it is a TATA promoter) of each TSS whose window is on its contig and has only A, C, G and T.

    ``flags``: EPD's motif table by promoter name; ``None`` to search the window for a TATA box.
    """
    length, tss_index = shape
    windows = []
    for tss in sites:
        check_position(genome, tss.contig, tss.position, tss.where)
        if flags is not None and tss.name not in flags:
            raise UserError(f"{tss.where}: promoter {tss.name!r} has no row in the motif table; use one EPDnew release")
        result.candidates += 1
        start = promoter_start(tss, length, tss_index)
        if window := cut_window(genome, tss.contig, start, length, tss.strand, result.dropped):
            tata = has_tata_box(window.sequence, tss_index) if flags is None else flags[tss.name]
            windows.append((window, tata))
    return windows


def crop(window: Window, part: slice) -> Window:
    """A part of a window, given as a slice of its sequence, with the place of that part."""
    contig, start, end, strand = window.place
    first, last = (end - part.stop, end - part.start) if strand == "-" else (start + part.start, start + part.stop)
    return Window(window.sequence[part], Place(contig, first, last, strand))


def window_layout(recipe: Recipe) -> tuple[tuple[int, int], slice]:
    """((window length, TSS index), the part of the window that becomes the sequence) for the recipe's length."""
    if recipe.task == "core_promoter":
        before = recipe.length * CORE_TSS_INDEX // CORE_LENGTH
        shape, first = (LENGTH, TSS_INDEX), TSS_INDEX - before
        if first < 0 or first + recipe.length > LENGTH:
            raise UserError(
                f"--length {recipe.length}: a core promoter is part of the {LENGTH} bp of a promoter; use less"
            )
    else:
        shape, first = (recipe.length, recipe.length * TSS_INDEX // LENGTH), 0
        if shape[1] < -min(TATA_WINDOW):
            raise UserError(f"--length {recipe.length}: too short to include the TATA box; use 43 or more")
    return shape, slice(first, first + recipe.length)


def build(sources: list[Source], recipe: Recipe) -> BuildResult:
    """promoter/* and core_promoter/*. Roles: genome, tss, optionally tata_motifs. Labels: 0 other, 1 promoter."""
    shape, part = window_layout(recipe)
    genome, sites = read_genome(source_path(sources, "genome")), read_tss(source_path(sources, "tss"))
    motifs = optional_source_path(sources, "tata_motifs")
    result = BuildResult()
    windows = promoter_windows(genome, sites, shape, read_tata_motifs(motifs) if motifs else None, result)

    wanted = {"tata": (True,), "notata": (False,), "all": (True, False)}[recipe.dataset]
    positives = [window for window in windows if window[1] in wanted]
    result.dropped["other_promoter_kind"] += len(windows) - len(positives)
    positives = subsample(positives, recipe.quota(1), recipe.random("positives"), result.dropped)

    random = recipe.random("substitution")
    plain = [window for window, tata in positives if not tata]
    # A substituted promoter keeps the place of the promoter, so that a split by homology does not separate the two.
    pairs = [(window, Window(substitute_segments(window.sequence, random), window.place)) for window in plain]
    result.candidates += len(pairs)
    boxed = [window for window, tata in positives if tata]
    if boxed:
        starts = [(tss.contig, promoter_start(tss, *shape)) for tss in sites]
        avoid = genome.regions([(contig, start, start + shape[0]) for contig, start in starts])
        contigs = sorted({tss.contig for tss in sites})
        negatives = tata_negatives(genome, contigs, avoid, len(boxed), shape, recipe.random("negatives"), result)
        result.dropped["no_negative_found"] += len(boxed) - len(negatives)
        pairs += zip(boxed, negatives, strict=False)

    for promoter, other in pairs:
        result.examples += [to_example(crop(promoter, part), 1), to_example(crop(other, part), 0)]
    flag_rule = (
        "TATA promoters are those that EPD flags"
        if motifs
        else "TATA promoters are those with TATAWAWR (one mismatch allowed) starting 35 to 24 bp upstream of the TSS"
    )
    result.construction = (
        f"Positives: {recipe.length} bp with an EPDnew TSS at index {shape[1] - part.start}, along its strand. "
        f"{flag_rule}. Negatives, one for each positive: for TATA promoters, genome windows outside all promoter "
        "windows with TATAWAWR (one mismatch allowed) 31 bp upstream of the index of the TSS; for other promoters, the "
        "promoter with 12 of 20 segments replaced by random bases."
    )
    return result
