"""Join the parts of explain_sequences into tables, a bedGraph and pictures.

In:  the files of all parts in their order, and the input that they were computed from.
Out: the folder ``--out`` with
     explanations.tsv.gz   a line for each base: name, class that is explained, place in the sequence, letter, place on
                           the genome, effect of A, C, G and T in its place, importance, integrated gradient
     importance.bedgraph   of intervals: the importance of each base, for a genome browser
     pictures/1.svg, ...   of the first sequences: their letters as high as their importance
     record.json           what was explained, and counts

The importance of a base is minus the mean effect of its three changes. Places count from 0, ``position`` in the
direction of the sequence, ``genome_position`` on the plus strand of the contig; letters and effects are those of the
strand of the sequence. A base of several windows has the values of the window in which it is farthest from the edges.
In the bedgraph a base that several intervals cover has their mean. docs/explain.md says what the numbers mean.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.apply import options
from workflow_scripts.apply.bedgraph import Pieces, write_bedgraph
from workflow_scripts.apply.blocks import joined
from workflow_scripts.apply.explanations import Map, Meaning, read_meaning
from workflow_scripts.apply.logos import Explained, draw
from workflow_scripts.apply.mutagenesis import importance
from workflow_scripts.apply.records import Record
from workflow_scripts.apply.results import Applied, Table, by_record
from workflow_scripts.apply.windows import owned, place_of
from workflow_scripts.common.errors import program
from workflow_scripts.common.files import atomic_directory, digest, write_json
from workflow_scripts.common.sequences import BASES

COLUMNS = [
    *("name", "explained", "position", "base", "contig", "genome_position", "strand"),
    *(f"effect_{base}" for base in BASES),
    *("importance", "integrated_gradient"),
]
PICTURES = 10


@dataclass(frozen=True)
class Bases:
    """The bases of a record: ``effects`` [bases, 4], ``gradients`` [bases], NaN where there are none; of each base the
    explained output, [bases], and the explained number of its window, [bases]."""

    record: Record
    effects: np.ndarray
    gradients: np.ndarray
    outputs: np.ndarray
    values: np.ndarray

    @property
    def letters(self) -> str:
        return str(self.record.text)

    @property
    def importance(self) -> np.ndarray:
        return importance(self.effects)


def bases_of(found: Applied) -> Bases:
    """The bases of a record from its windows, each from the window that it belongs to."""
    effects, gradients, outputs, values = [], [], [], []
    parts = owned([(row["start"], row["end"]) for row in found.windows])
    for row, (start, end) in zip(found.windows, parts, strict=True):
        here, mapped = slice(start - row["start"], end - row["start"]), Map.of_row(row["map"])
        shares = np.full(len(mapped.letters), np.nan) if row["gradients"] is None else np.array(row["gradients"])
        effects.append(mapped.effects[here])
        gradients.append(shares[here])
        outputs.append(np.full(end - start, row["output"]))
        values.append(np.full(end - start, mapped.value))
    return Bases(found.record, *map(np.concatenate, (effects, gradients, outputs, values)))


def write_lines(table: Table, bases: Bases, meaning: Meaning) -> None:
    """A line for each base; cells without a value are empty."""
    place, important = bases.record.place, bases.importance
    for position, letter in enumerate(bases.letters):
        at = place and place_of(place, position, position + 1)
        numbers = [*bases.effects[position], important[position], bases.gradients[position]]
        table.write(
            [
                *(bases.record.name, meaning.name(bases.outputs[position]), position, letter),
                *((at.contig, at.start, at.strand) if at else ("", "", "")),
                *("" if np.isnan(number) else float(number) for number in numbers),
            ]
        )


def add_pieces(pieces: Pieces, bases: Bases) -> None:
    """Add the importance of each base that has one to the bedgraph."""
    if (place := bases.record.place) is None:
        return
    important = bases.importance
    for position in np.flatnonzero(np.isfinite(important)).tolist():
        pieces.add(place_of(place, position, position + 1), [float(important[position])])


def picture(bases: Bases, meaning: Meaning) -> Explained:
    """What is drawn of a record."""
    names = ", ".join(meaning.name(output) for output in np.unique(bases.outputs).tolist())
    what = f"explained: {names}" if meaning.classes else "explained: the predicted number"
    title = f"{bases.record.name}; {what}; {_number_name(meaning)} {bases.values.mean():.3g}"
    gradients = bases.gradients if np.isfinite(bases.gradients).any() else None
    return Explained(title, bases.letters, bases.importance, gradients, meaning.unit, bases.record.place)


def _number_name(meaning: Meaning) -> str:
    return "log odds" if meaning.classes else "number"


def write_all(applied: Iterable[Applied], meaning: Meaning, pictures: int, folder: Path) -> dict[str, Any]:
    """Write all files; returns the counts."""
    pieces, counts, misses = Pieces(1), {"records": 0, "windows": 0, "bases": 0, "explained_bases": 0}, []
    (folder / "pictures").mkdir()
    with Table(folder / "explanations.tsv.gz", COLUMNS) as table:
        for number, found in enumerate(applied, start=1):
            bases = bases_of(found)
            write_lines(table, bases, meaning)
            add_pieces(pieces, bases)
            explained = int(np.isfinite(bases.importance).sum())
            if number <= pictures and explained:
                draw(folder / "pictures" / f"{number}.svg", picture(bases, meaning))
            added = {"records": 1, "windows": len(found.windows), "bases": len(bases.letters)}
            for key, count in (added | {"explained_bases": explained}).items():
                counts[key] += count
            misses += [abs(row["delta"]) for row in found.windows if row["delta"] is not None]
    if pieces.bounds:
        write_bedgraph(folder / "importance.bedgraph", pieces, 0, "importance", f"importance, {meaning.unit}")
    return counts | {"largest_miss_of_gradients": max(misses, default=None)}


def build_parser() -> ArgumentParser:
    parser = options.parser_of(__doc__)
    options.joining_options(parser, "explain_sequences")
    options.input_options(parser, "the input that they were computed from")
    parser.add_argument(
        "--pictures", type=int, default=PICTURES, help="how many sequences are drawn, the first ones (default: 10)"
    )
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    meaning = read_meaning(args.parts[0])
    source = options.open_source(args)
    with atomic_directory(args.out) as folder:
        counts = write_all(by_record(joined(args.parts), source), meaning, args.pictures, folder)
        explained = {"do": "explain", "input": str(args.input), "input_sha256": digest(args.input)}
        write_json(folder / "record.json", explained | asdict(meaning) | counts)


if __name__ == "__main__":
    sys.exit(main())
