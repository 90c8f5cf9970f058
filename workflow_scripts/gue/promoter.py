"""Promoter and core promoter detection (human): EPDnew transcription start sites and a genome.

Positives: 300 bp with the TSS at 0-based index 249, strand-oriented. Negatives, one for each positive (the paper's
appendix): for TATA promoters, genome windows outside promoter regions that hold a TATA motif; for the others, the
promoter itself with random bases in most of its segments (DeePromoter, Oubounyt et al. 2019). The core sets are the
bases 216..285 of the same 300, so the TSS is at index 33 of 70.

Details seen in the released files and followed here: of 20 segments 12 are replaced by uniform bases and the last is
never among them; the motif of a TATA negative starts at index 218 of 300.
"""

from collections.abc import Iterable
from itertools import product

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.examples import Built, Place, Recipe, pick
from workflow_scripts.gue.genome import (
    ALPHABET,
    Genome,
    Regions,
    Window,
    check_place,
    cut,
    encode,
    free,
    labelled,
    random_addresses,
)
from workflow_scripts.gue.source_readers import Source, Tss, maybe_one, one, read_tata_motifs, read_tss
from workflow_scripts.gue.twobit import read_genome

LENGTH, TSS_INDEX = 300, 249
CORE_LENGTH, CORE_TSS_INDEX = 70, 33
SEGMENTS, REPLACED = 20, 12
MOTIF_UPSTREAM = 31  # bases from the first base of a negative's TATA motif to where a TSS would be
TATA_WINDOW = range(-35, -23)  # where the TATA box of a promoter may start, relative to the TSS
TATA_BOX = ("T", "A", "T", "A", "AT", "A", "AT", "AG")  # TATAWAWR
DRAWS_PER_NEGATIVE = 20_000
DRAWS_AT_ONCE = 50_000  # one in some 300 places holds a motif


def near_consensus() -> frozenset[str]:
    """Every octamer with at most one mismatch to TATAWAWR."""
    octamers = set()
    for exact in product(*TATA_BOX):
        for place, base in product(range(len(TATA_BOX)), "ACGT"):
            octamers.add("".join((*exact[:place], base, *exact[place + 1 :])))
    return frozenset(octamers)


def octamer_numbers(codes: np.ndarray) -> np.ndarray:
    """A number below 65,536 for each row of eight codes."""
    return codes @ (len(ALPHABET) ** np.arange(len(TATA_BOX)))


def flags_of(motifs: Iterable[str]) -> np.ndarray:
    """(65,536,) whether the octamer of that number is a motif."""
    flags = np.zeros(len(ALPHABET) ** len(TATA_BOX), dtype=bool)
    flags[octamer_numbers(encode(list(motifs)))] = True
    return flags


TATA_MOTIFS = near_consensus()
IS_MOTIF, IS_MOTIF_MINUS = flags_of(TATA_MOTIFS), flags_of(map(reverse_complement, TATA_MOTIFS))


def has_tata_box(sequence: str, tss_index: int) -> bool:
    """Whether a TATA box starts 35 to 24 bases before the TSS.

    Of the released files' promoters this finds 63 % of those called TATA and 0.6 % of the others.
    """
    width = len(TATA_BOX)
    return any(sequence[tss_index + at : tss_index + at + width] in TATA_MOTIFS for at in TATA_WINDOW)


def promoter_start(tss: Tss, length: int, tss_index: int) -> int:
    """First base, in genome coordinates, of the window that has the TSS at ``tss_index`` along its strand."""
    return tss.position - tss_index if tss.strand == "+" else tss.position - (length - 1 - tss_index)


def substitute(sequence: str, random: np.random.Generator) -> str:
    """The sequence with 12 of its 20 segments replaced by uniform random bases; the last segment always stays."""
    replaced = np.zeros(SEGMENTS, dtype=bool)
    replaced[random.choice(SEGMENTS - 1, REPLACED, replace=False)] = True
    segments = np.arange(len(sequence)) * SEGMENTS // len(sequence)
    bases = np.frombuffer(sequence.encode(), dtype=np.uint8)
    fresh = np.frombuffer(ALPHABET, dtype=np.uint8)[random.integers(len(ALPHABET), size=len(sequence))]
    return np.where(replaced[segments], fresh, bases).tobytes().decode()


def motif_flags(genome: Genome, addresses: np.ndarray, minus: np.ndarray) -> np.ndarray:
    """Whether a TATA motif begins at each address, read along the strand that ``minus`` says."""
    numbers = octamer_numbers(genome.codes(addresses, len(TATA_BOX)))
    return np.where(minus, IS_MOTIF_MINUS[numbers], IS_MOTIF[numbers]) & genome.inside(addresses, len(TATA_BOX))


def tata_windows(
    genome: Genome,
    chroms: list[str],
    avoid: Regions,
    count: int,
    shape: tuple[int, int],
    random: np.random.Generator,
    built: Built,
) -> list[Window]:
    """``count`` distinct windows outside ``avoid``, on either strand, whose motif starts 31 bases before ``tss_index``.

    ``shape`` is (length, tss_index). Gives fewer where 20,000 draws a window are not enough.
    """
    length, tss_index = shape
    width, motif_index = len(TATA_BOX), tss_index - MOTIF_UPSTREAM
    found: dict[str, Window] = {}
    draws = max(count, DRAWS_AT_ONCE)
    for _ in range(-(-DRAWS_PER_NEGATIVE * count // draws)):
        if len(found) == count:
            break
        motifs = random_addresses(genome, chroms, draws, random)
        minus = random.integers(2, size=draws).astype(bool)
        built.candidates += draws
        flags = motif_flags(genome, motifs, minus)
        built.dropped["no_tata_motif"] += int((~flags).sum())
        motifs, minus = motifs[flags], minus[flags]
        addresses = motifs - np.where(minus, length - motif_index - width, motif_index)
        good = free(genome, addresses, length, avoid, "promoter_region", built.dropped)
        for address, strand in zip(addresses[good].tolist(), np.where(minus[good], "-", "+").tolist(), strict=True):
            window = genome.window(address, length, strand)
            if window.sequence in found:
                built.dropped["duplicate"] += 1
            elif len(found) == count:
                built.dropped["beyond_size"] += 1
            else:
                found[window.sequence] = window
    return list(found.values())


def with_tata_flags(
    genome: Genome, sites: list[Tss], shape: tuple[int, int], flags: dict[str, bool] | None, built: Built
) -> list[tuple[Window, bool]]:
    """(window, has a TATA box) of every TSS whose window lies on its contig and holds only ACGT."""
    length, tss_index = shape
    windows = []
    for tss in sites:
        check_place(genome, tss.chrom, tss.position, tss.where)
        if flags is not None and tss.name not in flags:
            raise UserError(f"{tss.where}: promoter {tss.name!r} has no row in the motif table; use one EPDnew release")
        built.candidates += 1
        start = promoter_start(tss, length, tss_index)
        if window := cut(genome, tss.chrom, start, length, tss.strand, built.dropped):
            tata = has_tata_box(window.sequence, tss_index) if flags is None else flags[tss.name]
            windows.append((window, tata))
    return windows


def part_of(window: Window, part: slice) -> Window:
    """Those of a window's bases, with their own place."""
    contig, start, end, strand = window.place
    first, last = (end - part.stop, end - part.start) if strand == "-" else (start + part.start, start + part.stop)
    return Window(window.sequence[part], Place(contig, first, last, strand))


def frame(recipe: Recipe) -> tuple[tuple[int, int], slice]:
    """((window length, TSS index), the part of the window that becomes the sequence) for the wanted length."""
    if recipe.task == "core_promoter":
        before = recipe.length * CORE_TSS_INDEX // CORE_LENGTH
        shape, first = (LENGTH, TSS_INDEX), TSS_INDEX - before
        if first < 0 or first + recipe.length > LENGTH:
            raise UserError(
                f"--length {recipe.length}: a core promoter lies within the {LENGTH} bp of a promoter; use less"
            )
    else:
        shape, first = (recipe.length, recipe.length * TSS_INDEX // LENGTH), 0
        if shape[1] < -min(TATA_WINDOW):
            raise UserError(f"--length {recipe.length}: too short to reach the TATA box; use 43 or more")
    return shape, slice(first, first + recipe.length)


def build(sources: list[Source], recipe: Recipe) -> Built:
    """promoter/* and core_promoter/*. Roles: genome, tss, and (optional) tata_motifs. Labels: 0 other, 1 promoter."""
    shape, part = frame(recipe)
    genome, sites = read_genome(one(sources, "genome")), read_tss(one(sources, "tss"))
    motifs = maybe_one(sources, "tata_motifs")
    built = Built()
    windows = with_tata_flags(genome, sites, shape, read_tata_motifs(motifs) if motifs else None, built)

    wanted = {"tata": (True,), "notata": (False,), "all": (True, False)}[recipe.dataset]
    positives = [window for window in windows if window[1] in wanted]
    built.dropped["other_promoter_kind"] += len(windows) - len(positives)
    positives = pick(positives, recipe.quota(1), recipe.random("positives"), built.dropped)

    random = recipe.random("substitution")
    # a substituted promoter has the place of the promoter: the two are of one origin, and must not be parted by a split
    pairs = [
        (window, Window(substitute(window.sequence, random), window.place)) for window, tata in positives if not tata
    ]
    built.candidates += len(pairs)
    boxed = [window for window, tata in positives if tata]
    if boxed:
        starts = [(tss.chrom, promoter_start(tss, *shape)) for tss in sites]
        avoid = genome.regions([(chrom, start, start + shape[0]) for chrom, start in starts])
        chroms = sorted({tss.chrom for tss in sites})
        negatives = tata_windows(genome, chroms, avoid, len(boxed), shape, recipe.random("negatives"), built)
        built.dropped["no_negative_found"] += len(boxed) - len(negatives)
        pairs += zip(boxed, negatives, strict=False)

    for promoter, other in pairs:
        built.examples += [labelled(part_of(promoter, part), 1), labelled(part_of(other, part), 0)]
    flag_rule = (
        "TATA promoters are those EPD flags"
        if motifs
        else "TATA promoters are those with TATAWAWR (one mismatch allowed) starting 35 to 24 bp upstream of the TSS"
    )
    built.construction = (
        f"Positives: {recipe.length} bp with an EPDnew TSS at index {shape[1] - part.start}, along its strand; "
        f"{flag_rule}. Negatives, one a positive: for TATA promoters, genome windows outside all promoter windows with "
        "TATAWAWR (one mismatch allowed) 31 bp upstream of where the TSS would be; for others, the promoter with 12 of "
        "20 segments replaced by random bases."
    )
    return built
