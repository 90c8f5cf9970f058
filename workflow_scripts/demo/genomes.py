"""Related genomes: the species of a group descend from one ancestor by substitutions, indels and rearrangements.

An ancestor is a second-order Markov sequence with the group's GC content, open reading frames with the group's codon
usage, families of interspersed repeats (diverged copies, in lower case) and modules of words from ``motifs.py``. A
species' genome is divided into contigs like an assembly: chromosomes, a mitochondrion (a plasmid in bacteria) and a
scaffold shorter than 1,000 bases; eukaryotes have runs of N. The sizes add up to the species table's
``genome_size_bp``.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.randomness import generator
from workflow_scripts.demo.motifs import TOPICS
from workflow_scripts.demo.sequences import (
    LOWER,
    N,
    composition,
    encode,
    insert_and_delete,
    markov,
    plant,
    rearrange,
    reverse_complement,
    substitute,
)

MODULES = 0.8  # share of an ancestor in modules
MODULE_LENGTH = (150, 400)  # bases, shortest and longest
SPACER = 2  # largest number of bases between two words of a module
SUBSTITUTIONS = 0.03  # from the group's ancestor to a species
INDELS = 0.004
SCAFFOLD = 640  # bases; shorter than a chunk, so that it is dropped
ORGANELLE = 2400
CODONS = [a + b + c for a in "ACGT" for b in "ACGT" for c in "ACGT" if a + b + c not in ("TAA", "TAG", "TGA")]


@dataclass(frozen=True)
class Group:
    """Properties of the genomes of a group; shares are of the genome's bases."""

    gc: float
    coding: float
    repeats: float
    families: int
    repeat_length: int
    chromosomes: tuple[float, ...]
    n_runs: int
    organelle: str = "mitochondrion"


GROUPS = {
    "bacteria": Group(0.52, 0.75, 0.01, 2, 300, (0.7, 0.3), 0, "plasmid"),
    "fungi": Group(0.40, 0.50, 0.03, 3, 250, (0.5, 0.3, 0.2), 1),
    "invertebrate": Group(0.37, 0.20, 0.25, 4, 300, (0.6, 0.4), 2),
    "protozoa": Group(0.27, 0.45, 0.05, 3, 200, (0.5, 0.5), 1),
    "vertebrate_mammalian": Group(0.42, 0.03, 0.45, 6, 300, (0.40, 0.35, 0.25), 3),
    "vertebrate_other": Group(0.44, 0.05, 0.40, 5, 300, (0.6, 0.4), 2),
    "viral": Group(0.38, 0.80, 0.0, 0, 0, (1.0,), 0, ""),
}


@dataclass
class Contig:
    """One sequence of an assembly with a short ``name`` (chr1) and a ``header`` like NCBI's."""

    name: str
    header: str
    sequence: np.ndarray


def add_reading_frames(rng: np.random.Generator, sequence: np.ndarray, group: Group) -> None:
    """Write open reading frames (60 to 300 codons, either strand) over the group's coding share."""
    usage = rng.dirichlet(np.full(len(CODONS), 0.5))
    codons = np.frombuffer("".join(CODONS).encode(), np.uint8).reshape(-1, 3)
    count = int(group.coding * sequence.size / 546)  # 546: mean number of bases of a frame
    step = sequence.size / max(count, 1)
    for i in range(count):
        body = codons[rng.choice(len(CODONS), rng.integers(60, 301), p=usage)].ravel()
        frame = np.concatenate([encode("ATG"), body, encode("TAA")])[: int(step)]
        start = int(i * step + rng.integers(0, int(step) - frame.size + 1))
        sequence[start : start + frame.size] = frame if rng.random() < 0.5 else reverse_complement(frame)


def add_repeats(rng: np.random.Generator, sequence: np.ndarray, group: Group, table: np.ndarray) -> None:
    """Write soft-masked copies of repeat families: 1 to 12% diverged, truncated at the 5' end, on either strand."""
    for _ in range(group.families):
        consensus = markov(rng, int(group.repeat_length * rng.uniform(0.5, 1.5)), table)
        copies = int(group.repeats * sequence.size / group.families / (0.75 * consensus.size))
        for _ in range(copies):
            copy = substitute(rng, consensus, rng.uniform(0.01, 0.12))[int(consensus.size * rng.uniform(0, 0.5)) :]
            copy = copy if rng.random() < 0.5 else reverse_complement(copy)
            start = int(rng.integers(0, sequence.size - copy.size))
            sequence[start : start + copy.size] = copy | LOWER


def add_modules(rng: np.random.Generator, sequence: np.ndarray) -> None:
    """Write modules: regions with words of one topic and short spacers, on either strand."""
    start = 0
    while (end := start + int(rng.integers(*MODULE_LENGTH))) < sequence.size:
        if rng.random() < MODULES:
            module = sequence[start:end] & ~LOWER
            write_words(rng, module, TOPICS[rng.integers(0, len(TOPICS))])
            sequence[start:end] = module if rng.random() < 0.5 else reverse_complement(module)
        start = end


def write_words(rng: np.random.Generator, module: np.ndarray, topic: tuple[str, ...]) -> None:
    """Fill a module with words of its topic."""
    cursor = 0
    while cursor + len(word := topic[rng.integers(0, len(topic))]) <= module.size:
        plant(module, word, cursor)
        cursor += len(word) + int(rng.integers(0, SPACER + 1))


def ancestor(seed: int, name: str, length: int) -> np.ndarray:
    """The ancestral sequence of a group, without contigs and N."""
    group = GROUPS[name]
    rng = generator(seed, "ancestor", name)
    table = composition(rng, group.gc, evenness=10)
    sequence = markov(rng, length, table)
    add_reading_frames(rng, sequence, group)
    add_modules(rng, sequence)
    add_repeats(rng, sequence, group, table)
    return sequence


def descend(rng: np.random.Generator, parent: np.ndarray, length: int) -> np.ndarray:
    """A descendant of ``length`` bases: the parent with substitutions, indels and rearrangements."""
    piece = parent[: length + length // 25]  # longer, because of deletions
    piece = insert_and_delete(rng, substitute(rng, piece, SUBSTITUTIONS), INDELS)
    return rearrange(rng, piece, inversions=3)[:length]


def add_gaps(rng: np.random.Generator, sequence: np.ndarray, runs: int) -> None:
    """Write runs of 50 to 250 N, like those between the scaffolds of an assembly."""
    for _ in range(runs):
        length = int(rng.integers(50, 251))
        start = int(rng.integers(0, sequence.size - length))
        sequence[start : start + length] = N


def assemble(seed: int, row: dict[str, str], number: int, ancestral: np.ndarray) -> list[Contig]:
    """The contigs of one species of the table; ``number`` is part of their sequence accessions."""
    group, organism, size = GROUPS[row["group"]], row["organism"], int(row["genome_size_bp"])
    rng = generator(seed, "species", row["accession"])
    organelle, scaffold = (ORGANELLE, SCAFFOLD) if group.organelle else (0, 0)
    nuclear = size - organelle - scaffold
    if nuclear < 10_000:
        raise UserError(f"{row['accession']}: genome_size_bp {size} is too small; give at least 15000")
    sequence = descend(rng, ancestral, size)
    edges = np.round(np.cumsum([0, *group.chromosomes]) * nuclear).astype(int)
    contigs = []
    for i, (start, end) in enumerate(pairwise(edges), start=1):
        part = sequence[start:end].copy()
        add_gaps(rng, part, group.n_runs)
        kind = f"chromosome {i}" if group.organelle else "complete genome"
        contigs.append(Contig(f"chr{i}", f"NC_9{number:03d}{i:02d}.1 {organism} {kind}, simulated assembly", part))
    if group.organelle:
        name = "chrM" if group.organelle == "mitochondrion" else group.organelle
        circle = sequence[nuclear : nuclear + organelle].copy()
        header = f"NC_9{number:03d}90.1 {organism} {group.organelle}, complete sequence, simulated"
        contigs.append(Contig(name, header, circle))
        header = f"NW_9{number:03d}99.1 {organism} unplaced genomic scaffold, simulated assembly"
        contigs.append(Contig("chrUn_1", header, sequence[nuclear + organelle :].copy()))
    return contigs
