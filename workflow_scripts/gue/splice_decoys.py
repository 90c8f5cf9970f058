"""Adversarial non-sites: positions that a simple model mistakes for splice sites (SpliceFinder, Wang et al. 2019).

Each round fits a logistic regression on the bases around the middle to all rows so far, and slides it over genes base
by base. The false positives become rows of the class of non-sites.
"""

from collections import Counter
from itertools import cycle, islice

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from workflow_scripts.common.progress import Progress
from workflow_scripts.gue.packed_genome import ALPHABET, Genome, Window, encode
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.selection import subsample
from workflow_scripts.gue.source_readers import Gene

# SpliceFinder runs a hundred rounds of one gene each; the number of rounds for GUE is not published.
ROUNDS = 100
# Bases that the model sees: the tract before an acceptor and both signals, but not the branch point.
WIDTH = 60
COMPLEMENTS = encode(["AGTC"])[0]  # of T, C, A, G
DIGITS = 6  # kept of a weight, so that small differences between machines do not change the rows


def one_hot(codes: np.ndarray) -> csr_matrix:
    """(n, 4 x width) indicators of the base at each position."""
    count, width = codes.shape
    columns = codes + len(ALPHABET) * np.arange(width)
    return csr_matrix(
        (np.ones(columns.size), columns.ravel(), np.arange(0, columns.size + 1, width)),
        shape=(count, len(ALPHABET) * width),
    )


class SiteModel:
    """Classifies a boundary from the bases on either side of it. Each fit starts from the previous weights."""

    def __init__(self, length: int):
        """``length``: of the windows that it is fitted to, in bp."""
        self.half = min(WIDTH, length) // 2
        self.middle = length // 2
        self.regression = LogisticRegression(warm_start=True, tol=1e-3, max_iter=300)

    def fit(self, windows: dict[int, list[Window]]) -> None:
        """Fit to the windows of each class."""
        part = slice(self.middle - self.half, self.middle + self.half)
        labels = [label for label, members in windows.items() for _ in members]
        codes = encode([window.sequence[part] for members in windows.values() for window in members])
        self.regression.fit(one_hot(codes), labels)

    def classify(self, codes: np.ndarray, strand: str) -> np.ndarray:
        """The class of each boundary of a stretch that has at least ``half`` bases on both sides.

        ``codes``: base codes of the stretch, on the plus strand.
        """
        weights = self.regression.coef_.round(DIGITS).T.reshape(2 * self.half, len(ALPHABET), -1)
        if strand == "-":
            weights = weights[::-1, COMPLEMENTS]
        count = len(codes) - 2 * self.half + 1
        scores = np.tile(self.regression.intercept_.round(DIGITS), (count, 1))
        for offset, weight in enumerate(weights):
            scores += weight[codes[offset : offset + count]]
        return self.regression.classes_[scores.argmax(axis=1)]


def false_sites(
    genome: Genome, gene: Gene, model: SiteModel, sites: np.ndarray, length: int, no_site: int, dropped: Counter[str]
) -> np.ndarray:
    """Addresses of the windows of a gene that the model calls sites, except those centred on one of ``sites``.

    ``sites``: sorted addresses of the annotated boundaries. All other boundaries of the gene are counted in
    ``dropped``.
    """
    first, contig_length = genome.contigs[gene.contig]
    before = length // 2 if gene.strand == "+" else length - length // 2
    begin, end = max(gene.start, before), min(gene.end, contig_length - length + before + 1)
    dropped["leaves_contig"] += gene.end - gene.start - max(0, end - begin)
    if begin >= end:
        return np.empty(0, dtype=np.int64)
    boundaries = np.arange(first + begin, first + end)
    codes = genome.codes(boundaries[:1] - model.half, end - begin - 1 + 2 * model.half)[0]
    called = model.classify(codes, gene.strand) != no_site
    known = ~genome.unknown.overlaps(boundaries - before, length)
    annotated = np.zeros(len(boundaries), dtype=bool)
    annotated[sites[slice(*np.searchsorted(sites, (first + begin, first + end)))] - boundaries[0]] = True
    dropped["non_acgt"] += int((~known).sum())
    dropped["splice_site"] += int((known & annotated).sum())
    dropped["not_taken_for_a_site"] += int((known & ~annotated & ~called).sum())
    return boundaries[known & ~annotated & called] - before


def gene_order(genome: Genome, genes: list[Gene], windows: dict[int, list[Window]], recipe: Recipe) -> list[Gene]:
    """The genes in random order, first those that none of ``windows`` overlaps."""
    places = [window.place for members in windows.values() for window in members]
    taken = genome.regions([(place.contig, place.start, place.end) for place in places])
    used = [bool(taken.overlaps(genome.contigs[g.contig][0] + g.start, g.end - g.start)) for g in genes]
    order = recipe.random("adversarial genes").permutation(len(genes)).tolist()
    return [genes[index] for index in sorted(order, key=used.__getitem__)]


def adversarial_non_sites(
    genome: Genome,
    genes: list[Gene],
    sites: np.ndarray,
    windows: dict[int, list[Window]],
    count: int,
    recipe: Recipe,
    seen: set[str],
    result: BuildResult,
) -> list[Window]:
    """Up to ``count`` windows that the model mistakes for sites, an equal share from each round.

    ``windows``: the windows of each class so far; the last class is that of the non-sites. ``sites``: sorted addresses
    of the annotated boundaries. A round visits genes until it has its share.
    """
    if not all(windows.values()):
        return []
    no_site = max(windows)
    visits = cycle(gene_order(genome, genes, windows, recipe))
    model = SiteModel(recipe.length)
    found: list[Window] = []
    with Progress(count, "non-site", "adversarial rounds") as progress:
        for number in range(ROUNDS):
            wanted = count * (number + 1) // ROUNDS - len(found)
            if not wanted:
                continue
            model.fit(windows | {no_site: windows[no_site] + found})
            fresh: dict[str, Window] = {}
            for gene in islice(visits, len(genes)):
                result.candidates += gene.end - gene.start
                addresses = false_sites(genome, gene, model, sites, recipe.length, no_site, result.dropped)
                for address in addresses.tolist():
                    window = genome.window(address, recipe.length, gene.strand)
                    if window.sequence in seen or window.sequence in fresh:
                        result.dropped["duplicate"] += 1
                    else:
                        fresh[window.sequence] = window
                if len(fresh) >= wanted:
                    break
            chosen = subsample(list(fresh.values()), wanted, recipe.random("adversarial", number), result.dropped)
            seen.update(window.sequence for window in chosen)
            found += chosen
            progress.step(len(chosen))
    return found
