"""Reading the rows of a data set from its CSV files."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_csv import labelled_rows, parse_class
from workflow_scripts.gue.datasheet import read_places
from workflow_scripts.gue.labelled_examples import Example, Splits
from workflow_scripts.settings.names import SPLITS


def read_rows(
    lines: Iterable[str],
    where: str,
    parse_label: Callable[[str], int] = parse_class,
    letters: Counter[str] | None = None,
) -> tuple[tuple[str, ...], list[Example]]:
    """The header and the rows of a CSV file, at least one row. ``where`` is the name of the file.

    ``parse_label`` converts the text of a label, or raises ValueError as :func:`parse_class` does. ``letters``:
    see labelled_rows. Raises UserError with the line of a row that is not sequences and a label.
    """
    (_, header), *rows = labelled_rows(lines, where, letters)
    examples = []
    for place, (*sequences, label) in rows:
        try:
            examples.append(Example(tuple(sequences), parse_label(label)))
        except ValueError as error:
            raise UserError(f"{place}: label {label!r} {error}") from None
    if not examples:
        raise UserError(f"{where}: no rows; every split needs some")
    return tuple(header), examples


def read_splits(folder: Path) -> Splits:
    """The rows of the three CSV files, with their places from places.tsv if known."""
    places = read_places(folder / "places.tsv")
    splits = {}
    for name in SPLITS:
        path = folder / f"{name}.csv"
        if not path.is_file():
            raise UserError(f"{path}: no such file; build or import the data set first")
        with path.open(newline="") as lines:
            _header, rows = read_rows(lines, str(path))
        splits[name] = [row._replace(places=places[name, line]) for line, row in enumerate(rows, start=2)]
    return splits
