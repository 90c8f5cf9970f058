"""Sequences without coordinates: yeast histone windows, variant genomes, genomes of species classes.

They are drawn from the same ancestors as the genomes of the corpus, so that pre-training sees similar sequences.
"""

from typing import NamedTuple

import numpy as np

from workflow_scripts.common.randomness import generator
from workflow_scripts.demo.genomes import ancestor
from workflow_scripts.demo.motifs import LINEAGE_WORDS, LINEAGES, MARK_WORDS, family
from workflow_scripts.demo.sequences import (
    BASES,
    LOWER,
    insert_and_delete,
    plant,
    plant_all,
    rearrange,
    substitute,
)

HISTONE_ROWS = 640  # windows per mark, half of them bound
HISTONE_LENGTH = 500  # as in the real sets
PERIOD = 10  # bases between AA/TT steps on a nucleosome

VARIANT_LENGTH = 5000
VARIANT_GENOMES = 14  # genomes per lineage
VARIANT_SUBSTITUTIONS = 0.03  # common to a lineage
PRIVATE_SUBSTITUTIONS = 0.006  # of one genome
LINEAGE_WORD_SPACING = 200  # bases between two of a lineage's words

SPECIES_LENGTH = 90_000
SPECIES_SUBSTITUTIONS = 0.15
SPECIES_WORD_SPACING = 50
SPECIES_GC = (0.30, 0.38, 0.46, 0.54, 0.62)  # GC content of substituted bases, by class


class Variant(NamedTuple):
    """A variant genome; ``who`` is empty for a lineage that is not a class of the benchmark."""

    name: str
    pango: str
    clade: str
    who: str
    mutations: int
    sequence: np.ndarray


def histone_windows(seed: int, mark: str, yeast: np.ndarray) -> list[tuple[str, np.ndarray, int]]:
    """(name, sequence, label) of a mark's windows; bound ones have AA/TT steps and more of the mark's words.

    The strengths of both signals differ between marks, because the real sets differ in difficulty.
    """
    rng = generator(seed, "histone", mark)
    steps, copies = rng.uniform(0.25, 0.55), rng.uniform(3.0, 5.0)
    starts = rng.choice(yeast.size - HISTONE_LENGTH, HISTONE_ROWS, replace=False)
    windows = []
    for number, start in enumerate(starts):
        label = number % 2
        window = substitute(rng, yeast[start : start + HISTONE_LENGTH] & ~LOWER, 0.3)
        if label:
            for step in range(int(rng.integers(0, PERIOD)), HISTONE_LENGTH - 2, PERIOD):
                if rng.random() < steps:
                    plant(window, "AA" if rng.random() < 0.5 else "TT", step)
        plant_all(rng, window, MARK_WORDS[mark], int(rng.poisson(copies if label else 0.6)))
        windows.append((f"{mark}_{number + 1}", window, label))
    return windows


def variants(seed: int) -> list[Variant]:
    """Genomes of the nine lineages, and of one that is no class, which descend from one ancestor.

    A lineage has common substitutions with a preference for some bases, and its words at fixed positions; a genome has
    additional substitutions.
    """
    root = ancestor(seed, "viral", VARIANT_LENGTH) & ~LOWER
    genomes = []
    for number, (who, pango) in enumerate([*LINEAGES.items(), ("", "B.1")]):
        rng = generator(seed, "lineage", pango)
        lineage = root.copy()
        if who:
            hit = np.flatnonzero(rng.random(lineage.size) < VARIANT_SUBSTITUTIONS)
            lineage[hit] = BASES[rng.choice(4, hit.size, p=rng.dirichlet(np.full(4, 0.5)))]
            first = int(rng.integers(0, LINEAGE_WORD_SPACING))
            for start in range(first, lineage.size - 20, LINEAGE_WORD_SPACING):
                plant(lineage, str(rng.choice(LINEAGE_WORDS[who])), start)
        for i in range(1, VARIANT_GENOMES + 1):
            genome = substitute(rng, lineage, PRIVATE_SUBSTITUTIONS)
            mutations = int((genome != root).sum())
            genomes.append(Variant(f"{pango}.{i}", pango, f"demo{number:02d}", who, mutations, genome))
    return genomes


def species_genome(seed: int, group: str, label: str, number: int) -> np.ndarray:
    """The genome of a class of species/fungi or species/virus, with the class's GC content and words."""
    rng = generator(seed, "class", group, label)
    sequence = ancestor(seed, group, SPECIES_LENGTH * 11 // 10)
    sequence = substitute(rng, sequence, SPECIES_SUBSTITUTIONS, gc=SPECIES_GC[number % len(SPECIES_GC)])
    sequence = rearrange(rng, insert_and_delete(rng, sequence, 0.004), inversions=3)[:SPECIES_LENGTH]
    plant_all(rng, sequence, family("class", group, label, size=3), SPECIES_LENGTH // SPECIES_WORD_SPACING)
    return sequence
