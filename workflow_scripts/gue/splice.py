"""Splice site detection (human): a gene table with exon boundaries and a genome.

400 bp along the gene's strand; the boundary lies between indices 199 and 200. Classes, as in SpliceFinder (Wang et al.
2019) and in the released files, where AG ends at index 199 in class 0 and GT starts at index 200 in class 1:
0 acceptor (first exon base at 200), 1 donor (last exon base at 199), 2 no splice site.
"""

from workflow_scripts.gue.examples import Built, Example, Recipe, pick
from workflow_scripts.gue.genome import Genome, check_place, cut, read_fasta
from workflow_scripts.gue.sources import Gene, Source, one, read_genes

ACCEPTOR, DONOR, NO_SITE = 0, 1, 2
# Of the non-sites in the released dev and test files 40 % have AG before and 27 % GT after the boundary; at other
# places of the window each has about 7 %.
DECOYS = {"AG": 0.36, "GT": 0.22}
DRAWS_PER_NON_SITE = 1_000

Boundary = tuple[str, int, str]  # contig, position between bases, strand


def sites(genes: list[Gene]) -> dict[int, list[Boundary]]:
    """Class -> distinct exon boundaries. On the minus strand a left intron end is an acceptor, a right one a donor."""
    found: dict[int, dict[Boundary, None]] = {ACCEPTOR: {}, DONOR: {}}
    for gene in genes:
        plus = gene.strand == "+"
        for position in gene.exon_ends:
            found[DONOR if plus else ACCEPTOR][(gene.chrom, position, gene.strand)] = None
        for position in gene.exon_starts:
            found[ACCEPTOR if plus else DONOR][(gene.chrom, position, gene.strand)] = None
    return {label: list(boundaries) for label, boundaries in found.items()}


def window_at(genome: Genome, boundary: Boundary, length: int, built: Built) -> str | None:
    """The window whose index ``length // 2`` is the first base after the boundary, along the strand."""
    chrom, position, strand = boundary
    before = length // 2 if strand == "+" else length - length // 2
    built.candidates += 1
    return cut(genome, chrom, position - before, length, strand, built.dropped)


def wanted_kinds(count: int) -> list[str]:
    """The dinucleotide each non-site must have at its boundary; empty for any."""
    counts = {dinucleotide: round(share * count) for dinucleotide, share in DECOYS.items()}
    kinds = [dinucleotide for dinucleotide, number in counts.items() for _ in range(number)]
    return kinds + [""] * (count - len(kinds))


def fits(window: str, kind: str) -> bool:
    """Whether a window is of the wanted kind: AG right before its middle, GT right after it, or any."""
    middle = len(window) // 2
    return {"AG": window[middle - 2 : middle] == "AG", "GT": window[middle : middle + 2] == "GT"}.get(kind, True)


def non_sites(genome: Genome, genes: list[Gene], count: int, recipe: Recipe, built: Built) -> list[str]:
    """Up to ``count`` windows at random places of random genes, none at an annotated boundary of either strand."""
    random = recipe.random("non-sites")
    known = {(chrom, position) for boundaries in sites(genes).values() for chrom, position, _ in boundaries}
    found = []
    for kind in wanted_kinds(count):
        for _ in range(DRAWS_PER_NON_SITE):
            gene = genes[random.integers(len(genes))]
            position = int(random.integers(gene.start, gene.end))
            window = window_at(genome, (gene.chrom, position, gene.strand), recipe.length, built)
            if window is None:
                continue
            if (gene.chrom, position) in known:
                built.dropped["splice_site"] += 1
            elif not fits(window, kind):
                built.dropped["other_dinucleotide"] += 1
            else:
                found.append(window)
                break
    return found


def site_windows(genome: Genome, boundaries: list[Boundary], label: int, recipe: Recipe, built: Built) -> list[str]:
    """The windows of one class of sites, at most its quota."""
    windows = [window_at(genome, boundary, recipe.length, built) for boundary in boundaries]
    whole = [window for window in windows if window]
    return pick(whole, recipe.quota(label), recipe.random("sites", label), built.dropped)


def build(sources: list[Source], recipe: Recipe) -> Built:
    """splice/*. Roles: genome, genes. Labels: 0 acceptor, 1 donor, 2 no site."""
    genome, genes = read_fasta(one(sources, "genome")), read_genes(one(sources, "genes"))
    for gene in genes:
        check_place(genome, gene.chrom, gene.end - 1, gene.where)
    built = Built()
    by_label = {
        label: site_windows(genome, boundaries, label, recipe, built) for label, boundaries in sites(genes).items()
    }
    count = min(recipe.quota(NO_SITE), *map(len, by_label.values()))
    by_label[NO_SITE] = non_sites(genome, genes, count, recipe, built)
    built.examples = [Example((window,), label) for label, windows in by_label.items() for window in windows]
    middle = recipe.length // 2
    built.construction = (
        f"{recipe.length} bp along the gene's strand with an exon boundary between indices {middle - 1} and {middle}: "
        "acceptors and donors of every intron in the gene table. Non-sites: random places of the same genes that are "
        f"no annotated boundary, {DECOYS['AG']:.0%} with AG before and {DECOYS['GT']:.0%} with GT after the middle."
    )
    return built
