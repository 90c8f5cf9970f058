"""Splice site detection (human): a gene table with exon boundaries and a genome.

400 bp along the gene's strand; the boundary lies between indices 199 and 200. Classes, as in SpliceFinder (Wang et al.
2019) and in the released files, where AG ends at index 199 in class 0 and GT starts at index 200 in class 1:
0 acceptor (first exon base at 200), 1 donor (last exon base at 199), 2 no splice site.
"""

import numpy as np

from workflow_scripts.gue.adversarial import ROUNDS, WIDTH, adversarial_non_sites
from workflow_scripts.gue.examples import Built, Recipe, pick
from workflow_scripts.gue.genome import Genome, Window, check_place, cut, labelled
from workflow_scripts.gue.source_readers import Gene, Source, one, read_genes
from workflow_scripts.gue.twobit import read_genome

ACCEPTOR, DONOR, NO_SITE = 0, 1, 2
# SpliceFinder's set has 10,000 of each class; the released set has 45,620 rows, and of the 9,124 in its dev and test
# files 21.4 % are acceptors, 22.1 % donors and 56.5 % non-sites: the rows beyond 30,000 are adversarial non-sites.
EACH, ALL = 10_000, 45_620
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


def window_at(genome: Genome, boundary: Boundary, length: int, built: Built) -> Window | None:
    """The window whose index ``length // 2`` is the first base after the boundary, along the strand."""
    chrom, position, strand = boundary
    before = length // 2 if strand == "+" else length - length // 2
    built.candidates += 1
    return cut(genome, chrom, position - before, length, strand, built.dropped)


def site_windows(
    genome: Genome, boundaries: list[Boundary], label: int, recipe: Recipe, seen: set[str], built: Built
) -> list[Window]:
    """Windows of one class of sites, of boundaries in random order, as many as its share of the wanted rows."""
    windows: list[Window] = []
    order = recipe.random("sites", label).permutation(len(boundaries))
    for done, index in enumerate(order):
        if len(windows) == share(recipe.rows):
            built.candidates += len(boundaries) - done
            built.dropped["beyond_size"] += len(boundaries) - done
            break
        window = window_at(genome, boundaries[index], recipe.length, built)
        if window and window.sequence in seen:
            built.dropped["duplicate"] += 1
        elif window:
            seen.add(window.sequence)
            windows.append(window)
    return windows


def share(rows: int) -> int:
    """Acceptors, donors, or random non-sites among so many rows."""
    return rows * EACH // ALL


def random_non_sites(
    genome: Genome, genes: list[Gene], annotated: np.ndarray, count: int, recipe: Recipe, seen: set[str], built: Built
) -> list[Window]:
    """Up to ``count`` windows at random places of random genes, none at one of the ``annotated`` addresses."""
    random = recipe.random("non-sites")
    known = set(annotated.tolist())
    found: list[Window] = []
    for _ in range(DRAWS_PER_NON_SITE * count):
        if len(found) == count:
            break
        gene = genes[random.integers(len(genes))]
        position = int(random.integers(gene.start, gene.end))
        window = window_at(genome, (gene.chrom, position, gene.strand), recipe.length, built)
        if window is None:
            continue
        if genome.contigs[gene.chrom][0] + position in known:
            built.dropped["splice_site"] += 1
        elif window.sequence in seen:
            built.dropped["duplicate"] += 1
        else:
            seen.add(window.sequence)
            found.append(window)
    return found


def build(sources: list[Source], recipe: Recipe) -> Built:
    """splice/*. Roles: genome, genes. Labels: 0 acceptor, 1 donor, 2 no site, in the released set's proportions."""
    genome, genes = read_genome(one(sources, "genome")), read_genes(one(sources, "genes"))
    for gene in genes:
        check_place(genome, gene.chrom, gene.end - 1, gene.where)
    built, seen = Built(balanced=False), set()
    boundaries = sites(genes)
    windows = {label: site_windows(genome, found, label, recipe, seen, built) for label, found in boundaries.items()}
    each = min(share(recipe.rows), *map(len, windows.values()))
    rows = recipe.rows if each == share(recipe.rows) else each * ALL // EACH
    for label, found in windows.items():
        windows[label] = pick(found, each, recipe.random("fewer sites", label), built.dropped)
    # of both strands: what is a site on one is no example of a non-site on the other
    annotated = np.sort([genome.contigs[chrom][0] + at for found in boundaries.values() for chrom, at, _ in found])
    windows[NO_SITE] = random_non_sites(genome, genes, annotated, each, recipe, seen, built)
    windows[NO_SITE] += adversarial_non_sites(genome, genes, annotated, windows, rows - 3 * each, recipe, seen, built)
    built.examples = [labelled(window, label) for label, members in windows.items() for window in members]
    middle = recipe.length // 2
    built.construction = (
        f"{recipe.length} bp along the gene's strand with an exon boundary between indices {middle - 1} and {middle}: "
        "acceptors and donors of introns in the gene table. Non-sites, no annotated boundaries: random places of the "
        f"same genes, and in {ROUNDS} rounds those that a logistic regression on the middle {WIDTH} bp, fitted to the "
        "rows so far, takes for sites when it slides over a gene, genes without a row first."
    )
    return built
