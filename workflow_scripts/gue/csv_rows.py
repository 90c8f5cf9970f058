"""Reading the rows of a data set from its CSV files."""

from collections import Counter
from collections.abc import Callable, Iterable

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_csv import labelled_rows, parse_class
from workflow_scripts.gue.labelled_examples import Example


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
