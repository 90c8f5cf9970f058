"""Reading real sequences and data sets for the tests of the gue room, by other means than the room's own."""

import itertools
from pathlib import Path

from workflow_scripts.common.files import open_text

REGISTRY = Path(__file__).parents[2] / "config/gue.tsv"


def fasta(path):
    """contig -> sequence."""
    found = {}
    with open_text(path) as handle:
        for record in handle.read().split(">")[1:]:
            header, _, bases = record.partition("\n")
            found[header.split()[0]] = bases.replace("\n", "").upper()
    return found


def of_label(splits, label):
    """The sequences of one class, over all splits."""
    return [sequences[0] for rows in splits.values() for sequences, found in rows if found == label]


def released(real, *folders):
    """(label 0, label 1, ...): the released sequences at hand of some data sets."""
    found = ({}, {}, {})
    for folder in folders:
        for path in sorted((real / "gue" / folder).glob("*.csv.gz")):
            with open_text(path) as handle:
                for line in itertools.islice(handle, 1, None):
                    sequence, label = line.rstrip("\n").split(",")
                    found[int(label)][sequence] = None
    return found
