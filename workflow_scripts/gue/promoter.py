"""Promoter and core promoter detection (human): EPDnew transcription start sites and a genome.

Positives: 300 bp with the TSS at 0-based index 249, strand-oriented. Negatives, one for each positive (the paper's
appendix): for TATA promoters, genome windows outside promoter regions that hold a TATA motif; for the others, the
promoter itself with random bases in most of its segments (DeePromoter, Oubounyt et al. 2019). The core sets are the
bases 216..285 of the same 300, so the TSS is at index 33 of 70.

Details seen in the released files and followed here: of 20 segments 12 are replaced by uniform bases and the last is
never among them; the motif of a TATA negative starts at index 218 of 300.
"""

from itertools import product

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.examples import Built, Example, Recipe, pick
from workflow_scripts.gue.genome import Genome, Regions, check_place, cut, random_places, read_fasta
from workflow_scripts.gue.sources import Source, Tss, maybe_one, one, read_tata_motifs, read_tss

LENGTH, TSS_INDEX = 300, 249
CORE_LENGTH, CORE_TSS_INDEX = 70, 33
SEGMENTS, REPLACED = 20, 12
MOTIF_UPSTREAM = 31  # bases from the first base of a negative's TATA motif to where a TSS would be
TATA_WINDOW = range(-35, -23)  # where the TATA box of a promoter may start, relative to the TSS
TATA_BOX = ("T", "A", "T", "A", "AT", "A", "AT", "AG")  # TATAWAWR
DRAWS_PER_NEGATIVE = 20_000


def near_consensus() -> frozenset[str]:
    """Every octamer with at most one mismatch to TATAWAWR."""
    octamers = set()
    for exact in product(*TATA_BOX):
        for place, base in product(range(len(TATA_BOX)), "ACGT"):
            octamers.add("".join((*exact[:place], base, *exact[place + 1 :])))
    return frozenset(octamers)


TATA_MOTIFS = near_consensus()
TATA_MOTIFS_MINUS = frozenset(reverse_complement(motif) for motif in TATA_MOTIFS)


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
    bounds = np.linspace(0, len(sequence), SEGMENTS + 1).astype(int)
    bases = np.frombuffer(sequence.encode(), dtype="S1").copy()
    for segment in random.choice(SEGMENTS - 1, REPLACED, replace=False):
        start, end = bounds[segment], bounds[segment + 1]
        bases[start:end] = random.choice(np.array(list("ACGT"), dtype="S1"), end - start)
    return bases.tobytes().decode()


def tata_windows(
    genome: Genome,
    chroms: list[str],
    avoid: Regions,
    count: int,
    shape: tuple[int, int],
    random: np.random.Generator,
    built: Built,
) -> list[str]:
    """``count`` distinct windows outside ``avoid``, on either strand, whose motif starts 31 bases before ``tss_index``.

    ``shape`` is (length, tss_index). Gives fewer where 20,000 draws a window are not enough.
    """
    length, tss_index = shape
    width, motif_index = len(TATA_BOX), tss_index - MOTIF_UPSTREAM
    found: dict[str, None] = {}
    for _ in range(DRAWS_PER_NEGATIVE):
        strands = random.integers(2, size=count).tolist()
        for (chrom, at), minus in zip(random_places(genome, chroms, count, random), strands, strict=True):
            if len(found) == count:
                return list(found)
            built.candidates += 1
            if genome[chrom][at : at + width].decode() not in (TATA_MOTIFS_MINUS if minus else TATA_MOTIFS):
                built.dropped["no_tata_motif"] += 1
                continue
            start = at - (length - motif_index - width) if minus else at - motif_index
            if avoid.overlaps(chrom, start, start + length):
                built.dropped["promoter_region"] += 1
                continue
            window = cut(genome, chrom, start, length, "-" if minus else "+", built.dropped)
            if window in found:
                built.dropped["duplicate"] += 1
            elif window:
                found[window] = None
    return list(found)


def with_tata_flags(
    genome: Genome, sites: list[Tss], shape: tuple[int, int], flags: dict[str, bool] | None, built: Built
) -> list[tuple[str, bool]]:
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
            tata = has_tata_box(window, tss_index) if flags is None else flags[tss.name]
            windows.append((window, tata))
    return windows


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
    genome, sites = read_fasta(one(sources, "genome")), read_tss(one(sources, "tss"))
    motifs = maybe_one(sources, "tata_motifs")
    built = Built()
    windows = with_tata_flags(genome, sites, shape, read_tata_motifs(motifs) if motifs else None, built)

    wanted = {"tata": (True,), "notata": (False,), "all": (True, False)}[recipe.dataset]
    positives = [window for window in windows if window[1] in wanted]
    built.dropped["other_promoter_kind"] += len(windows) - len(positives)
    positives = pick(positives, recipe.quota(1), recipe.random("positives"), built.dropped)

    random = recipe.random("substitution")
    pairs = [(window, substitute(window, random)) for window, tata in positives if not tata]
    built.candidates += len(pairs)
    boxed = [window for window, tata in positives if tata]
    if boxed:
        starts = [(tss.chrom, promoter_start(tss, *shape)) for tss in sites]
        avoid = Regions([(chrom, start, start + shape[0]) for chrom, start in starts])
        chroms = sorted({tss.chrom for tss in sites})
        negatives = tata_windows(genome, chroms, avoid, len(boxed), shape, recipe.random("negatives"), built)
        built.dropped["no_negative_found"] += len(boxed) - len(negatives)
        pairs += zip(boxed, negatives, strict=False)

    for promoter, other in pairs:
        built.examples += [Example((promoter[part],), 1), Example((other[part],), 0)]
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
