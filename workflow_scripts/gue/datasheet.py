"""The files of one data set: three CSV files and ``datasheet.json``, which says where the rows come from."""

import hashlib
import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from workflow_scripts.common.files import atomic
from workflow_scripts.gue.audit import audit
from workflow_scripts.gue.examples import Example
from workflow_scripts.gue.registry import SPLITS, Dataset

Splits = dict[str, list[Example]]


def csv_text(rows: list[Example], columns: tuple[str, ...]) -> str:
    """The rows as CSV with a header and LF line ends."""
    return "".join([",".join(columns) + "\n", *(f"{','.join(row.sequences)},{row.label}\n" for row in rows)])


def describe(dataset: Dataset, classes: list[str], splits: Splits, texts: dict[str, str], **facts: Any) -> dict:
    """The datasheet: the registry's facts, counts, hashes and the audit; ``facts`` are those only the caller knows.

    Lengths are in bp; those of an enhancer and its promoter are added.
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
                "sha256": hashlib.sha256(texts[name].encode()).hexdigest(),
            }
            for name in SPLITS
        },
        "registry_rows": dict(zip(SPLITS, dataset.rows, strict=True)),
        "audit": audit(splits),
        **facts,
    }


def write_dataset(out: Path, dataset: Dataset, classes: list[str], splits: Splits, **facts: Any) -> None:
    """Write train.csv, dev.csv, test.csv and datasheet.json: all four or, on any error, none."""
    texts = {name: csv_text(splits[name], dataset.columns) for name in SPLITS}
    sheet = describe(dataset, classes, splits, texts, **facts)
    files = {f"{name}.csv": text for name, text in texts.items()}
    files["datasheet.json"] = json.dumps(sheet, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with ExitStack() as stack:
        for name, text in files.items():
            stack.enter_context(atomic(out / name)).write_bytes(text.encode())
