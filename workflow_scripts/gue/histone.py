"""Epigenetic marks (yeast): the ten published histone sets of Pham et al. 2005, taken as they are."""

from workflow_scripts.gue.examples import Built, Example, Recipe, pick
from workflow_scripts.gue.genome import is_acgt
from workflow_scripts.gue.source_readers import Source, one, read_histone


def centre(sequence: str, length: int) -> str:
    """The middle ``length`` bases, or the whole sequence where it is shorter."""
    start = max(0, (len(sequence) - length) // 2)
    return sequence[start : start + length]


def build(sources: list[Source], recipe: Recipe) -> Built:
    """emp/*. Role: histone. Labels as in the file: 0 no mark, 1 mark; classes keep their natural sizes."""
    built = Built(balanced=False)
    found = []
    for sequence, label, _ in read_histone(one(sources, "histone")):
        built.candidates += 1
        if is_acgt(sequence):
            found.append(Example((centre(sequence, recipe.length),), label))
        else:
            built.dropped["non_acgt"] += 1
    built.examples = pick(found, recipe.rows, recipe.random("rows"), built.dropped)
    built.construction = f"The published sequences and labels as they are, at most their middle {recipe.length} bp."
    return built
