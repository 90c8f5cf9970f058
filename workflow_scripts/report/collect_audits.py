"""Join the audits of all data sets into one table.

In: ``datasheet.json`` and ``audit.json`` of each data set. Out: a table with one row for each data set, in the order
of the datasheets. Leaks are dev or test rows that are related to a train row, counted by the closest relation: an exact
copy, a copy on the other strand, a near-duplicate, one made from the other (derived), or an overlap on the genome.
``test_partners`` are test rows with a partner in train (one of the two was made from the other), ``test_flipped`` those
whose partner has another label. The last columns are test scores, as fractions, of what needs no model: k-mer
regression, copying the label of the nearest train row, and taking another label than the partner's. A cell is empty if
the figure is unknown: overlaps of rows without known places, the AUROC of a single class.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import write_table
from workflow_scripts.common.json_objects import read_object

RELATIONS = ("exact", "reverse_complement", "near", "derived", "overlap")
COUNTS = (
    *("rows", "duplicates"),
    *(f"{split}_{kind}" for split in ("dev", "test") for kind in ("rows", "leaks", *RELATIONS)),
    *("test_partners", "test_flipped", "conflicting_labels", "non_acgt", "other_length"),
)
LOOKUPS = {"kmer": "baseline", "nearest": "nearest_neighbour", "partner": "partner_flip"}
"""Prefix of a column -> the classifier in the audit."""
FLOOR_METRICS = ("mcc", "f1", "accuracy")
FLOORS = tuple(f"{prefix}_{metric}" for prefix in LOOKUPS for metric in FLOOR_METRICS)
MEASURES = ("unknown_letters", "gc_auroc", *FLOORS)
COLUMNS = ["task", "dataset", "origin", "split", *COUNTS, *MEASURES]


def tabulate(sheet: dict[str, Any], audit: dict[str, Any]) -> dict[str, Any]:
    """The row of a data set. ``duplicates`` are rows with an earlier copy in their split, on either strand.

    ``unknown_letters`` is the share of letters other than A, C, G and T in the split that has most of them.
    """
    relations, rows = audit["relations"], audit["rows"]
    row = {
        **{"task": sheet["task"], "dataset": sheet["dataset"], "origin": sheet["origin"]},
        **{"split": sheet["split"]["method"], "rows": sum(rows.values())},
        "duplicates": sum(relations[name][kind] for name in rows for kind in ("exact", "reverse_complement")),
    }
    for split in ("dev", "test"):
        row |= {f"{split}_rows": rows[split], f"{split}_leaks": audit["leaks"][split]}
        row |= {f"{split}_{kind}": relations[f"{split}_in_train"][kind] for kind in RELATIONS}
    return row | {
        **{"test_partners": audit["partner_flip"]["rows"], "test_flipped": audit["partner_flip"]["other_label"]},
        **{"conflicting_labels": audit["conflicting_labels"]["either_strand"]},
        **{"non_acgt": audit["non_acgt"]["rows"], "other_length": audit["lengths"]["other"]["rows"]},
        "unknown_letters": max(audit["unknown_letters"].values()),
        "gc_auroc": audit["gc"]["auroc"],
        **{f"{prefix}_{metric}": audit[name][metric] for prefix, name in LOOKUPS.items() for metric in FLOOR_METRICS},
    }


def collect(datasheets: list[Path], audits: list[Path]) -> list[dict[str, Any]]:
    """One row for each data set; UserError if a figure is missing, or a data set has only one of the two files."""
    loaded = {}
    for path in audits:
        figures = read_object(path)
        loaded[figures.get("task"), figures.get("dataset")] = path, figures
    rows = []
    for sheet_path in datasheets:
        sheet = read_object(sheet_path)
        name = sheet.get("task"), sheet.get("dataset")
        if name not in loaded:
            raise UserError(f"{sheet_path}: no audit of {name[0]}/{name[1]} was given; add its audit.json")
        path, figures = loaded.pop(name)
        try:
            rows.append(tabulate(sheet, figures))
        except (KeyError, TypeError) as error:
            raise UserError(f"{path}: no {error} in it or its datasheet; build and audit the data set again") from None
    if loaded:
        path, _ = next(iter(loaded.values()))
        raise UserError(f"{path}: no datasheet of this data set was given; add its datasheet.json")
    return rows


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--datasheets", nargs="+", required=True, type=Path, metavar="FILE", help="datasheet.json of each data set"
    )
    parser.add_argument(
        "--audits", nargs="+", required=True, type=Path, metavar="FILE", help="audit.json of each data set"
    )
    parser.add_argument("--out", required=True, type=Path, help="table to write (TSV)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = build_parser().parse_args(argv)
    write_table(arguments.out, collect(arguments.datasheets, arguments.audits), COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
