"""A user's FASTA files as labelled sequences.

The class of a record is in its header, as a word ``label=NAME``, or after the only ``|`` of the first word, as in
``>id|NAME``; or it is that of the file, if there is one for each class. Records of a file without any label are of one
class.
"""

import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fasta_blocks import open_fasta, read_letters
from workflow_scripts.common.labelled_csv import count_letters
from workflow_scripts.common.labelled_set import FEWEST, MANY, canonical_label, classes_of_file
from workflow_scripts.common.labelled_sources import ONE_FILE
from workflow_scripts.common.letters import canonical

LABEL = "label="


class Record(NamedTuple):
    """A record: its id, its sequence in canonical letters, and its label, empty if it has none."""

    id: str
    sequence: str
    label: str


@dataclass(frozen=True)
class FastaSet:
    """What was understood: the records, sorted; the classes in the order of their numbers; letters; a line a file."""

    records: list[Record]
    classes: list[str]
    letters: dict[str, int]
    understood: list[str]


def read_fasta_set(files: dict[str, Path], positives: bool) -> FastaSet:
    """The records of the file of each class, or of the one under ONE_FILE.

    ``positives``: whether all records are of one class, which is then not in ``classes``. Raises UserError with file
    and line.
    """
    records: list[Record] = []
    letters: Counter[str] = Counter()
    classes = [] if positives else sorted(files, key=int if all(map(str.isdecimal, files)) else str)
    understood = []
    for name, path in sorted(files.items()):
        found = list(read_records(path))
        if name == ONE_FILE:
            classes = check_labels(path, found, positives)
        members = [record if name == ONE_FILE else record._replace(label=name) for _, record in found]
        for record in members:
            count_letters([record.sequence], letters)
        records += [record._replace(sequence=canonical(record.sequence)) for record in members]
        kind = "positives" if positives else f"class {name!r}" if name else "classes in the headers"
        understood.append(f"{path}: {len(members):,} sequences, {kind}")
    if len(records) < FEWEST:
        raise UserError(f"{path}: {len(records)} sequences; {FEWEST} at least are needed to split them")
    return FastaSet(sorted(records), classes, dict(letters), understood)


def read_records(path: Path) -> Iterator[tuple[int, Record]]:
    """Line of the header and record, the letters as they are written. Raises UserError if a record has no letters."""
    records: list[tuple[str, list[bytes]]] = []
    for header, letters in read_letters(path):
        if header is not None:
            records.append((header, []))
        if records:
            records[-1][1].append(letters)
    for line, (header, parts) in zip(header_lines(path), records, strict=True):
        name = header.split()[0]
        if not any(parts):
            raise UserError(f"{path}:{line}: {name!r} has no sequence")
        yield line, Record(name, b"".join(parts).decode("ascii"), label_of(header))


def label_of(header: str) -> str:
    """The label in a header; empty if there is none."""
    name, *words = header.split()
    named = [word.removeprefix(LABEL) for word in words if word.startswith(LABEL)]
    parts = name.split("|")
    return canonical_label(named[0] if named else parts[1] if len(parts) == 2 else "", "classification")


def check_labels(path: Path, found: list[tuple[int, Record]], positives: bool) -> list[str]:
    """The classes of the labels in the headers; none of positives.

    Raises UserError if a label is missing, if the labels cannot be classes, or if positives have labels of several
    classes.
    """
    labels: dict[str, list[int]] = {}
    for line, record in found:
        labels.setdefault(record.label, [line, 0])[1] += 1
    if positives:
        if 2 <= len(labels) <= MANY:
            first, second = list(labels)[:2]
            raise UserError(
                f"{path}:{labels[second][0]}: label {second!r} after {first!r}; negatives are made for one "
                "class; leave out negatives if the headers have the classes"
            )
        return []
    if "" in labels:
        raise UserError(
            f"{path}:{labels[''][0]}: no label in the header; write >id label=NAME or >id|NAME, give one file for each "
            "class, or set negatives"
        )
    return classes_of_file(path, labels)


def header_lines(path: Path) -> list[int]:
    """The line of each header."""
    with open_fasta(path) as handle:
        lines = io.TextIOWrapper(handle, encoding="utf-8-sig", errors="backslashreplace", newline=None)
        return [number for number, line in enumerate(lines, start=1) if line.startswith(">")]
