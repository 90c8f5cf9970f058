"""Import one data set of GUE from the published files (github.com/MAGICS-LAB/DNABERT_2).

In: the folder or archive (.zip, .tar, .tar.gz) with EMP/H3/train.csv and so on, at the top level or one folder down.
Files may be gzipped (.csv.gz) and may end lines in LF or CRLF. Out: train.csv, dev.csv, test.csv, places.tsv and
ids.tsv (only their headers, as neither is published), classes.json, datasheet.json and README.md, the data card, in the
--out folder. Rows keep their order; letters are in upper case with T for U, line ends and the header are normalized.
The datasheet counts the rows whose letters were others. It records for each file whether its hash
(config/gue_published.tsv) and its number of rows are known.

With --split homology the rows of the three files are split again, so that related rows are in one split (split.py),
and ids.tsv names the published split and line of each row, such as train:17.
"""

import argparse
import hashlib
import io
import sys
from collections import Counter
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.labelled_csv import parse_class
from workflow_scripts.gue import archive
from workflow_scripts.gue.csv_rows import read_rows
from workflow_scripts.gue.datasheet import write_dataset
from workflow_scripts.gue.labelled_examples import Example, Splits
from workflow_scripts.gue.published_hashes import DIFFERS, NEITHER, compare_hash, compare_size, read_known_hashes
from workflow_scripts.gue.recipe import Recipe
from workflow_scripts.gue.registry import Dataset, read_dataset
from workflow_scripts.gue.split import describe_split, split_again
from workflow_scripts.settings.names import SEED, SPLITS


def find_files(origin: Path, dataset: Dataset) -> dict[str, archive.Member]:
    """Split -> its only file; UserError if the origin is unreadable or a split has no file or two."""
    wanted = {f"{dataset.published_dir}/{split}{end}": split for split in SPLITS for end in (".csv", ".csv.gz")}
    files: dict[str, archive.Member] = {}
    for member in archive.find_members(origin, wanted):
        split = wanted[member.wanted]
        if split in files:
            raise UserError(f"{origin}: both {files[split].name} and {member.name} are the {split} set; remove one")
        files[split] = member
    if missing := [split for split in SPLITS if split not in files]:
        raise UserError(
            f"{origin}: no {dataset.published_dir}/{missing[0]}.csv (or .csv.gz), at the top level or one folder down"
        )
    return files


def decode(content: bytes, where: str) -> str:
    """The text of a CSV file."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{where}:{line}: byte 0x{content[error.start]:02x} is not UTF-8; download it again") from error


def read_published(text: str, where: str, dataset: Dataset, letters: Counter[str]) -> list[Example]:
    """The rows of a published CSV file. ``where`` is the name of the file; ``letters``: see csv_rows.read_rows.

    Raises UserError with file and line (the header is line 1) if columns or classes are not those of the registry.
    """

    def parse(label: str) -> int:
        number = parse_class(label)
        if dataset.classes and number >= len(dataset.classes):
            raise ValueError(f"is outside 0..{len(dataset.classes) - 1}; see classes in the registry")
        return number

    header, rows = read_rows(io.StringIO(text, newline=""), where, parse, letters)
    if len(header) != len(dataset.columns):
        raise UserError(f"{where}:1: {len(header)} columns, expected {','.join(dataset.columns)}")
    return rows


def class_names(dataset: Dataset, splits: Splits) -> list[str]:
    """The registry's class names; if it has none (species), the numbers that the files use."""
    if dataset.classes:
        return list(dataset.classes)
    used = {int(row.label) for rows in splits.values() for row in rows}
    if used != set(range(len(used))):
        raise UserError(f"{dataset.published_dir}: labels {min(used)}..{max(used)} have gaps; number them from 0")
    return [str(label) for label in sorted(used)]


def import_files(dataset: Dataset, origin: Path, known: Path, out: Path, again: bool, seed: int) -> None:
    """Import ``dataset`` from ``origin`` into the folder ``out``; on an error nothing is written.

    ``again``: split the rows again by homology, with ``seed``.

    A file with another hash than in the table ``known``, or with another number of rows than released and in the
    paper, is imported; the datasheet and a warning on standard error say so.
    """
    files, hashes = find_files(origin, dataset), read_known_hashes(known, dataset)
    splits, sources, letters = {}, [], Counter[str]()
    for split in SPLITS:
        name, _, stored = files[split]
        where = f"{origin}/{name}"
        content = archive.decompress(stored, where)
        splits[split] = read_published(decode(content, where), where, dataset, letters)
        checks = {
            "verified": compare_hash(content, hashes.get(split)),
            "rows": compare_size(len(splits[split]), split, dataset),
        }
        sources.append({"file": name, "role": split, "sha256": hashlib.sha256(stored).hexdigest(), **checks})
        for check, outcome in checks.items():
            if outcome in (DIFFERS, NEITHER):
                print(f"warning: {where}: {check}: {outcome}", file=sys.stderr)
    candidates, dropped, classes = sum(map(len, splits.values())), Counter[str](), class_names(dataset, splits)
    if again:
        recipe = Recipe(dataset.task, dataset.dataset, dataset.length, candidates, seed, classes)
        splits = split_again(splits, recipe, dropped)
    write_dataset(
        out,
        dataset,
        classes,
        splits,
        origin="published",
        sources=sources,
        construction="The published rows, in upper case with T for U.",
        normalized=dict(letters),
        split=describe_split("homology") if again else {"method": "published"},
        seed=seed if again else None,
        candidates=candidates,
        dropped=dropped,
    )


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, help="task of the data set")
    parser.add_argument("--dataset", required=True, help="name of the data set within its task, such as H3 or tata")
    parser.add_argument("--registry", required=True, type=Path, help="table of the data sets, config/gue.tsv")
    parser.add_argument(
        "--from", dest="origin", required=True, type=Path, help="folder or archive with the published files"
    )
    parser.add_argument(
        "--known", required=True, type=Path, help="table of the published files, config/gue_published.tsv"
    )
    parser.add_argument(
        "--split",
        choices=("published", "homology"),
        default="published",
        help="keep the published splits, or split all rows again so that related ones are together (default published)",
    )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of that split (default %(default)s)")
    parser.add_argument("--out", required=True, type=Path, help="folder for the CSV files and the datasheet")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = build_parser().parse_args(argv)
    dataset = read_dataset(arguments.registry, arguments.task, arguments.dataset)
    again = arguments.split == "homology"
    import_files(dataset, arguments.origin, arguments.known, arguments.out, again, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
