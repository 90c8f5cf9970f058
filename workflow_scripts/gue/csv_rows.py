"""The rows of a data set as its CSV files hold them."""

from collections.abc import Callable, Iterable

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_csv import labelled_rows
from workflow_scripts.gue.examples import Example


def a_class(label: str) -> int:
    """The number of a class. ValueError for anything else."""
    if not (label.isascii() and label.isdigit()):
        raise ValueError("is not a class; number classes from 0")
    return int(label)


def read_rows(
    lines: Iterable[str], where: str, parse: Callable[[str], int | str] = a_class
) -> tuple[tuple[str, ...], list[Example]]:
    """The header of a CSV file and its rows, at least one; ``parse`` reads a label, or raises ValueError.

    ``where`` names the file. Raises UserError with its line for what is no row of letters and a label.
    """
    (_, header), *rows = labelled_rows(lines, where)
    examples = []
    for place, (*sequences, label) in rows:
        if not all(sequence.isascii() and sequence.isalpha() for sequence in sequences):
            raise UserError(f"{place}: a sequence is empty or holds more than letters; check the file")
        try:
            examples.append(Example(tuple(sequences), parse(label)))
        except ValueError as error:
            raise UserError(f"{place}: label {label!r} {error}") from None
    if not examples:
        raise UserError(f"{where}: no rows; every split needs some")
    return tuple(header), examples
