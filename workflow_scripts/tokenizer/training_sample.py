"""What a tokenizer is trained on: training chunks, all of them or a sample, laid out as one array of ids.

A sample is limited in bases per genome, per group of genomes and in total. Where genomes have more than a group or the
total may have, all give the same share. Of a genome's chunks, those with the smallest random numbers are taken, which
depend on (seed, accession) alone: a larger sample holds the smaller one, and the order of the files changes nothing.
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
    """Bases to train on at most, give or take a chunk of each genome; 0 is no limit."""

    total: int = 0
    genome: int = 0
    group: int = 0


@dataclass(frozen=True)
class Genome:
    """A chunk file with the lengths of its training chunks, and which of them are sampled."""

    path: Path
    group: str
    lengths: np.ndarray
    kept: np.ndarray

    @property
    def bases(self) -> int:
        """Bases that are sampled."""
        return int(self.lengths[self.kept].sum(dtype=np.int64))

    @property
    def cells(self) -> int:
        """Places in the array, a separator behind each chunk included."""
        return self.bases + int(np.count_nonzero(self.kept))


def draw(paths: Sequence[Path], limits: Limits, seed: int, groups: dict[str, str] | None = None) -> list[Genome]:
    """Decide which chunks are taken; the genomes in the order of their accessions.

    ``groups`` gives the group of each accession, which a limit per group needs. UserError for a genome without group.
    """
    paths = sorted(paths, key=chunk_reader.accession_of)
    lengths = [chunk_reader.training_lengths(path) for path in paths]
    names = [chunk_reader.group_of(path, groups) for path in paths]
    sizes = [int(found.sum(dtype=np.int64)) for found in lengths]
    genomes = []
    for path, group, found, quota in zip(paths, names, lengths, quotas(sizes, names, limits), strict=True):
        genomes.append(Genome(path, group, found, draw_chunks(found, quota, seed, chunk_reader.accession_of(path))))
    return genomes


def quotas(sizes: Sequence[int], groups: Sequence[str], limits: Limits) -> list[int]:
    """Bases that each genome gives, of the ``sizes`` that it has."""
    given = [min(size, limits.genome or size) for size in sizes]
    of_group: Counter[str] = Counter()
    for bases, group in zip(given, groups, strict=True):
        of_group[group] += bases
    given = [share(bases, limits.group, of_group[group]) for bases, group in zip(given, groups, strict=True)]
    total = sum(given)
    return [share(bases, limits.total, total) for bases in given]


def share(bases: int, limit: int, together: int) -> int:
    """What is left of ``bases`` when all that is ``together`` shrinks alike to ``limit``."""
    return bases * limit // together if 0 < limit < together else bases


def draw_chunks(lengths: np.ndarray, quota: int, seed: int, accession: str) -> np.ndarray:
    """Flags of the chunks that make up ``quota`` bases; the last is in with the probability of the share it fills."""
    random = generator(seed, "tokenizer sample", accession)
    border = random.random()
    order = np.argsort(random.random(len(lengths)), kind="stable")
    ordered = lengths[order].astype(np.int64)
    kept = np.zeros(len(lengths), dtype=bool)
    kept[order] = np.cumsum(ordered) - ordered + border * ordered < quota
    return kept


def load(genomes: Sequence[Genome], threads: int) -> tuple[np.ndarray, int]:
    """Read the sampled chunks into an array of ids as :func:`bpe.merges` takes it.

    Returns the array (uint16) and the number of letters that are no upper-case base: they part what they stand
    between, like the ends of a chunk. UserError for a file that cannot be read or does not hold what it says.
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
        unknown += lay_out(cells[written : written + size], letters, ends, kept, CODES)
        written += size
    if written != len(cells):
        raise UserError(
            f"{genome.path}: its sequences are not as long as start and end say; remove it and run the workflow again"
        )
    return unknown


@compiled
def lay_out(cells, letters, ends, kept, codes):
    """Write the ids of the kept chunks with a separator behind each; returns the number of unknown letters."""
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


def examples(cells: np.ndarray, count: int) -> list[str]:
    """Spell the stretches of letters that stand at ``count`` places, evenly over the array."""
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
