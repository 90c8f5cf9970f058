"""Writing the files of a data set: CSV files, places.tsv, ids.tsv, classes.json, SHA256SUMS, datasheet.json, README.md.

``places.tsv`` has a line for each sequence with a known place: the split, the line in its CSV file (the header is
line 1), contig, start and end (0-based, half-open) and strand. For a row of two sequences the enhancer comes first.
``ids.tsv`` has the id of each row that has one, by split and line. ``classes.json`` lists the names of the classes in
the order of their labels; it is empty if labels are no classes. SHA256SUMS has the digests of all these, as ``sha256sum
-c`` reads them: what reads a data set depends on it, and so on nothing but its content. README.md is the card.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import atomic, numbered_rows, sums_text
from workflow_scripts.gue.dataset_card import render_card
from workflow_scripts.gue.labelled_examples import Example, Place, Splits
from workflow_scripts.gue.registry import Dataset
from workflow_scripts.settings.names import SPLITS

PLACE_COLUMNS = ("split", "line", *Place._fields)


def csv_text(rows: list[Example], columns: tuple[str, ...]) -> str:
    """The rows as CSV with a header and LF line ends."""
    return "".join([",".join(columns) + "\n", *(f"{','.join(row.sequences)},{row.label}\n" for row in rows)])


def places_text(splits: Splits) -> str:
    """The places of all rows as a tab-separated table; only the header if no place is known."""
    lines: list[tuple[object, ...]] = [PLACE_COLUMNS]
    for name in SPLITS:
        for number, row in enumerate(splits[name], start=2):
            lines += [(name, number, *place) for place in row.places]
    return "".join("\t".join(map(str, line)) + "\n" for line in lines)


def ids_text(splits: Splits) -> str:
    """The ids of all rows as a tab-separated table; only the header if there are none."""
    lines = [(name, line, row.id) for name in SPLITS for line, row in enumerate(splits[name], start=2) if row.id]
    return "".join("\t".join(map(str, line)) + "\n" for line in [("split", "line", "id"), *lines])


def read_places(path: Path) -> dict[tuple[str, int], tuple[Place, ...]]:
    """(split, line in its CSV file) -> places of the row; empty for a row without a known place."""
    found: dict[tuple[str, int], tuple[Place, ...]] = defaultdict(tuple)
    for number, row in numbered_rows(path):
        try:
            place = Place(row["contig"], int(row["start"]), int(row["end"]), row["strand"])
            found[row["split"], int(row["line"])] += (place,)
        except (KeyError, ValueError) as error:
            raise UserError(f"{path}:{number}: not a place ({error}); build the data set again") from error
    return found


def describe(
    dataset: Dataset,
    classes: list[str],
    splits: Splits,
    sums: dict[str, str],
    dropped: Mapping[str, int],
    **facts: Any,
) -> dict[str, Any]:
    """The datasheet: facts from the registry, counts and hashes, and ``facts``, which only the caller knows.

    ``sums``: the SHA-256 of each file by its name. ``dropped``: candidates by the reason why they are no rows; reasons
    without any are left out. Lengths are in bp; for pairs, the sum of both sequences.
    """
    lengths = [sum(map(len, row.sequences)) for rows in splits.values() for row in rows]
    counts = {name: Counter(row.label for row in splits[name]) for name in SPLITS}
    return {
        "task": dataset.task,
        "dataset": dataset.dataset,
        "name": dataset.name,
        "species": dataset.species,
        "metric": dataset.metric,
        "classes": classes,
        "length": {"min": min(lengths), "median": median(lengths), "max": max(lengths)},
        "splits": {
            name: {
                "rows": len(splits[name]),
                "classes": {str(label): counts[name][label] for label in range(len(classes))},
                "sha256": sums[f"{name}.csv"],
            }
            for name in SPLITS
        },
        "registry_rows": dict(zip(SPLITS, dataset.rows, strict=True)),
        "dropped": {reason: count for reason, count in dropped.items() if count},
        **facts,
    }


def write_dataset(out: Path, dataset: Dataset, classes: list[str], splits: Splits, **facts: Any) -> None:
    """Write the nine files into the folder ``out``; on an error none of them. ``facts``: see :func:`describe`."""
    files = {f"{name}.csv": csv_text(splits[name], dataset.columns) for name in SPLITS}
    files["places.tsv"] = places_text(splits)
    files["ids.tsv"] = ids_text(splits)
    files["classes.json"] = json.dumps(classes, ensure_ascii=False) + "\n"
    sums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    sheet = describe(dataset, classes, splits, sums, **facts)
    files["SHA256SUMS"] = sums_text(sums)
    files["datasheet.json"] = json.dumps(sheet, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    files["README.md"] = render_card(sheet)
    with ExitStack() as stack:
        for name, text in files.items():
            stack.enter_context(atomic(out / name)).write_bytes(text.encode())
