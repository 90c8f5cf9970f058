"""Enhancer-promoter interaction (GUE+): TargetFinder pairs of one cell line and a genome.

The released rows hold an enhancer and a promoter of 5,001 bp together, without a word on how they were cut. Here three
fifths of the length are centred on the enhancer and two fifths on the promoter (3,000 + 2,000 bp), plus strand.
"""

from workflow_scripts.gue.examples import Built, Example, Recipe
from workflow_scripts.gue.genome import Genome, Window, check_place, cut
from workflow_scripts.gue.source_readers import Pair, Source, one, read_pairs
from workflow_scripts.gue.twobit import read_genome


def centred(genome: Genome, element: tuple[str, int, int], length: int, built: Built) -> Window | None:
    """The window with the element's middle base at index ``length // 2``."""
    chrom, start, end = element
    return cut(genome, chrom, (start + end) // 2 - length // 2, length, "+", built.dropped)


def example(genome: Genome, pair: Pair, lengths: tuple[int, int], built: Built) -> Example | None:
    """The two windows of a pair, or ``None`` where the first or the second cannot be cut."""
    enhancer = centred(genome, pair.enhancer, lengths[0], built)
    promoter = centred(genome, pair.promoter, lengths[1], built) if enhancer else None
    if not (enhancer and promoter):
        return None
    return Example((enhancer.sequence, promoter.sequence), pair.label, (enhancer.place, promoter.place))


def build(sources: list[Source], recipe: Recipe) -> Built:
    """epi/*. Roles: genome, pairs. Labels: 0 no interaction, 1 interaction; as many of one as of the other."""
    genome, pairs = read_genome(one(sources, "genome")), read_pairs(one(sources, "pairs"))
    enhancer_length = recipe.length * 3 // 5
    lengths = (enhancer_length, recipe.length - enhancer_length)
    for pair in pairs:
        for chrom, _, end in (pair.enhancer, pair.promoter):
            check_place(genome, chrom, end - 1, pair.where)
    built = Built()
    for label in range(len(recipe.classes)):
        members = [pair for pair in pairs if pair.label == label]
        built.candidates += len(members)
        order = recipe.random("pairs", label).permutation(len(members))
        quota, kept = recipe.quota(label), 0
        for index in order:
            if kept == quota:
                built.dropped["beyond_size"] += 1
            elif (row := example(genome, members[index], lengths, built)) is not None:
                built.examples.append(row)
                kept += 1
    built.construction = (
        f"TargetFinder pairs: {lengths[0]} bp centred on the enhancer and {lengths[1]} bp centred on the promoter, "
        "plus strand, as many pairs without as with interaction."
    )
    return built
