"""Split the rows of a data set again, so that related rows are in one split: its homology twin.

In: the folder of a data set with train.csv, dev.csv, test.csv, places.tsv and datasheet.json. Out: the same files of
the twin, whose name ends in .homology. It has the same rows in splits of the same sizes, as far as clusters of related
rows allow (split.py); only rows between the parts of a cluster that must be cut are dropped, and counted in the
datasheet. ids.tsv names the former split and line of each row, such as train:17.

The difference between a model's scores on a data set and on its twin is what related rows are worth.
"""

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.json_objects import read_object
from workflow_scripts.gue.csv_rows import read_splits
from workflow_scripts.gue.datasheet import write_dataset
from workflow_scripts.gue.recipe import Recipe
from workflow_scripts.gue.registry import Dataset, read_dataset
from workflow_scripts.gue.split import describe_split, split_again
from workflow_scripts.settings.names import HOMOLOGY_TWIN, SEED, SPLITS


def split_dataset(dataset: Dataset, folder: Path, out: Path, seed: int) -> None:
    """Write the twin of the data set in ``folder`` to the folder ``out``; on an error nothing is written.

    Raises UserError if the rows are too related for three splits.
    """
    sheet, splits, dropped = read_object(folder / "datasheet.json"), read_splits(folder), Counter[str]()
    rows = (len(splits["train"]), len(splits["dev"]), len(splits["test"]))
    twin = replace(dataset, dataset=f"{dataset.dataset}{HOMOLOGY_TWIN}", name=f"{sheet['name']}, split by homology")
    recipe = Recipe(twin.task, twin.dataset, twin.length, sum(rows), seed, sheet["classes"])
    again = split_again(splits, recipe, dropped)
    if empty := [name for name in SPLITS if not again[name]]:
        raise UserError(
            f"{folder}: no rows for {', '.join(empty)}, as nearly all rows are related to one another; leave out "
            "gue.homology_twins for this data set"
        )
    write_dataset(
        out,
        replace(twin, rows=rows),
        sheet["classes"],
        again,
        origin=sheet["origin"],
        sources=[{"file": f"{name}.csv", "role": name, "sha256": sheet["splits"][name]["sha256"]} for name in SPLITS],
        construction=f"The rows of {dataset.task}/{dataset.dataset}, split again. {sheet['construction']}",
        split=describe_split("homology"),
        seed=seed,
        candidates=sum(rows),
        dropped=dropped,
    )


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, help="task of the data set")
    parser.add_argument("--dataset", required=True, help="name of the data set within its task, such as H3 or tata")
    parser.add_argument("--registry", required=True, type=Path, help="table of the data sets, config/gue.tsv")
    parser.add_argument("--data", required=True, type=Path, help="folder of the data set")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the split (default %(default)s)")
    parser.add_argument("--out", required=True, type=Path, help="folder for the files of the twin")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = build_parser().parse_args(argv)
    dataset = read_dataset(arguments.registry, arguments.task, arguments.dataset)
    split_dataset(dataset, arguments.data, arguments.out, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
