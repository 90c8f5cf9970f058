"""Losses on [MASK] places that measure_mask_loss has written, compared on the same held-out bases."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from workflow_scripts.common.bootstrap import RESAMPLES, row_counts
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.intervals import percentile_interval, t_interval

Place = tuple[str, int]
"""A genome, and a block of its neighbouring held-out chunks."""


@dataclass(frozen=True)
class Losses:
    """Sums over the masked tokens of each block: nats of the model, of the unigram, and hidden bases, [blocks]."""

    name: str
    places: list[Place]
    nats: np.ndarray
    unigram: np.ndarray
    bases: np.ndarray

    @property
    def bits(self) -> float:
        """Bits per hidden base; 2 is a model that knows nothing of DNA."""
        return float(self.nats.sum() / self.bases.sum() / math.log(2))

    @property
    def unigram_bits(self) -> float:
        """The same of the frequencies of the training tokens, without context."""
        return float(self.unigram.sum() / self.bases.sum() / math.log(2))


def read_losses(path: Path, window: int | None = None, accessions: Collection[str] = ()) -> Losses:
    """The losses of a model at a window (the only one, if None), on some genomes (all, if none are named).

    Raises UserError if the file has no such rows, or if they hide no base.
    """
    rows = pq.read_table(path).to_pylist()
    wanted = [row for row in rows if window in (None, row["window"])]
    wanted = [row for row in wanted if not accessions or row["accession"] in accessions]
    sums: dict[Place, np.ndarray] = {}
    for row in wanted:
        place = row["accession"], row["block"]
        found = np.array([row["nats"], row["unigram_nats"], row["hidden_bases"]])
        sums[place] = sums.get(place, 0) + found
    if not sum(values[2] for values in sums.values()):
        raise UserError(f"{path}: no masked token hides a base; give overlapping k-mers a mask_run of k")
    nats, unigram, bases = np.array(list(sums.values())).T
    return Losses(path.stem, list(sums), nats, unigram, bases)


def bits_rows(losses: Losses, seed: int) -> list[dict[str, Any]]:
    """Rows of a table: bits per hidden base with a 95% interval over held-out blocks, and those of the unigram."""
    low, high = _interval([losses], np.array([1.0]), seed)
    row = {"model": losses.name, "dataset": "", "metric": "bits per hidden base"}
    unigram = {"metric": "bits per hidden base, token frequencies", "mean": losses.unigram_bits}
    return [row | {"mean": losses.bits, "low": low, "high": high}, row | unigram | {"low": None, "high": None}]


def bits_difference(first: Losses, second: Losses, seed: int) -> tuple[float, float, float]:
    """Bits per base of the first minus the second on the same blocks, and the 95% interval over these.

    Raises UserError if they were measured on other blocks.
    """
    if first.places != second.places:
        raise UserError(
            f"{first.name} and {second.name}: losses on different held-out chunks; measure both on the same genomes"
        )
    low, high = _interval([first, second], np.array([1.0, -1.0]), seed)
    return first.bits - second.bits, low, high


def by_genome(losses: Losses) -> dict[str, float]:
    """Bits per hidden base of each genome."""
    genomes = np.array([accession for accession, _ in losses.places])
    return {
        genome: float(losses.nats[genomes == genome].sum() / losses.bases[genomes == genome].sum() / math.log(2))
        for genome in dict.fromkeys(genomes.tolist())
    }


def genome_difference(first: Losses, others: list[Losses]) -> dict[str, Any]:
    """Mean over genomes of the bits of the first minus the mean of the others, with a t interval over genomes."""
    means = [by_genome(losses) for losses in [first, *others]]
    shared = [genome for genome in means[0] if all(genome in mean for mean in means)]
    differences = [means[0][genome] - float(np.mean([mean[genome] for mean in means[1:]])) for genome in shared]
    return t_interval(differences)


def _interval(all_losses: list[Losses], signs: np.ndarray, seed: int) -> tuple[float, float]:
    """The 95% percentile interval of a signed sum of bits per base; all are resampled by the same blocks."""
    blocks = len(all_losses[0].places)
    weights = np.concatenate(list(row_counts(blocks, seed, "studies", "losses", RESAMPLES)))
    bits = [(weights @ losses.nats) / (weights @ losses.bases) / math.log(2) for losses in all_losses]
    interval = percentile_interval(signs @ np.array(bits))
    assert interval
    return interval
