"""Builder of the epi task (enhancer-promoter interaction, GUE+): TargetFinder pairs of one cell line and a genome.

The released rows are an enhancer and a promoter of 5,001 bp together; how they were cut is not documented. Here three
fifths of the length are centred on the enhancer and two fifths on the promoter (3,000 + 2,000 bp), plus strand.
"""

from workflow_scripts.gue.genome_reader import read_genome
from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.gue.packed_genome import Genome, Window, check_position, cut_window
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.source_readers import Pair, read_pairs
from workflow_scripts.gue.sources import Source, source_path


def centred_window(genome: Genome, element: tuple[str, int, int], length: int, result: BuildResult) -> Window | None:
    """The window that has the element's middle base at index ``length // 2``; ``None`` if it cannot be cut."""
    contig, start, end = element
    return cut_window(genome, contig, (start + end) // 2 - length // 2, length, "+", result.dropped)


def pair_example(genome: Genome, pair: Pair, lengths: tuple[int, int], result: BuildResult) -> Example | None:
    """The two windows of a pair; ``None`` if one of them cannot be cut."""
    enhancer = centred_window(genome, pair.enhancer, lengths[0], result)
    promoter = centred_window(genome, pair.promoter, lengths[1], result) if enhancer else None
    if not (enhancer and promoter):
        return None
    return Example((enhancer.sequence, promoter.sequence), pair.label, (enhancer.place, promoter.place))


def build(sources: list[Source], recipe: Recipe) -> BuildResult:
    """epi/*. Roles: genome, pairs. Labels: 0 no interaction, 1 interaction, the same number of each."""
    genome, pairs = read_genome(source_path(sources, "genome")), read_pairs(source_path(sources, "pairs"))
    enhancer_length = recipe.length * 3 // 5
    lengths = (enhancer_length, recipe.length - enhancer_length)
    for pair in pairs:
        for contig, _, end in (pair.enhancer, pair.promoter):
            check_position(genome, contig, end - 1, pair.where)
    result = BuildResult()
    for label in range(len(recipe.classes)):
        members = [pair for pair in pairs if pair.label == label]
        result.candidates += len(members)
        order = recipe.random("pairs", label).permutation(len(members))
        quota, kept = recipe.quota(label), 0
        for index in order:
            if kept == quota:
                result.dropped["beyond_size"] += 1
            elif (row := pair_example(genome, members[index], lengths, result)) is not None:
                result.examples.append(row)
                kept += 1
    result.construction = (
        f"TargetFinder pairs: {lengths[0]} bp centred on the enhancer and {lengths[1]} bp centred on the promoter, "
        "plus strand, the same number of pairs with and without interaction."
    )
    return result
