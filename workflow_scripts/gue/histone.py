"""Builder of the emp task (epigenetic marks, yeast): the ten published histone sets of Pham et al. 2005, unchanged."""

from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.gue.packed_genome import is_acgt
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.selection import subsample
from workflow_scripts.gue.source_readers import read_histone
from workflow_scripts.gue.sources import Source, source_path


def centre(sequence: str, length: int) -> str:
    """The middle ``length`` bases, or the whole sequence if it is shorter."""
    start = max(0, (len(sequence) - length) // 2)
    return sequence[start : start + length]


def build(sources: list[Source], recipe: Recipe) -> BuildResult:
    """emp/*. Role: histone. Labels as in the file: 0 no mark, 1 mark; the classes keep their sizes."""
    result = BuildResult(balanced=False)
    found = []
    for sequence, label, _ in read_histone(source_path(sources, "histone")):
        result.candidates += 1
        if is_acgt(sequence):
            found.append(Example((centre(sequence, recipe.length),), label))
        else:
            result.dropped["non_acgt"] += 1
    result.examples = subsample(found, recipe.rows, recipe.random("rows"), result.dropped)
    result.construction = (
        f"The published sequences and labels; of sequences longer than {recipe.length} bp, the middle {recipe.length}."
    )
    return result
