"""Data sets for fine-tuning: rows of CSV files, their tokens, and the batches of each epoch."""

import dataclasses
import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json, read_table
from workflow_scripts.common.labelled_csv import labelled_rows
from workflow_scripts.common.randomness import generator
from workflow_scripts.finetune.problems import Problem
from workflow_scripts.inference.encoding import Encoded, Text
from workflow_scripts.settings.names import SPLITS

# Batches within which rows of like length come together. Of nine published sets in DNABERT-2's tokens 2 to 8% of the
# tokens are then padding in place of 6 to 17%, and a batch is still drawn from hundreds of rows.
WINDOW = 8


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of one split: texts (one sequence, or a pair) and labels [rows], of several labels [rows, labels]."""

    texts: list[Text]
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Tokens:
    """A split in tokens: its rows and, if the other strand is wanted, after them their reverse complements."""

    encoded: Encoded
    labels: np.ndarray


def read_rows(path: Path, problem: type[Problem]) -> Rows:
    """Read ``sequence,label``, or two sequences and a label. Raises UserError with file and line."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; a data set has train.csv, dev.csv and test.csv")
    texts: list[Text] = []
    labels: list[Any] = []
    with path.open(newline="") as handle:
        _header, *rows = labelled_rows(handle, str(path))
        for place, row in rows:
            try:
                label = problem.parse(row[-1])
            except ValueError as error:
                raise UserError(f"{place}: label {row[-1]!r} {error}") from None
            if labels and np.shape(label) != np.shape(labels[0]):
                raise UserError(f"{place}: {np.size(label)} labels where the first row has {np.size(labels[0])}")
            texts.append(row[0] if len(row) == 2 else (row[0], row[1]))
            labels.append(label)
    if not texts:
        raise UserError(f"{path}: no rows; every split needs some")
    return Rows(texts, np.array(labels))


def read_splits(folder: Path, problem: type[Problem]) -> dict[str, Rows]:
    """Read train, dev and test, which must be alike; the classes of dev and test must occur in train."""
    splits = {split: read_rows(folder / f"{split}.csv", problem) for split in SPLITS}
    train = splits["train"]
    for split, rows in splits.items():
        path = folder / f"{split}.csv"
        if type(rows.texts[0]) is not type(train.texts[0]):
            raise UserError(f"{path}: one sequence a row where train.csv has two, or the reverse")
        if rows.labels.shape[1:] != train.labels.shape[1:]:
            raise UserError(f"{path}: {rows.labels.shape[1]} labels a row where train.csv has {train.labels.shape[1]}")
        for label in problem.unseen(train.labels, rows.labels):
            raise UserError(f"{path}: label {label} does not occur in train.csv")
    return splits


def read_ids(folder: Path, split: str, rows: int) -> list[str] | None:
    """The ids of the rows of a split, "" for one without; None if no row of the data set has one.

    The file ids.tsv is optional in a folder that the workflow has not made.
    """
    path = folder / "ids.tsv"
    table = read_table(path) if path.is_file() else []
    if not table:
        return None
    ids = [""] * rows
    for row in table:
        if row["split"] == split:
            ids[int(row["line"]) - 2] = row["id"]  # the header is line 1
    return ids


def read_classes(folder: Path) -> list[str]:
    """The names of the classes in the order of their labels; none if labels are no classes or have no names."""
    path = folder / "classes.json"
    return read_json(path) if path.is_file() else []


def training_share(tokens: Tokens, share: float, shots: int, seed: int) -> Tokens:
    """The tokens of a share of the rows, rounded up in each class, with the reverse complements if there are any.

    ``shots``, if above 0: of these at most so many rows of each class.

    The rows are a function of the seed and the labels, and those of a smaller share are among those of a larger one.
    Rows whose labels are no classes (numbers, several labels) are one class.
    """
    labels, rows = tokens.labels, len(tokens.labels)
    whole = labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer)
    classes = labels if whole else np.zeros(rows, dtype=int)
    kept = [
        generator(seed, "training share", int(label)).permutation(np.flatnonzero(classes == label))
        for label in np.unique(classes)
    ]
    kept = [members[: math.ceil(round(share * len(members), 6))][: shots or None] for members in kept]
    first = np.sort(np.concatenate(kept))
    entries = np.concatenate([first + start for start in range(0, len(tokens.encoded.ids), rows)])
    encoded = tokens.encoded
    types = None if encoded.types is None else [encoded.types[entry] for entry in entries]
    shared = dataclasses.replace(encoded, ids=[encoded.ids[entry] for entry in entries], types=types)
    return Tokens(shared, labels[first])


def training_order(tokens: Tokens, batch_size: int, seed: int, epoch: int, reverse_share: float) -> list[np.ndarray]:
    """The batches of one epoch, as entries of ``tokens.encoded``: a function of (seed, epoch) alone.

    Each row comes once, with probability ``reverse_share`` as its reverse complement. Rows are shuffled; within
    windows of WINDOW batches those of like length come together, every batch with the labels in the shares of its
    window, and the batches of a window in any order.
    """
    random, rows = generator(seed, "fine-tuning order", epoch), len(tokens.labels)
    order = random.permutation(rows)
    if reverse_share:
        order = order + rows * (random.random(rows) < reverse_share)
    lengths = np.array([len(ids) for ids in tokens.encoded.ids])
    classes = np.unique(tokens.labels, axis=0, return_inverse=True)[1].reshape(-1)
    batches = []
    for window in range(0, rows, WINDOW * batch_size):
        entries = order[window : window + WINDOW * batch_size]
        entries = entries[mixed_by_length(lengths[entries], classes[entries % rows], random)]
        parts = [entries[start : start + batch_size] for start in range(0, len(entries), batch_size)]
        batches += [parts[number] for number in random.permutation(len(parts))]
    return batches


def mixed_by_length(lengths: np.ndarray, classes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """An order of rows in which neighbours are of like length and any stretch has the classes in their overall shares.

    The rows of each class, from short to long, are spread evenly over the whole order. If all rows were sorted by
    length together and length told the class, a batch would have one class only.
    """
    order = np.lexsort((lengths, classes))
    classes, counts = classes[order], np.bincount(classes)
    ranks = np.arange(len(order)) - (np.cumsum(counts) - counts)[classes]
    places = (ranks + random.random(len(counts))[classes]) / counts[classes]
    return order[np.argsort(places, kind="stable")]


def training_batches(
    tokens: Tokens, batch_size: int, seed: int, reverse_share: float, begin: int = 0
) -> Iterator[np.ndarray]:
    """The batches from step ``begin`` on, epoch after epoch without end."""
    per_epoch = -(-len(tokens.labels) // batch_size)
    for epoch in itertools.count(begin // per_epoch):
        skipped = max(begin - epoch * per_epoch, 0)
        yield from training_order(tokens, batch_size, seed, epoch, reverse_share)[skipped:]
