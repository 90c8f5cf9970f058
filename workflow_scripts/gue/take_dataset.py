"""Take in a data set of a user's own: verify its three CSV files and copy them beside those of the benchmark.

In: a folder with train.csv, dev.csv and test.csv, plain or gzipped (.csv.gz). Each has a header that ends in label and
rows of one sequence, or two, and a label. A label is, by --problem: a class, numbered from 0 (classification), a number
(regression), or a 0 or 1 for each of several properties, separated by ; (multilabel).
Out: train.csv, dev.csv, test.csv, places.tsv (its header alone), datasheet.json and README.md, the card, in the --out
folder. Rows, their order and their letters stay as they are.
"""

import argparse
import gzip
import math
import re
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import digest, open_text
from workflow_scripts.gue.csv_rows import a_class, read_rows
from workflow_scripts.gue.datasheet import Splits, write_dataset
from workflow_scripts.gue.registry import Dataset
from workflow_scripts.settings.names import PROBLEM, SPLITS


def a_number(label: str) -> str:
    """The text of a finite number, as it is. ValueError for anything else."""
    try:
        finite = math.isfinite(float(label))
    except ValueError:
        finite = False
    if not finite:
        raise ValueError("is not a number")
    return label


def several(label: str) -> str:
    """The text of one 0 or 1 for each property, as it is. ValueError for anything else."""
    if not re.fullmatch("[01](;[01])*", label):
        raise ValueError("is not a 0 or 1 for each property, such as 0;1;1")
    return label


PROBLEMS: dict[str, Callable[[str], int | str]] = {
    "classification": a_class,
    "regression": a_number,
    "multilabel": several,
}


def find_file(folder: Path, split: str) -> Path:
    """The file of a split. Raises UserError where there is none, or a plain and a gzipped one."""
    found = [path for path in (folder / f"{split}.csv", folder / f"{split}.csv.gz") if path.is_file()]
    if len(found) != 1:
        what = f"no {split}.csv" if not found else f"both {split}.csv and {split}.csv.gz"
        raise UserError(f"{folder}: {what}; a data set of your own is train.csv, dev.csv and test.csv")
    return found[0]


def read_splits(paths: dict[str, Path], problem: str) -> tuple[tuple[str, ...], Splits]:
    """The header that the three files share, and their rows."""
    headers, splits = {}, {}
    for split, path in paths.items():
        try:
            with open_text(path) as lines:
                headers[split], splits[split] = read_rows(lines, str(path), PROBLEMS[problem])
        except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not a CSV file in UTF-8, plain or gzipped ({error})") from error
        if headers[split] != headers["train"]:
            raise UserError(f"{path}:1: header {','.join(headers[split])!r}; that of train is another")
    return headers["train"], splits


def check_labels(paths: dict[str, Path], problem: str, splits: Splits) -> list[str]:
    """The names of the classes, which are their numbers; none for other problems than classification.

    Raises UserError where the labels of the three files do not fit together.
    """
    if problem == "classification":
        known = {row.label for row in splits["train"]}
        if len(known) < 2 or known != set(range(len(known))):
            told = ", ".join(map(str, sorted(known)[:10]))
            raise UserError(f"{paths['train']}: classes {told}; at least two are needed, numbered from 0 without gaps")
        for split, rows in splits.items():
            if unknown := {row.label for row in rows} - known:
                raise UserError(f"{paths[split]}: class {min(unknown)} does not occur in train")
        return [str(label) for label in sorted(known)]
    if problem == "multilabel":
        width = splits["train"][0].label.count(";")
        for split, rows in splits.items():
            if any(row.label.count(";") != width for row in rows):
                raise UserError(f"{paths[split]}: not every label has {width + 1} properties, as that of the first row")
    return []


def take_in(name: tuple[str, str], folder: Path, problem: str, metric: str, out: Path) -> None:
    """Verify and copy the data set ``name`` (task, data set); nothing is written on an error."""
    paths = {split: find_file(folder, split) for split in SPLITS}
    header, splits = read_splits(paths, problem)
    classes = check_labels(paths, problem, splits)
    rows = tuple(len(splits[split]) for split in SPLITS)
    task, dataset = name
    described = Dataset(
        **{"task": task, "dataset": dataset, "name": f"{task}/{dataset}", "species": "", "classes": tuple(classes)},
        **{"length": 0, "metric": metric, "published_dir": str(folder), "rows": rows, "paper_rows": rows},
        columns=header,
    )
    write_dataset(
        out,
        described,
        classes,
        splits,
        origin="custom",
        split={"method": "custom"},
        problem=problem,
        sources=[{"file": str(path), "role": split, "sha256": digest(path)} for split, path in paths.items()],
        construction="A user's own rows as they are.",
        seed=None,
        candidates=sum(rows),
        dropped={},
    )


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", nargs=2, metavar=("TASK", "DATASET"), required=True, help="its name here")
    parser.add_argument("--folder", type=Path, required=True, help="folder with the three files")
    parser.add_argument("--problem", choices=PROBLEMS, default=PROBLEM, help="what a label is")
    parser.add_argument("--metric", required=True, help="the score by which models are compared")
    parser.add_argument("--out", type=Path, required=True, help="folder for the CSV files and the datasheet")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = build_parser().parse_args(argv)
    take_in(tuple(arguments.name), arguments.folder, arguments.problem, arguments.metric, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
