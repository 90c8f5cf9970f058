"""Data sets for fine-tuning: rows of a CSV file, tokenised once, put into batches."""

import csv
import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.randomness import generator

SPLITS = ("train", "dev", "test")
Text = str | tuple[str, str]
"""A sequence, or a pair of them."""


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of one split: texts (one sequence, or a pair) and integer labels."""

    texts: list[str] | list[tuple[str, str]]
    labels: np.ndarray


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Tokenised texts: ids and token types of each (None where the model reads none), and the share that was cut."""

    ids: list[np.ndarray]
    types: list[np.ndarray] | None
    truncated: float


@dataclasses.dataclass(frozen=True)
class Tokens(Encoded):
    """Tokenised rows: with their labels."""

    labels: np.ndarray


def read_rows(path: Path) -> Rows:
    """Read ``sequence,label``, or two sequences and a label. Raises UserError with file and line."""
    texts, labels = [], []
    with path.open(newline="") as handle:
        reader = csv.reader(handle)
        header = next(reader, [])
        if len(header) not in (2, 3) or header[-1] != "label":
            raise UserError(
                f"{path}:1: header {','.join(header)!r}; expected 'sequence,label' or two sequences and label"
            )
        for row in reader:
            if len(row) != len(header):
                raise UserError(f"{path}:{reader.line_num}: {len(row)} columns where the header has {len(header)}")
            if not row[-1].isdecimal():
                raise UserError(f"{path}:{reader.line_num}: label {row[-1]!r} is not an integer; number classes from 0")
            texts.append(row[0] if len(row) == 2 else (row[0], row[1]))
            labels.append(int(row[-1]))
    if not texts:
        raise UserError(f"{path}: no rows; every split needs some")
    return Rows(texts, np.array(labels))


def read_splits(folder: Path) -> dict[str, Rows]:
    """Read train, dev and test; the classes of dev and test must occur in train."""
    splits = {split: read_rows(folder / f"{split}.csv") for split in SPLITS}
    known = set(splits["train"].labels.tolist())
    for split, rows in splits.items():
        for label in set(rows.labels.tolist()) - known:
            raise UserError(f"{folder / split}.csv: label {label} does not occur in train.csv")
    return splits


def labelled(encoded: Encoded, labels: np.ndarray) -> Tokens:
    """Encoded texts with their labels."""
    return Tokens(encoded.ids, encoded.types, encoded.truncated, labels)


def collate(tokens: Tokens, rows: np.ndarray, pad_id: int, device: torch.device) -> dict[str, torch.Tensor]:
    """The model's inputs for some rows, padded to the longest among them."""
    longest = max(len(tokens.ids[row]) for row in rows)
    ids = np.full((len(rows), longest), pad_id)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    types = np.zeros((len(rows), longest), dtype=np.int64)
    for line, row in enumerate(rows):
        length = len(tokens.ids[row])
        ids[line, :length] = tokens.ids[row]
        mask[line, :length] = 1
        if tokens.types is not None:
            types[line, :length] = tokens.types[row]
    batch = {"input_ids": ids, "attention_mask": mask}
    if tokens.types is not None:
        batch["token_type_ids"] = types
    return {name: torch.from_numpy(array).to(device) for name, array in batch.items()}


def training_order(rows: int, batch_size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
    """Row numbers of each batch of one epoch: a shuffle that depends on (seed, epoch) alone."""
    order = generator(seed, "fine-tuning order", epoch).permutation(rows)
    for start in range(0, rows, batch_size):
        yield order[start : start + batch_size]


def training_batches(rows: int, batch_size: int, seed: int, steps: int) -> Iterator[np.ndarray]:
    """Row numbers of ``steps`` batches, epoch after epoch."""
    epochs = (training_order(rows, batch_size, seed, epoch) for epoch in itertools.count())
    return itertools.islice(itertools.chain.from_iterable(epochs), steps)


def by_length(tokens: Tokens, batch_size: int) -> Iterator[np.ndarray]:
    """Row numbers of batches for prediction, rows of like length together so that little is padding."""
    order = np.argsort([len(ids) for ids in tokens.ids], kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size]
