"""The training data of a tokenizer: all training chunks or a sample of them, as one array of ids.

A sample is limited in bases per genome, per group of genomes and in total. If genomes together exceed the limit of
their group or the total, all contribute the same share of their bases. The chunks of a genome with the smallest random
numbers are taken. These depend only on (seed, accession), so a larger sample includes a smaller one, and the order of
the files does not matter.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from workflow_scripts.common import chunk_reader
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.numba_cache import compiled
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.sequences import BASES
from workflow_scripts.common.special_tokens import FIRST_BASE
from workflow_scripts.tokenizer.bpe import CODES, SEPARATOR


@dataclass(frozen=True)
class Limits:
    """Largest numbers of bases to train on, up to one chunk per genome; 0 is no limit."""

    total: int = 0
    genome: int = 0
    group: int = 0


@dataclass(frozen=True)
class Genome:
    """A chunk file with the lengths of its training chunks, and flags of the sampled ones."""

    path: Path
    group: str
    lengths: np.ndarray
    kept: np.ndarray

    @property
    def bases(self) -> int:
        """Number of sampled bases."""
        return int(self.lengths[self.kept].sum(dtype=np.int64))

    @property
    def cells(self) -> int:
        """Size in the array, including a separator after each chunk."""
        return self.bases + int(np.count_nonzero(self.kept))


def draw_sample(paths: Sequence[Path], limits: Limits, seed: int, groups: dict[str, str] | None = None) -> list[Genome]:
    """Choose the chunks of each genome; returns the genomes in the order of their accessions.

    ``groups``: group of each accession, needed for a limit per group. Raises UserError for a genome without group.
    """
    paths = sorted(paths, key=chunk_reader.accession_of)
    lengths = [chunk_reader.training_lengths(path) for path in paths]
    names = [chunk_reader.group_of(path, groups) for path in paths]
    sizes = [int(of_genome.sum(dtype=np.int64)) for of_genome in lengths]
    return [
        Genome(path, group, of_genome, draw_chunks(of_genome, quota, seed, chunk_reader.accession_of(path)))
        for path, group, of_genome, quota in zip(paths, names, lengths, quotas(sizes, names, limits), strict=True)
    ]


def quotas(sizes: Sequence[int], groups: Sequence[str], limits: Limits) -> list[int]:
    """Number of bases to sample of each genome; ``sizes``: bases of each genome."""
    sampled = [min(size, limits.genome or size) for size in sizes]
    of_group: Counter[str] = Counter()
    for bases, group in zip(sampled, groups, strict=True):
        of_group[group] += bases
    sampled = [scale(bases, limits.group, of_group[group]) for bases, group in zip(sampled, groups, strict=True)]
    total = sum(sampled)
    return [scale(bases, limits.total, total) for bases in sampled]


def scale(bases: int, limit: int, total: int) -> int:
    """``bases`` scaled by ``limit`` / ``total`` if the total exceeds the limit (0: no limit)."""
    return bases * limit // total if 0 < limit < total else bases


def draw_chunks(lengths: np.ndarray, quota: int, seed: int, accession: str) -> np.ndarray:
    """Flags of chunks with ``quota`` bases; the last one is included with the probability of its needed share."""
    random = generator(seed, "tokenizer sample", accession)
    border = random.random()
    order = np.argsort(random.random(len(lengths)), kind="stable")
    ordered = lengths[order].astype(np.int64)
    kept = np.zeros(len(lengths), dtype=bool)
    kept[order] = np.cumsum(ordered) - ordered + border * ordered < quota
    return kept


def load_sample(genomes: Sequence[Genome], threads: int) -> tuple[np.ndarray, int]:
    """Read the sampled chunks into an array of ids for :func:`bpe.merges`.

    Returns the array (uint16) and the number of letters that are not upper-case bases; these become separators, like
    the ends of a chunk. Raises UserError for a file that cannot be read or whose lengths are wrong.
    """
    ends = np.cumsum([1, *(genome.cells for genome in genomes)])
    cells = np.empty(ends[-1], dtype=np.uint16)
    cells[0] = SEPARATOR
    views = [cells[first:last] for first, last in pairwise(ends)]
    unknown = 0
    bases = sum(genome.bases for genome in genomes)
    with ThreadPoolExecutor(threads) as pool, Progress(bases, "base", "reading chunks") as progress:
        for genome, letters in zip(genomes, pool.map(load_genome, genomes, views), strict=True):
            unknown += letters
            progress.step(genome.bases, genome.path.stem)
    return cells, unknown


def load_genome(genome: Genome, cells: np.ndarray) -> int:
    """Fill ``cells`` with a genome's sampled chunks; returns the number of unknown letters."""
    chunk, written, unknown = 0, 0, 0
    for sequences, validation in chunk_reader.read_batches(genome.path):
        kept = np.zeros(len(sequences), dtype=bool)
        training = np.flatnonzero(~validation)
        kept[training] = genome.kept[chunk : chunk + len(training)]
        chunk += len(training)
        letters, ends = chunk_reader.letters(sequences)
        size = int((np.diff(ends) + 1)[kept].sum())
        unknown += copy_chunks(cells[written : written + size], letters, ends, kept, CODES)
        written += size
    if written != len(cells):
        raise UserError(
            f"{genome.path}: its sequences and its start and end differ in length; remove it and run the workflow again"
        )
    return unknown


@compiled
def copy_chunks(cells: np.ndarray, letters: np.ndarray, ends: np.ndarray, kept: np.ndarray, codes: np.ndarray) -> int:
    """Write the ids of the kept chunks with a separator after each; returns the number of unknown letters."""
    place, unknown = 0, 0
    for chunk in range(len(kept)):
        if not kept[chunk]:
            continue
        if place + ends[chunk + 1] - ends[chunk] >= len(cells):
            break  # the caller reports it
        for letter in range(ends[chunk], ends[chunk + 1]):
            cells[place] = codes[letters[letter]]
            unknown += cells[place] == SEPARATOR
            place += 1
        cells[place] = SEPARATOR
        place += 1
    return unknown


def example_runs(cells: np.ndarray, count: int) -> list[str]:
    """The runs of letters at ``count`` positions, which are evenly spaced over the array."""
    found = {}
    for place in ((2 * number + 1) * len(cells) // (2 * count) for number in range(count)):
        first = last = place
        while first > 0 and cells[first - 1] != SEPARATOR:
            first -= 1
        while last < len(cells) and cells[last] != SEPARATOR:
            last += 1
        if first < last:
            found[first] = "".join(BASES[code - FIRST_BASE] for code in cells[first:last])
    return list(found.values())
