"""Check a custom data set and write it into the results in the form that those of the benchmark have.

In: a folder (--folder) with train, dev and test as .csv or .tsv, plain or gzipped; or one file (--file), which is
split here, or by its column named split. Columns are known by their names: sequence, or a pair such as sequence1 and
sequence2; label; and id, if there is one. Others are ignored. Separators may be commas, semicolons or tabs. What a
label is depends on --problem: a class, by name or number (classification); a number (regression); or a 0 or 1 for each
of several properties, separated by ; (multilabel).
Out: train.csv, dev.csv, test.csv, places.tsv (only its header), ids.tsv, classes.json, datasheet.json and README.md,
the data card, in the --out folder. Letters are upper case with T for U, and classes are numbered from 0 in the order of
their names, or of their numbers. The rows of three files keep their order. Of rows that are split here, copies are
dropped, and sequences with two labels.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import digest
from workflow_scripts.common.labelled_file import Row
from workflow_scripts.common.labelled_set import LabelledSet, read_labelled_set
from workflow_scripts.common.labelled_sources import WHOLE, custom_sources
from workflow_scripts.gue.datasheet import write_dataset
from workflow_scripts.gue.labelled_examples import Example, Splits
from workflow_scripts.gue.recipe import Recipe
from workflow_scripts.gue.registry import Dataset
from workflow_scripts.gue.selection import drop_duplicates
from workflow_scripts.gue.split import METHODS, Sizes, describe_split
from workflow_scripts.settings.names import METRICS, PROBLEM, SEED, SPLITS


def read_examples(sources: dict[str, Path], problem: str, resplit: bool) -> tuple[LabelledSet, Splits]:
    """What was understood of the files, and their rows; raises UserError with all mistakes."""
    rows: dict[str, list[Row]] = {}
    known = read_labelled_set(sources, problem, resplit, lambda split, row: rows.setdefault(split, []).append(row))
    return known, {
        split: [Example(row.sequences, known.numbers.get(row.label, row.label), id=row.id) for row in members]
        for split, members in rows.items()
    }


def sizes(rows: int) -> Sizes:
    """Rows of train, dev and test in the proportion 8:1:1, as most data sets of the benchmark have."""
    tenth = max(1, round(rows / 10))
    return rows - 2 * tenth, tenth, tenth


def split_rows(rows: list[Example], recipe: Recipe, method: str, dropped: Counter[str]) -> Splits:
    """The distinct rows in three splits; rows whose labels are no classes are split as if they were of one class."""
    rows = drop_duplicates(rows, dropped)
    drawn = [
        Example(row.sequences, row.label if isinstance(row.label, int) else 0, id=str(number))
        for number, row in enumerate(rows)
    ]
    splits = METHODS[method](drawn, sizes(len(rows)), recipe, dropped)
    return {split: [rows[int(row.id)] for row in splits[split]] for split in SPLITS}


def check_splits(where: str, splits: Splits, classes: list[str]) -> None:
    """Raise UserError if a split that was made here is empty, or if train lacks a class."""
    if empty := [split for split in SPLITS if not splits[split]]:
        raise UserError(f"{where}: no rows for {', '.join(empty)}; give more rows that are not related")
    labels = {row.label for row in splits["train"]}
    if missing := [name for number, name in enumerate(classes) if number not in labels]:
        raise UserError(f"{where}: no row of class {missing[0]!r} is in train; give more rows of it, or remove it")


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
    rows = (len(splits["train"]), len(splits["dev"]), len(splits["test"]))
    dataset = Dataset(
        task=task,
        dataset=name,
        name=f"{task}/{name}",
        species="",
        classes=tuple(known.classes),
        length=0,
        metric=metric,
        published_dir="",
        rows=rows,
        paper_rows=rows,
        columns=known.columns,
    )
    write_dataset(
        out,
        dataset,
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
    parser.add_argument("--problem", choices=METRICS, default=PROBLEM, help="what a label is (default %(default)s)")
    parser.add_argument("--metric", required=True, help="score by which models are compared")
    parser.add_argument(
        "--split", choices=METHODS, help="how to split the rows of --file (default: by its column split, else random)"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the split (default %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the CSV files and the datasheet")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    options = build_parser().parse_args(argv)
    task, name = options.name
    sources = custom_sources(options.folder, options.file)
    take_in(task, name, sources, options.problem, options.metric, options.split, options.seed, options.out)


if __name__ == "__main__":
    sys.exit(main())
