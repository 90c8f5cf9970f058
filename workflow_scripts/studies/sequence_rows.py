"""The rows of data sets of classes."""

from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_csv import labelled_rows


def read_sequences(path: Path) -> tuple[list[str], np.ndarray]:
    """The sequences and the classes [rows] of a split.

    Raises UserError for pairs of sequences, and for labels that are no classes.
    """
    texts, labels = [], []
    with path.open(newline="") as handle:
        _header, *rows = labelled_rows(handle, str(path))
        for place, row in rows:
            if len(row) != 2 or not row[1].isdecimal():
                raise UserError(f"{place}: not a sequence with a class; this study is for data sets of those")
            texts.append(row[0])
            labels.append(int(row[1]))
    return texts, np.array(labels)
