"""Check a custom data set and copy its three CSV files into the results, next to those of the benchmark.

In: a folder with train.csv, dev.csv and test.csv, plain or gzipped (.csv.gz). Each has a header that ends in label, and
rows of one or two sequences and a label. What a label is depends on --problem: the number of a class, from 0
(classification); a number (regression); or a 0 or 1 for each of several properties, separated by ; (multilabel).
Out: train.csv, dev.csv, test.csv, places.tsv (only its header), datasheet.json and README.md, the data card, in the
--out folder. Rows keep their order and their letters.
"""

import argparse
import gzip
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import digest, open_text
from workflow_scripts.common.labelled_csv import parse_class, parse_number, parse_properties
from workflow_scripts.gue.csv_rows import read_rows
from workflow_scripts.gue.datasheet import write_dataset
from workflow_scripts.gue.labelled_examples import Splits
from workflow_scripts.gue.registry import Dataset
from workflow_scripts.settings.names import SPLITS


def unchanged(parse: Callable[[str], object]) -> Callable[[str], str]:
    """A parser that gives the text of a label as it is; like ``parse``, it raises ValueError for other text."""

    def check(text: str) -> str:
        parse(text)
        return text

    return check


LABEL_PARSERS: dict[str, Callable[[str], int | str]] = {
    "classification": parse_class,
    "regression": unchanged(parse_number),
    "multilabel": unchanged(parse_properties),
}


def find_file(folder: Path, split: str) -> Path:
    """The file of a split. Raises UserError if there is none, or both a plain and a gzipped one."""
    found = [path for path in (folder / f"{split}.csv", folder / f"{split}.csv.gz") if path.is_file()]
    if len(found) != 1:
        problem = f"no {split}.csv" if not found else f"both {split}.csv and {split}.csv.gz"
        raise UserError(f"{folder}: {problem}; a custom data set is train.csv, dev.csv and test.csv")
    return found[0]


def read_splits(paths: dict[str, Path], problem: str) -> tuple[tuple[str, ...], Splits]:
    """The header, which the three files share, and their rows."""
    headers, splits = {}, {}
    for split, path in paths.items():
        try:
            with open_text(path) as lines:
                headers[split], splits[split] = read_rows(lines, str(path), LABEL_PARSERS[problem])
        except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError) as error:
            raise UserError(f"{path}: not a CSV file in UTF-8, plain or gzipped ({error})") from error
        if headers[split] != headers["train"]:
            raise UserError(
                f"{path}:1: header {','.join(headers[split])!r} differs from train's, {','.join(headers['train'])!r}"
            )
    return headers["train"], splits


def check_classes(paths: dict[str, Path], splits: Splits) -> list[str]:
    """The names of the classes, which are their numbers.

    Raises UserError if train has fewer than two classes, a gap in their numbers, or lacks a class of dev or test.
    """
    known = {int(row.label) for row in splits["train"]}
    if len(known) < 2 or known != set(range(len(known))):
        found = ", ".join(map(str, sorted(known)[:10]))
        raise UserError(f"{paths['train']}: classes {found}; at least two are needed, numbered from 0 without gaps")
    for split, rows in splits.items():
        if unknown := {int(row.label) for row in rows} - known:
            raise UserError(f"{paths[split]}: class {min(unknown)} does not occur in train")
    return [str(label) for label in sorted(known)]


def check_property_counts(paths: dict[str, Path], splits: Splits) -> None:
    """Raise UserError unless all labels have as many properties as the first one of train."""
    counts = {split: {str(row.label).count(";") + 1 for row in rows} for split, rows in splits.items()}
    expected = str(splits["train"][0].label).count(";") + 1
    for split, found in counts.items():
        if found != {expected}:
            raise UserError(f"{paths[split]}: not every label has {expected} properties, as the first row of train has")


def take_in(task: str, name: str, folder: Path, problem: str, metric: str, out: Path) -> None:
    """Check the data set ``task/name`` and copy it from ``folder`` to ``out``; on an error nothing is written."""
    paths = {split: find_file(folder, split) for split in SPLITS}
    header, splits = read_splits(paths, problem)
    classes = check_classes(paths, splits) if problem == "classification" else []
    if problem == "multilabel":
        check_property_counts(paths, splits)
    rows = (len(splits["train"]), len(splits["dev"]), len(splits["test"]))
    dataset = Dataset(
        task=task,
        dataset=name,
        name=f"{task}/{name}",
        species="",
        classes=tuple(classes),
        length=0,
        metric=metric,
        published_dir=str(folder),
        rows=rows,
        paper_rows=rows,
        columns=header,
    )
    write_dataset(
        out,
        dataset,
        classes,
        splits,
        origin="custom",
        split={"method": "custom"},
        problem=problem,
        sources=[{"file": str(path), "role": split, "sha256": digest(path)} for split, path in paths.items()],
        construction="The user's rows, unchanged.",
        seed=None,
        candidates=sum(rows),
        dropped={},
    )


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", nargs=2, metavar=("TASK", "DATASET"), required=True, help="name of the data set")
    parser.add_argument("--folder", type=Path, required=True, help="folder with the three files")
    parser.add_argument("--problem", choices=LABEL_PARSERS, default="classification", help="what a label is")
    parser.add_argument("--metric", required=True, help="score by which models are compared")
    parser.add_argument("--out", type=Path, required=True, help="folder for the CSV files and the datasheet")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = build_parser().parse_args(argv)
    task, name = arguments.name
    take_in(task, name, arguments.folder, arguments.problem, arguments.metric, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
