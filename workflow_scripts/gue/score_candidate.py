"""How hard the data set of a candidate's peaks would be: what a simple model reaches on a small one.

In: a peak file, the genome, and the registry. Out: a JSON file {candidate, task, peaks, rows, test_rows, f1, mcc,
accuracy}. Rows are made by the rule of the task, 4,000 at most, and a fifth of them is tested; the scores are null
where there are fewer than 500.
"""

import argparse
import sys
from pathlib import Path

from workflow_scripts.common.errors import program
from workflow_scripts.common.files import write_json
from workflow_scripts.gue import binding
from workflow_scripts.gue.examples import Recipe, unique
from workflow_scripts.gue.kmer_baseline import kmer_baseline
from workflow_scripts.gue.registry import Dataset, read_dataset
from workflow_scripts.gue.source_readers import Source, read_peaks
from workflow_scripts.settings.names import BINDING_TASKS, SEED

ROWS = 4000
MIN_ROWS = 500  # a test set of 100 rows tells a score to a tenth
TEST_SHARE = 5


def score(dataset: Dataset, genome: Path, peaks: Path, length: int, seed: int) -> dict:
    """The figures of one candidate, a function of its name, its peaks and the seed alone."""
    recipe = Recipe(dataset.task, f"candidate {peaks.name}", length, ROWS, seed, list(dataset.classes))
    built = binding.build([Source("genome", "", genome), Source("peaks", "", peaks)], recipe)
    rows = unique(built.examples, built.dropped)
    rows = [rows[index] for index in recipe.random("rows").permutation(len(rows))]
    tested = len(rows) // TEST_SHARE
    scores = dict.fromkeys(("f1", "mcc", "accuracy"))
    if len(rows) >= MIN_ROWS:
        scores = kmer_baseline({"train": rows[tested:], "dev": [], "test": rows[:tested]}, seed)
    figures = {"candidate": peaks.name, "task": dataset.task, "peaks": len(read_peaks(peaks))}
    return figures | {"rows": len(rows), "test_rows": tested} | scores


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, choices=BINDING_TASKS, help="whose rule makes the rows")
    parser.add_argument("--dataset", required=True, help="a data set of the task, for its length and classes")
    parser.add_argument("--registry", required=True, type=Path, help="table of the data sets, config/gue.tsv")
    parser.add_argument("--genome", required=True, type=Path, help="the genome that the peaks lie on")
    parser.add_argument("--peaks", required=True, type=Path, help="the candidate, a narrowPeak file")
    parser.add_argument("--length", type=int, help="bp a row, instead of the registry's")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of every random choice (default %(default)s)")
    parser.add_argument("--out", required=True, type=Path, help="the JSON file")
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
