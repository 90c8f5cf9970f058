"""Check a custom data set and write it into the results in the form that those of the benchmark have.

In, one of these:

  --folder     train, dev and test as .csv or .tsv, plain or gzipped
  --file       one such file, which is split here, or by its column named split
  --intervals  BED or narrowPeak and its --genome: the positives, for which --negatives are made, or classes by name
  --fasta      FASTA with the class of each record in its header (>id label=NAME or >id|NAME), one file for each of
               --classes, or positives for which --negatives are made

Columns are known by their names: sequence, or a pair such as sequence1 and sequence2; label; and id, if there is one.
Others are ignored. Separators may be commas, semicolons or tabs. What a label is depends on --problem: a class, by name
or number (classification); a number (regression); or a 0 or 1 for each of several properties, separated by ;
(multilabel).

Out: train.csv, dev.csv, test.csv, places.tsv, ids.tsv, classes.json, datasheet.json and README.md, the data card, in
the --out folder. Letters are upper case with T for U, and classes are numbered from 0 in the order of their names, or
of their numbers. The rows of three files keep their order. Of rows that are split here, copies are dropped, and
sequences with two labels.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import digest
from workflow_scripts.common.labelled_file import Row
from workflow_scripts.common.labelled_set import LabelledSet, read_labelled_set
from workflow_scripts.common.labelled_sources import ONE_FILE, WHOLE
from workflow_scripts.gue.datasheet import write_dataset
from workflow_scripts.gue.labelled_examples import Example, Splits
from workflow_scripts.gue.made_dataset import make_dataset
from workflow_scripts.gue.recipe import Recipe
from workflow_scripts.gue.registry import custom_dataset
from workflow_scripts.gue.selection import drop_duplicates
from workflow_scripts.gue.split import METHODS, describe_split
from workflow_scripts.gue.unit_split import check_splits, sizes
from workflow_scripts.settings.custom_datasets import (
    CENTRE,
    CENTRES,
    CUSTOM_SPLITS,
    DISTANCE,
    NEGATIVES,
    RATIO,
    Custom,
    entry_errors,
)
from workflow_scripts.settings.names import METRICS, PROBLEM, SEED, SPLITS
from workflow_scripts.settings.validation import read


def read_examples(sources: dict[str, Path], problem: str, resplit: bool) -> tuple[LabelledSet, Splits]:
    """What was understood of the files, and their rows; raises UserError with all mistakes."""
    rows: dict[str, list[Row]] = {}
    known = read_labelled_set(sources, problem, resplit, lambda split, row: rows.setdefault(split, []).append(row))
    return known, {
        split: [Example(row.sequences, known.numbers.get(row.label, row.label), id=row.id) for row in members]
        for split, members in rows.items()
    }


def split_rows(rows: list[Example], recipe: Recipe, method: str, dropped: Counter[str]) -> Splits:
    """The distinct rows in three splits; rows whose labels are no classes are split as if they were of one class."""
    rows = drop_duplicates(rows, dropped)
    drawn = [
        Example(row.sequences, row.label if isinstance(row.label, int) else 0, id=str(number))
        for number, row in enumerate(rows)
    ]
    splits = METHODS[method](drawn, sizes(len(rows)), recipe, dropped)
    return {split: [rows[int(row.id)] for row in splits[split]] for split in SPLITS}


def take_in(
    task: str, name: str, sources: dict[str, Path], problem: str, metric: str, split: str | None, seed: int, out: Path
) -> None:
    """Check the data set ``task/name`` and write it to ``out``; on an error nothing is written.

    ``sources``: the file of each split, or one under WHOLE. ``split``: how rows without splits are split, one of
    split.METHODS; if given, a column of splits is ignored.
    """
    known, splits = read_examples(sources, problem, split is not None)
    for line in known.understood:
        print(line, file=sys.stderr)
    candidates, dropped, method = sum(map(len, splits.values())), Counter[str](), {"method": "custom"}
    if not known.split:
        recipe = Recipe(task, name, 0, candidates, seed, known.classes or [""])
        splits = split_rows(splits[WHOLE], recipe, split or "random", dropped)
        check_splits(str(sources[WHOLE]), splits, known.classes)
        method = describe_split(split or "random")
    write_dataset(
        out,
        custom_dataset(task, name, metric, known.classes, splits, known.columns),
        known.classes,
        splits,
        origin="custom",
        split=method,
        problem=problem,
        sources=[{"file": str(path), "role": role, "sha256": digest(path)} for role, path in sources.items()],
        construction="The user's rows, in upper case with T for U and with classes numbered from 0.",
        understood=known.understood,
        labels=known.numbers,
        normalized=known.letters,
        seed=None if known.split else seed,
        candidates=candidates,
        dropped=dropped,
    )


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", nargs=2, metavar=("TASK", "DATASET"), required=True, help="name of the data set")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--folder", help="folder with the three files")
    source.add_argument("--file", help="file with all rows")
    source.add_argument("--intervals", help="BED or narrowPeak, plain or gzipped")
    source.add_argument("--fasta", nargs="+", help="FASTA file, or one for each of --classes")
    parser.add_argument("--classes", nargs="+", help="classes of the files of --fasta, in their order")
    parser.add_argument("--genome", help="genome of the intervals and of matched negatives, FASTA or .2bit")
    parser.add_argument("--width", type=int, help="bp of a row around its centre (default: all have one width)")
    parser.add_argument("--centre", choices=CENTRES, help=f"centre of an interval (default {CENTRE})")
    parser.add_argument(
        "--negatives",
        choices=NEGATIVES,
        help="genome windows that match a positive, its shuffles, or none, if names or headers are the classes "
        "(default: matched for --intervals, none for --fasta)",
    )
    parser.add_argument("--distance", type=int, help=f"bp from matched negatives to intervals (default {DISTANCE})")
    parser.add_argument("--ratio", type=int, help=f"negatives for each positive (default {RATIO})")
    parser.add_argument("--dev-chromosomes", nargs="+", help="contigs of dev, for --split chromosome")
    parser.add_argument("--test-chromosomes", nargs="+", help="contigs of test, for --split chromosome")
    parser.add_argument("--problem", choices=METRICS, default=PROBLEM, help="what a label is (default %(default)s)")
    parser.add_argument("--metric", required=True, help="score by which models are compared")
    parser.add_argument(
        "--split",
        choices=CUSTOM_SPLITS,
        help="how to split rows (default: by the column split of --file, else random)",
    )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of all random choices (default %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the CSV files and the datasheet")
    return parser


def read_entry(options: argparse.Namespace) -> Custom:
    """The options as an entry of gue.custom. Raises UserError with what does not fit together."""
    names = Custom.model_fields.keys() - {"metric"}
    keys = {name: value for name, value in vars(options).items() if name in names and value is not None}
    if options.fasta:
        classes = options.classes or [ONE_FILE]
        if len(classes) != len(options.fasta):
            raise UserError(f"--classes: {len(classes)} names for {len(options.fasta)} files of --fasta; name one each")
        keys["fasta"] = dict(zip(classes, options.fasta, strict=True))
    if options.dev_chromosomes or options.test_chromosomes:
        keys["chromosomes"] = {"dev": options.dev_chromosomes or [], "test": options.test_chromosomes or []}
    entry = read(Custom, keys, "options")
    if told := list(entry_errors("options", entry)):
        raise UserError("\n".join(told))
    return entry


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    options = build_parser().parse_args(argv)
    task, name = options.name
    entry = read_entry(options)
    if entry.folder or entry.file:
        take_in(task, name, entry.files(), entry.problem, options.metric, entry.split, options.seed, options.out)
    else:
        make_dataset(task, name, entry, options.metric, options.seed, options.out)


if __name__ == "__main__":
    sys.exit(main())
