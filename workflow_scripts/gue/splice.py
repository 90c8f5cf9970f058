"""Builder of the splice task (human): a gene table with exon boundaries, and a genome.

400 bp along the gene's strand, with the boundary between indices 199 and 200. The classes are those of SpliceFinder
(Wang et al. 2019) and of the released files, where AG ends at index 199 in class 0 and GT starts at index 200 in
class 1: 0 acceptor (first exon base at 200), 1 donor (last exon base at 199), 2 no splice site.
"""

import numpy as np

from workflow_scripts.gue.genome_reader import read_genome
from workflow_scripts.gue.packed_genome import Genome, Window, check_position, cut_window, to_example
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.selection import subsample
from workflow_scripts.gue.source_readers import Gene, read_genes
from workflow_scripts.gue.sources import Source, source_path
from workflow_scripts.gue.splice_decoys import ROUNDS, WIDTH, adversarial_non_sites

ACCEPTOR, DONOR, NO_SITE = 0, 1, 2
# SpliceFinder's set has 10,000 rows of each class. The released set has 45,620 rows, and in its dev and test files
# 21.4 % of 9,124 rows are acceptors, 22.1 % donors and 56.5 % non-sites: the rows beyond 30,000 are adversarial.
EACH, ALL = 10_000, 45_620
DRAWS_PER_NON_SITE = 1_000

Boundary = tuple[str, int, str]
"""An exon boundary: contig, position of the first base after it, strand."""


def splice_sites(genes: list[Gene]) -> dict[int, list[Boundary]]:
    """Class -> distinct exon boundaries. The left end of an intron is a donor on the plus strand, else an acceptor."""
    found: dict[int, dict[Boundary, None]] = {ACCEPTOR: {}, DONOR: {}}
    for gene in genes:
        plus = gene.strand == "+"
        for position in gene.exon_ends:
            found[DONOR if plus else ACCEPTOR][(gene.contig, position, gene.strand)] = None
        for position in gene.exon_starts:
            found[ACCEPTOR if plus else DONOR][(gene.contig, position, gene.strand)] = None
    return {label: list(boundaries) for label, boundaries in found.items()}


def window_at(genome: Genome, boundary: Boundary, length: int, result: BuildResult) -> Window | None:
    """The window whose index ``length // 2`` is the first base after the boundary, along the strand."""
    contig, position, strand = boundary
    before = length // 2 if strand == "+" else length - length // 2
    result.candidates += 1
    return cut_window(genome, contig, position - before, length, strand, result.dropped)


def site_windows(
    genome: Genome, boundaries: list[Boundary], label: int, recipe: Recipe, seen: set[str], result: BuildResult
) -> list[Window]:
    """The windows of one class of sites: its quota of the recipe's rows, from boundaries in random order."""
    windows: list[Window] = []
    order = recipe.random("sites", label).permutation(len(boundaries))
    for done, index in enumerate(order):
        if len(windows) == class_quota(recipe.rows):
            result.candidates += len(boundaries) - done
            result.dropped["beyond_size"] += len(boundaries) - done
            break
        window = window_at(genome, boundaries[index], recipe.length, result)
        if window and window.sequence in seen:
            result.dropped["duplicate"] += 1
        elif window:
            seen.add(window.sequence)
            windows.append(window)
    return windows


def class_quota(rows: int) -> int:
    """The number of acceptors, of donors and of random non-sites among ``rows``, as in the released set."""
    return rows * EACH // ALL


def random_non_sites(
    genome: Genome,
    genes: list[Gene],
    annotated: np.ndarray,
    count: int,
    recipe: Recipe,
    seen: set[str],
    result: BuildResult,
) -> list[Window]:
    """Up to ``count`` windows at random positions of random genes, none at one of the ``annotated`` addresses."""
    random = recipe.random("non-sites")
    known = set(annotated.tolist())
    found: list[Window] = []
    for _ in range(DRAWS_PER_NON_SITE * count):
        if len(found) == count:
            break
        gene = genes[random.integers(len(genes))]
        position = int(random.integers(gene.start, gene.end))
        window = window_at(genome, (gene.contig, position, gene.strand), recipe.length, result)
        if window is None:
            continue
        if genome.contigs[gene.contig][0] + position in known:
            result.dropped["splice_site"] += 1
        elif window.sequence in seen:
            result.dropped["duplicate"] += 1
        else:
            seen.add(window.sequence)
            found.append(window)
    return found


def build(sources: list[Source], recipe: Recipe) -> BuildResult:
    """splice/*. Roles: genome, genes. Labels: 0 acceptor, 1 donor, 2 no site, in the released set's proportions."""
    genome, genes = read_genome(source_path(sources, "genome")), read_genes(source_path(sources, "genes"))
    for gene in genes:
        check_position(genome, gene.contig, gene.end - 1, gene.where)
    result = BuildResult(balanced=False)
    seen: set[str] = set()
    boundaries = splice_sites(genes)
    windows = {label: site_windows(genome, found, label, recipe, seen, result) for label, found in boundaries.items()}
    each = min(class_quota(recipe.rows), *map(len, windows.values()))
    rows = recipe.rows if each == class_quota(recipe.rows) else each * ALL // EACH
    for label, found in windows.items():
        windows[label] = subsample(found, each, recipe.random("fewer sites", label), result.dropped)
    # of both strands: a site on one strand is not a good non-site on the other
    addresses = [genome.contigs[contig][0] + at for found in boundaries.values() for contig, at, _ in found]
    annotated = np.sort(addresses)
    windows[NO_SITE] = random_non_sites(genome, genes, annotated, each, recipe, seen, result)
    windows[NO_SITE] += adversarial_non_sites(genome, genes, annotated, windows, rows - 3 * each, recipe, seen, result)
    result.examples = [to_example(window, label) for label, members in windows.items() for window in members]
    middle = recipe.length // 2
    result.construction = (
        f"{recipe.length} bp along the gene's strand with an exon boundary between indices {middle - 1} and {middle}: "
        "acceptors and donors of the introns in the gene table. Non-sites are not annotated boundaries: random "
        f"positions of the same genes, and false positives from {ROUNDS} rounds in which a logistic regression on the "
        f"middle {WIDTH} bp is fitted to the rows so far and slides over a gene, genes without a row first."
    )
    return result
