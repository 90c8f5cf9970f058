"""What the tests of data sets made from intervals and FASTA share: a genome, the rows written, trivial classifiers."""

import csv
import random

from sklearn.metrics import roc_auc_score

from workflow_scripts.gue.datasheet import read_places

SPLITS = ("train", "dev", "test")


def isochores(length, seed):
    """A contig whose GC content changes every 2,000 bases, from 30 to 65 %."""
    draw = random.Random(seed)
    parts = []
    for _ in range(length // 2000):
        gc = draw.uniform(0.30, 0.65)
        parts.append("".join(draw.choices("ACGT", [1 - gc, gc, gc, 1 - gc], k=2000)))
    return "".join(parts)


def read_rows(folder):
    places = read_places(folder / "places.tsv")
    found = []
    for split in SPLITS:
        with (folder / f"{split}.csv").open() as handle:
            for line, row in enumerate(csv.DictReader(handle), start=2):
                found.append((split, row["sequence"], int(row["label"]), places.get((split, line), ())))
    return found


def gc(sequence):
    return (sequence.count("G") + sequence.count("C")) / len(sequence)


def by_label(rows):
    return [[row for row in rows if row[2] == label] for label in (0, 1)]


def better_auroc(rows, score):
    area = roc_auc_score([row[2] for row in rows], [score(row[1]) for row in rows])
    return max(area, 1 - area)
