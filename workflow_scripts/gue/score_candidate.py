"""Score a candidate peak file: how well the k-mer baseline predicts a small data set made from it.

In: a peak file, the genome, and the registry. Out: a JSON file {candidate, task, peaks, rows, test_rows, f1, mcc,
accuracy}. At most 4,000 rows are made by the rule of the task, and a fifth of them is the test set, a negative in the
same set as the positive that it was made from. With fewer than 500 rows the scores are null.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import program
from workflow_scripts.common.files import write_json
from workflow_scripts.gue.binding import build_from_peaks
from workflow_scripts.gue.genome_reader import read_genome
from workflow_scripts.gue.kmer_baseline import baseline_scores
from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.gue.recipe import Recipe
from workflow_scripts.gue.registry import Dataset, read_dataset
from workflow_scripts.gue.selection import drop_duplicates
from workflow_scripts.gue.source_readers import read_peaks
from workflow_scripts.gue.split import with_partners
from workflow_scripts.settings.names import BINDING_TASKS, SEED

ROWS = 4000
MIN_ROWS = 500  # a test set of 100 rows gives a score to within a tenth
TEST_SHARE = 5


def divide(rows: list[Example], recipe: Recipe) -> tuple[list[Example], list[Example]]:
    """A fifth of the rows, and the others, in random order; rows of the same place are together."""
    units = with_partners(rows)
    units = [units[index] for index in recipe.random("rows").permutation(len(units))]
    cut = len(units) // TEST_SHARE
    return [row for unit in units[:cut] for row in unit], [row for unit in units[cut:] for row in unit]


def score(dataset: Dataset, genome: Path, peaks: Path, length: int, seed: int) -> dict[str, Any]:
    """The figures of one candidate: a function of the name and content of its file, the genome and the seed."""
    recipe = Recipe(dataset.task, f"candidate {peaks.name}", length, ROWS, seed, list(dataset.classes))
    found = read_peaks(peaks)
    result = build_from_peaks(read_genome(genome), found, recipe)
    rows = drop_duplicates(result.examples, result.dropped)
    test, train = divide(rows, recipe)
    scores: dict[str, float | None] = dict.fromkeys(("f1", "mcc", "accuracy"))
    if len(rows) >= MIN_ROWS:
        scores |= baseline_scores({"train": train, "dev": [], "test": test}, seed)
    figures = {"candidate": peaks.name, "task": dataset.task, "peaks": len(found)}
    return figures | {"rows": len(rows), "test_rows": len(test)} | scores


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, choices=BINDING_TASKS, help="task whose rule makes the rows")
    parser.add_argument("--dataset", required=True, help="a data set of the task; gives the length and the classes")
    parser.add_argument("--registry", required=True, type=Path, help="table of the data sets, config/gue.tsv")
    parser.add_argument("--genome", required=True, type=Path, help="genome of the peaks")
    parser.add_argument("--peaks", required=True, type=Path, help="the candidate, a narrowPeak file")
    parser.add_argument("--length", type=int, help="bp of a row, instead of the registry's")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of all random choices (default %(default)s)")
    parser.add_argument("--out", required=True, type=Path, help="JSON file to write")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = build_parser().parse_args(argv)
    dataset = read_dataset(arguments.registry, arguments.task, arguments.dataset)
    length = arguments.length or dataset.length
    write_json(arguments.out, score(dataset, arguments.genome, arguments.peaks, length, arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
