"""Reading real sequences and data sets for the gue tests, independently of the code under test."""

import itertools
from pathlib import Path

from workflow_scripts.common.files import open_text

REGISTRY = Path(__file__).parents[2] / "config/gue.tsv"
KNOWN = REGISTRY.with_name("gue_published.tsv")


def fasta(path):
    """contig -> sequence in upper case."""
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
    """The available released sequences of some data sets, as the keys of one dict for each label 0, 1 and 2."""
    found = ({}, {}, {})
    for folder in folders:
        for path in sorted((real / "gue" / folder).glob("*.csv.gz")):
            with open_text(path) as handle:
                for line in itertools.islice(handle, 1, None):
                    sequence, label = line.rstrip("\n").split(",")
                    found[int(label)][sequence] = None
    return found
