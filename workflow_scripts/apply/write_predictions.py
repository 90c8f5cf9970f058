"""Join the parts of predict into the tables that people open.

In:  the files of all parts in their order, and the input that they were computed from.
Out: the folder ``--out`` with
     predictions.tsv      a line for each record: name, own columns, place, letters, share of unknown letters, whether
                          the model cut it, prediction, probabilities, and their standard deviations in an ensemble
     windows.tsv.gz       the same for each window
     {class}.bedgraph     of intervals: the probability of each class but the first, for a genome browser; of a
                          regression value.bedgraph
     record.json          what was applied to what, and counts

A sequence of several windows gets the mean over them, each by the share of the bases that belong to it: a base belongs
to the window in which it is farthest from the edges. ``highest`` and ``highest_start`` are the window with the highest
probability of the last class (of a regression the highest number) and its first base. In a bedgraph each base has the
value of the window that it belongs to, and the mean where intervals overlap.
"""

import json
import re
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from workflow_scripts.apply import options
from workflow_scripts.apply.bedgraph import Pieces, write_bedgraph
from workflow_scripts.apply.blocks import joined
from workflow_scripts.apply.records import Input
from workflow_scripts.apply.results import (
    Applied,
    Table,
    by_record,
    kept_columns,
    length_of,
    place_cells,
    place_columns,
)
from workflow_scripts.apply.windows import owned, place_of
from workflow_scripts.common.errors import program
from workflow_scripts.common.files import atomic_directory, digest, write_json
from workflow_scripts.common.letters import unknown_letters
from workflow_scripts.inference.encoding import sequences_of
from workflow_scripts.inference.outputs import Outputs


@dataclass(frozen=True)
class Meaning:
    """What the values of predict are, from the metadata of its files."""

    problem: str
    classes: list[str]
    models: list[str]
    both_strands: bool

    @property
    def outputs(self) -> int:
        """Values of one model for one window."""
        return max(len(self.classes), 1)

    @property
    def tracks(self) -> dict[str, int]:
        """What has a bedgraph: the name, and which output it is."""
        if self.problem == "regression":
            return {"value": 0}
        first = 1 if self.problem == "classification" else 0  # the first of two classes is one minus the other
        return {name: number for number, name in enumerate(self.classes) if number >= first}

    def columns(self) -> list[str]:
        """The columns of :meth:`cells`."""
        names = ["value"] if self.problem == "regression" else [f"probability_{name}" for name in self.classes]
        shown = [] if self.problem == "regression" else names
        spread = [f"sd_{name}" for name in names] if len(self.models) > 1 else []
        return ["prediction", *shown, *spread]

    def cells(self, values: np.ndarray) -> Iterator[Any]:
        """The prediction from ``values`` [models, outputs], their means, and their standard deviations if several."""
        mean = values.mean(axis=0)
        if self.problem == "regression":
            yield float(mean[0])
        else:
            chosen = Outputs(self.problem, self.outputs).predictions(mean[None]).prediction[0]
            labels = ";".join(str(label) for label in chosen.tolist()) if self.problem == "multilabel" else None
            yield self.classes[chosen] if labels is None else labels
            yield from mean.tolist()
        if len(self.models) > 1:
            yield from values.std(axis=0, ddof=1).tolist()


def read_meaning(part: Path) -> Meaning:
    """The metadata of a file of predict."""
    return Meaning(**json.loads(pq.read_schema(part).metadata[b"predictions"]))


def values_of(found: Applied, meaning: Meaning) -> np.ndarray:
    """The predictions for a record [windows, models, outputs]."""
    return np.array([row["values"] for row in found.windows]).reshape(len(found.windows), -1, meaning.outputs)


def write_tables(applied: Iterable[Applied], source: Input, meaning: Meaning, folder: Path) -> tuple[dict, Pieces]:
    """Write both tables; returns counts of what was read, and each base's value for the bedgraphs."""
    fixed = ["name", *place_columns(source), "letters", "unknown", "cut", "windows"]
    columns = [*fixed, *meaning.columns(), "highest", "highest_start"]
    pieces, counts, predicted = Pieces(meaning.outputs), Counter[str](), Counter[str]()
    with (
        Table(folder / "predictions.tsv", [*columns, *kept_columns(source, columns)]) as records,
        Table(
            folder / "windows.tsv.gz", ["record", "name", "from", "to", *place_columns(source), *meaning.columns()]
        ) as windows,
    ):
        for number, found in enumerate(applied, start=1):
            record, values = found.record, values_of(found, meaning)
            letters, unknown = length_of(record), sum(map(unknown_letters, sequences_of(record.text)))
            cut = any(row["cut"] for row in found.windows)
            cells = list(meaning.cells((values * found.shares[:, None, None]).sum(axis=0)))
            read = [letters, unknown / letters, "yes" if cut else "no", len(values)]
            records.write(
                [record.name, *place_cells(record.place), *read, *cells, *highest(found, values), *record.columns]
            )
            for row, value in zip(found.windows, values, strict=True):
                place = record.place and place_of(record.place, row["start"], row["end"])
                windows.write(
                    [number, record.name, row["start"], row["end"], *place_cells(place), *meaning.cells(value)]
                )
            add_pieces(pieces, found, values.mean(axis=1))
            counts.update(records=1, windows=len(values), letters=letters, unknown=unknown, cut=int(cut))
            if meaning.problem == "classification":
                predicted[cells[0]] += 1
    return dict(counts) | {"predicted": dict(predicted)}, pieces


def highest(found: Applied, values: np.ndarray) -> tuple[float, int]:
    """The highest mean over the models of the last output in any window, and the first base of that window."""
    last = values.mean(axis=1)[:, -1]
    best = int(last.argmax())
    return float(last[best]), found.windows[best]["start"]


def add_pieces(pieces: Pieces, found: Applied, means: np.ndarray) -> None:
    """Add the bases that belong to each window, with the window's ``means`` [windows, outputs]."""
    if found.record.place is None:
        return
    parts = owned([(row["start"], row["end"]) for row in found.windows])
    for (start, end), values in zip(parts, means, strict=True):
        pieces.add(place_of(found.record.place, start, end), values)


def write_tracks(pieces: Pieces, meaning: Meaning, folder: Path) -> None:
    """Write a bedgraph for each track of intervals; none if the input has no places."""
    for name, output in meaning.tracks.items() if pieces.bounds else ():
        path = folder / f"{safe_name(name)}.bedgraph"
        write_bedgraph(path, pieces, output, name, f"{'value' if name == 'value' else 'probability of ' + name}")


def safe_name(name: str) -> str:
    """A class's name as that of a file."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def build_parser() -> ArgumentParser:
    parser = options.parser_of(__doc__)
    options.joining_options(parser, "predict")
    options.input_options(parser, "the input that they were computed from")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    meaning = read_meaning(args.parts[0])
    source = options.open_source(args)
    with atomic_directory(args.out) as folder:
        counts, pieces = write_tables(by_record(joined(args.parts), source), source, meaning, folder)
        write_tracks(pieces, meaning, folder)
        applied = {"do": "predict", "input": str(args.input), "input_sha256": digest(args.input)}
        write_json(folder / "record.json", applied | asdict(meaning) | counts)


if __name__ == "__main__":
    sys.exit(main())
