"""Score the fits on the test rows of each data set by how near they are to a train row.

In: the folder of the fits with their predictions, the fits that the configuration plans, and test_rows.tsv of the data
sets that have been audited. Out: a table with one row for each (model, method, task, data set, stratum). A model that
lives on leaks is good where train rows are near and no better than others where they are far. The strata:

  related   copies and near-duplicates of train rows, and rows that overlap one on the genome
  derived   rows with a partner in train, such as the shuffle that they were made from
  similar   of the others the half that is more similar to its nearest train row
  distant   the other half

``mcc`` and ``accuracy`` are means over the seeds, x 100; MCC is empty in a stratum whose rows are of one class.
``majority`` is the accuracy of always predicting the most frequent label of the stratum.
``nearest`` is the accuracy of copying the label of the nearest train row, ``partner`` that of taking another label than
the partner's, for data sets of two classes (empty if a row has none). Missing fits are left out.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.bootstrap import confusion_counts, confusion_scores
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_table
from workflow_scripts.common.fit_results import Key, fit_folder, parse_planned, read_predictions
from workflow_scripts.report.numeric_tables import write_numbers

NEAR = ("exact", "reverse_complement", "near", "overlap")
STRATA = ("related", "derived", "similar", "distant")
COLUMNS = [
    *("model", "method", "task", "dataset", "stratum", "rows", "seeds", "mcc", "accuracy"),
    *("majority", "nearest", "partner"),
]


def strata_of(rows: Sequence[dict[str, str]]) -> np.ndarray:
    """The stratum of each test row, as an index of STRATA, int [rows]."""
    relation = np.array([row["relation"] for row in rows])
    similarity = np.array([float(row["similarity"]) for row in rows])
    other = ~np.isin(relation, (*NEAR, "derived"))
    middle = np.median(similarity[other]) if other.any() else 0.0
    found = np.where(similarity > middle, STRATA.index("similar"), STRATA.index("distant"))
    found[np.isin(relation, NEAR)] = STRATA.index("related")
    found[relation == "derived"] = STRATA.index("derived")
    return found


def looked_up(rows: Sequence[dict[str, str]], labels: np.ndarray) -> dict[str, float | None]:
    """The accuracy, x 100, of copying the nearest row's label and of flipping the partner's; None if a row has none."""
    shares: dict[str, float | None] = {}
    for name, copies in (("nearest", True), ("partner", False)):
        known = [row[f"{name}_label"] for row in rows]
        right = [(label == str(own)) == copies for label, own in zip(known, labels, strict=True)]
        shares[name] = 100 * float(np.mean(right)) if all(known) else None
    return shares


def mean_scores(labels: np.ndarray, predicted: Sequence[np.ndarray]) -> dict[str, float | None]:
    """MCC and accuracy, x 100, means over the fits; MCC is None if all labels are the same."""
    classes = int(max(labels.max(), *(part.max() for part in predicted))) + 1
    scores = confusion_scores(np.array([confusion_counts(labels, part, classes) for part in predicted], dtype=float))
    return {
        "mcc": 100 * float(scores["mcc"].mean()) if len(set(labels.tolist())) > 1 else None,
        "accuracy": 100 * float(scores["accuracy"].mean()),
    }


def score(folder: Path, run: Key, dataset: Key, seeds: Sequence[int], table: Path) -> Iterator[dict[str, Any]]:
    """The rows of a run on a data set, one for each stratum that has test rows; none without a fit."""
    rows, fits = read_table(table), []
    for seed in seeds:
        path = fit_folder(folder, run, dataset, seed) / "predictions.parquet"
        if path.is_file():
            fits.append(read_predictions(path))
            if (found := len(fits[-1].labels)) != len(rows):
                raise UserError(f"{path}: {found} predictions for {len(rows)} rows in {table}; run this fit again")
    strata = strata_of(rows)
    for number, stratum in enumerate(STRATA):
        members = np.flatnonzero(strata == number)
        if fits and len(members):
            labels = fits[0].labels[members]
            yield {
                **dict(zip(COLUMNS, (*run, *dataset, stratum, len(members), len(fits)), strict=False)),
                **mean_scores(labels, [fit.predicted[members] for fit in fits]),
                "majority": 100 * float(np.unique(labels, return_counts=True)[1].max()) / len(labels),
                **looked_up([rows[member] for member in members], labels),
            }


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fits", type=Path, required=True, help="folder of the fits, results/finetune")
    parser.add_argument("--planned", required=True, help="the runs with their data sets, as JSON")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="seeds of the fits")
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets, results/gue")
    parser.add_argument("--out", type=Path, required=True, help="table to write (TSV)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    options = build_parser().parse_args(argv)
    found = [
        row
        for run, dataset in parse_planned(options.planned)
        if (table := options.data.joinpath(*dataset, "test_rows.tsv")).is_file()
        for row in score(options.fits, run, dataset, options.seeds, table)
    ]
    write_numbers(options.out, found, COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
