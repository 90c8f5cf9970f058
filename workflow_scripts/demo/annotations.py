"""Planted annotation of a genome: promoters, genes with exons, binding sites, enhancers and promoters in contact.

Every feature gets a separate region, so that no signal overwrites another. It is written in the direction of the
feature, and its coordinates are recorded. ``formats.py`` writes them in the formats of the real sources.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.randomness import generator
from workflow_scripts.demo.genomes import CODONS, Contig
from workflow_scripts.demo.motifs import (
    BRANCH_POINT,
    CCAAT_BOX,
    CELL_LINES,
    CELL_WORDS,
    CONTACT_WORDS,
    DOWNSTREAM_ELEMENT,
    EXON,
    GC_BOX,
    INITIATOR,
    INTRON,
    PROMOTER,
    TATA_BOX,
)
from workflow_scripts.demo.sequences import (
    LOWER,
    N,
    composition,
    encode,
    markov,
    plant,
    plant_all,
    reverse_complement,
    substitute,
)

GENES = 250  # each with a promoter
NONCODING_PROMOTERS = 480  # promoters of non-coding transcripts, not in the gene table
TATA_SHARE = 0.46
PEAKS = 340  # per transcription factor
ENHANCERS = 240
CONTACT_PROMOTERS = 160
UPSTREAM = 260  # bases of a promoter before the transcription start
DOWNSTREAM = 70  # bases of a promoter from the transcription start on
LEADER = 40  # bases of a gene before its first codon, which belong to the promoter
SITE = 121  # bases of a binding site, with its summit in the middle
GAP = 35  # mean number of bases between two features
MARGIN = 300  # bases without features at the ends of a contig
MUTATION = 0.05  # rate per base of a planted word

CODON_USAGE = generator("codon usage of the annotated genes").dirichlet(np.full(len(CODONS), 0.7))
CPG_ISLAND = composition(generator("CpG island"), gc=0.64, evenness=12)


class Tss(NamedTuple):
    """A transcription start: 0-based position of the first transcribed base, and flags of its promoter's motifs."""

    chrom: str
    position: int
    strand: str
    name: str
    motifs: dict[str, bool]


class Gene(NamedTuple):
    """A gene: 1-based inclusive (start, end) of its exons, in ascending order."""

    name: str
    chrom: str
    strand: str
    exons: list[tuple[int, int]]


class Element(NamedTuple):
    """An enhancer or a promoter: half-open interval, contact class, cell lines in which it is active."""

    chrom: str
    start: int
    end: int
    contact: int
    active: frozenset[str]


class Feature(NamedTuple):
    """A feature to plant; ``detail``: structure of a gene, or index of a site's transcription factor."""

    kind: str
    length: int
    detail: Any = None


@dataclass
class Annotation:
    """All features of one genome; ``summits``: 0-based positions, one list per transcription factor."""

    promoters: list[Tss] = field(default_factory=list)
    genes: list[Gene] = field(default_factory=list)
    summits: list[list[tuple[str, int]]] = field(default_factory=list)
    enhancers: list[Element] = field(default_factory=list)
    contact_promoters: list[Element] = field(default_factory=list)


@dataclass
class Region:
    """A region of a contig for one feature; ``read`` and ``write`` use the direction of the feature."""

    contig: Contig
    start: int
    length: int
    strand: str

    def read(self) -> np.ndarray:
        """A copy of the bases in the direction of the feature."""
        bases = self.contig.sequence[self.start : self.start + self.length]
        return bases.copy() if self.strand == "+" else reverse_complement(bases)

    def write(self, bases: np.ndarray) -> None:
        """Write bases that are in the direction of the feature."""
        forward = bases if self.strand == "+" else reverse_complement(bases)
        self.contig.sequence[self.start : self.start + self.length] = forward

    def position(self, index: int) -> int:
        """0-based position in the contig of an index of the feature."""
        return self.start + (index if self.strand == "+" else self.length - 1 - index)


def first_known(contig: Contig, start: int, length: int) -> int:
    """The first position from ``start`` on that begins ``length`` bases without N."""
    while (unknown := np.flatnonzero(contig.sequence[start : start + length] == N)).size:
        start += int(unknown[-1]) + 1
    return start


def place_regions(rng: np.random.Generator, contigs: list[Contig], lengths: list[int]) -> Iterator[Region]:
    """A region for each length, in order with random gaps, without N and not at the ends of contigs."""
    chromosomes = iter([contig for contig in contigs if contig.sequence.size > 10_000])
    contig, cursor = next(chromosomes), MARGIN
    for number, length in enumerate(lengths):
        start = first_known(contig, cursor + 1 + int(rng.exponential(GAP)), length)
        if start + length > contig.sequence.size - MARGIN:
            try:
                contig = next(chromosomes)
            except StopIteration:
                raise UserError(
                    f"genome_size_bp is too small: {number} of {len(lengths)} features fit; increase it for the first "
                    "two vertebrate_mammalian rows"
                ) from None
            start = first_known(contig, MARGIN, length)
        cursor = start + length
        yield Region(contig, start, length, "+" if rng.random() < 0.5 else "-")


def mutate(rng: np.random.Generator, word: str, rate: float = MUTATION) -> str:
    """A word with few substitutions."""
    return substitute(rng, encode(word), rate).tobytes().decode()


def write_promoter(rng: np.random.Generator, bases: np.ndarray, tata: bool) -> dict[str, bool]:
    """Write a promoter whose transcription starts at index UPSTREAM; returns flags of its motifs, by EPD's names.

    TATA promoters have the box near -30; the others are in a large CpG island and have more GC boxes. Both may have an
    initiator, a CCAAT box near -80 and a downstream element at +25.
    """
    island = slice(UPSTREAM - 120, UPSTREAM - 45) if tata else slice(UPSTREAM - 160, UPSTREAM + 50)
    bases[: UPSTREAM + DOWNSTREAM] &= ~LOWER
    bases[island] = markov(rng, island.stop - island.start, CPG_ISLAND)
    motifs = {
        "TATA-box": tata,
        "Inr": rng.random() < 0.8,
        "CCAAT-box": rng.random() < 0.35,
        "GC-box": rng.random() < (0.4 if tata else 0.85),
    }
    plant_all(rng, bases, PROMOTER, int(rng.integers(3, 7)), UPSTREAM - 230, UPSTREAM + 60)
    if motifs["GC-box"]:
        plant_all(rng, bases, (GC_BOX,), int(rng.integers(1, 4)), UPSTREAM - 200, UPSTREAM - 45)
    if motifs["CCAAT-box"]:
        plant(bases, CCAAT_BOX, UPSTREAM - 80 - int(rng.integers(0, 15)))
    if tata:
        plant(bases, mutate(rng, TATA_BOX), UPSTREAM - 31 + int(rng.integers(-1, 2)))
    if motifs["Inr"]:
        plant(bases, mutate(rng, INITIATOR), UPSTREAM - 3)
    if rng.random() < (0.5 if tata else 0.9):
        plant(bases, DOWNSTREAM_ELEMENT, UPSTREAM + 25)
    return motifs


def gene_structure(rng: np.random.Generator) -> list[tuple[int, int]]:
    """(exon length, length of the next intron) of a gene with 3 or 4 exons; the last one is long, without intron."""
    count = int(rng.integers(3, 5))
    exons, introns = rng.integers(210, 300, count), rng.integers(400, 800, count)
    exons[-1] += 350
    introns[-1] = 0
    return [(int(exon), int(intron)) for exon, intron in zip(exons, introns, strict=True)]


def write_gene(rng: np.random.Generator, bases: np.ndarray, structure: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Write exons and introns from index UPSTREAM on; returns the half-open spans of the exons.

    Exons are codons with enhancer words; introns keep the bases of the genome. Donors are CAG|GTAAGT, followed by runs
    of G; acceptors are branch point, polypyrimidine tract and CAG|G. GT and AG are never mutated.
    """
    spans: list[tuple[int, int]] = []
    start = UPSTREAM
    for length, intron in structure:
        end = start + length
        coding = start if spans else start + LEADER
        bases[coding:end] = encode("".join(rng.choice(CODONS, length // 3 + 1, p=CODON_USAGE)))[: end - coding]
        plant_all(rng, bases, EXON, 3, coding + 8, end - 8, mutation=0.1, either_strand=False)
        if spans:
            plant(bases, mutate(rng, "G", 0.3), start)
        spans.append((start, end))
        if intron:
            after = end + intron
            plant(bases, mutate(rng, "CAG", 0.12), end - 3)
            plant(bases, "GT" + mutate(rng, "AAGTA", 0.12), end)
            plant_all(rng, bases, INTRON, 4, end + 8, end + 80, mutation=0.1, either_strand=False)
            plant(bases, mutate(rng, BRANCH_POINT, 0.1), after - 50)
            plant(bases, mutate(rng, "".join(rng.choice(list("TTTC"), 36)), 0.12), after - 40)
            plant(bases, mutate(rng, "C", 0.3) + "AG", after - 3)
            start = after
    return spans


def write_site(rng: np.random.Generator, bases: np.ndarray, words: tuple[str, ...]) -> None:
    """Write three to five words of a factor within 40 bases of the middle."""
    summit = bases.size // 2
    plant_all(rng, bases, words, int(rng.integers(3, 6)), summit - 40, summit + 41, mutation=MUTATION)
    bases &= ~LOWER


def add_promoter(
    rng: np.random.Generator,
    bases: np.ndarray,
    region: Region,
    structure: list[tuple[int, int]] | None,
    annotation: Annotation,
) -> None:
    """Write a promoter and, if there is a structure, the gene after it; adds both to the annotation."""
    symbol, chrom = f"DEMO{len(annotation.promoters) + 1:04d}", region.contig.name
    motifs = write_promoter(rng, bases, tata=bool(rng.random() < TATA_SHARE))
    annotation.promoters.append(Tss(chrom, region.position(UPSTREAM), region.strand, f"{symbol}_1", motifs))
    if structure:
        spans = write_gene(rng, bases, structure)
        edges = [sorted((region.position(start), region.position(end - 1))) for start, end in spans]
        exons = sorted((first + 1, last + 1) for first, last in edges)
        annotation.genes.append(Gene(symbol, chrom, region.strand, exons))


def add_element(rng: np.random.Generator, bases: np.ndarray, region: Region) -> Element:
    """Write the words of a contact class and of the two cell lines in which the element is active."""
    contact = int(rng.integers(0, len(CONTACT_WORDS)))
    active = rng.choice(CELL_LINES, 2, replace=False).tolist()
    for cell in active:
        plant_all(rng, bases, CELL_WORDS[cell], int(rng.integers(4, 7)), mutation=MUTATION)
    plant_all(rng, bases, CONTACT_WORDS[contact], int(rng.integers(3, 6)), mutation=MUTATION)
    bases &= ~LOWER
    return Element(region.contig.name, region.start, region.start + region.length, contact, frozenset(active))


def site_features(factors: int) -> list[Feature]:
    """The binding sites of ``factors`` transcription factors."""
    return [Feature("site", SITE, factor) for factor in range(factors) for _ in range(PEAKS)]


def all_features(seed: int, factors: int) -> list[Feature]:
    """Genes, non-coding promoters, binding sites, enhancers and contact promoters."""
    structures = [gene_structure(generator(seed, "gene", i)) for i in range(GENES)]
    genes = [Feature("gene", UPSTREAM + sum(map(sum, structure)) + 40, structure) for structure in structures]
    promoters = [Feature("promoter", UPSTREAM + DOWNSTREAM)] * NONCODING_PROMOTERS
    contacts = [Feature("enhancer", 360)] * ENHANCERS + [Feature("contact promoter", 240)] * CONTACT_PROMOTERS
    return genes + promoters + site_features(factors) + contacts


def annotate(
    seed: int, name: str, contigs: list[Contig], words: tuple[tuple[str, ...], ...], features: list[Feature]
) -> Annotation:
    """Plant features in random order on a genome, in place; ``words``: one family per transcription factor."""
    rng = generator(seed, "annotation", name)
    annotation = Annotation(summits=[[] for _ in words])
    order = [features[i] for i in rng.permutation(len(features))]
    for feature, region in zip(order, place_regions(rng, contigs, [f.length for f in order]), strict=True):
        bases = region.read()
        match feature.kind:
            case "gene" | "promoter":
                add_promoter(rng, bases, region, feature.detail, annotation)
            case "site":
                write_site(rng, bases, words[feature.detail])
                annotation.summits[feature.detail].append((region.contig.name, region.position(SITE // 2)))
            case "enhancer":
                annotation.enhancers.append(add_element(rng, bases, region))
            case "contact promoter":
                annotation.contact_promoters.append(add_element(rng, bases, region))
        region.write(bases)
    return annotation


def draw_contacts(seed: int, annotation: Annotation, cell: str, pairs: int) -> list[tuple[Element, Element, int]]:
    """``pairs`` different (enhancer, promoter, label) with both on one chromosome, half of them with label 1.

    Most pairs in contact share their class and have both elements active in the cell line; most others do not. A random
    pair is kept with the probability below, so that a single element is partly informative.
    """
    rng = generator(seed, "contacts", cell)
    drawn: dict[tuple[int, int], int] = {}
    missing = {1: pairs // 2, 0: pairs - pairs // 2}
    while any(missing.values()):
        label = 1 if missing[1] else 0
        i = int(rng.integers(0, len(annotation.enhancers)))
        j = int(rng.integers(0, len(annotation.contact_promoters)))
        enhancer, promoter = annotation.enhancers[i], annotation.contact_promoters[j]
        if (i, j) in drawn or enhancer.chrom != promoter.chrom:
            continue
        matches = enhancer.contact == promoter.contact
        active = (cell in enhancer.active) + (cell in promoter.active)
        if label:
            probability = (1.0 if matches else 0.04) * (0.01, 0.5, 1.0)[active]
        else:
            probability = (0.3 if matches else 1.0) * (1.0, 0.15, 0.02)[active]
        if rng.random() < probability:
            drawn[i, j] = label
            missing[label] -= 1
    return [(annotation.enhancers[i], annotation.contact_promoters[j], label) for (i, j), label in drawn.items()]
