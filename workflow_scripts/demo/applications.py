"""What the demo's models are applied to: a further genome with planted promoters and binding sites, and variants.

The genome descends from the same ancestor as those of the mirror, but no model has read it. Each planted feature is in
a region of its own, and its places are known, so that predictions can be compared with the truth.
"""

from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple

import numpy as np

from workflow_scripts.common.randomness import generator
from workflow_scripts.demo import formats
from workflow_scripts.demo.annotations import UPSTREAM, Region, place_regions, write_promoter
from workflow_scripts.demo.genomes import Contig, descend
from workflow_scripts.demo.motifs import TF_HUMAN_WORDS, random_word
from workflow_scripts.demo.sequences import BASES, LOWER, decode, encode, fasta, plant, reverse_complement

SIZE = 200_000
CONTIG = "chr1"
PROMOTERS, SITES, CONTROLS = 50, 60, 50
REGION = 1000  # bases around a promoter or site
PROMOTER_WINDOW, TSS_INDEX = 300, 249  # as the data sets of promoters have them
SITE_WINDOW = 101  # as the data sets of binding sites have them
WORDS = 3  # of a site, without mutations
DECOYS = 5  # motifs that are planted nowhere
SHARED = 4  # bases that no decoy has in common with a planted word

FILES = {
    "genome": "genome.fa.gz",
    "promoters": "promoters.bed",
    "sequences": "sequences.fa",
    "regions": "regions.bed",
    "sites": "sites.fa",
    "variants": "variants.vcf",
    "motifs": "motifs.jaspar",
}
"""The name of each file in the folder ``apply`` of the simulated world."""


class Site(NamedTuple):
    """A binding site: the start of its window on the contig, and start and end of its words on the contig."""

    start: int
    words: list[tuple[int, int]]


class Applications:
    """A genome with planted features; ``ancestral``: the sequence it descends from."""

    def __init__(self, seed: int, ancestral: np.ndarray):
        self.seed = seed
        rng = generator(seed, "genome for applications")
        self.contig = Contig(CONTIG, "", descend(rng, ancestral, SIZE))
        kinds = ["promoter"] * PROMOTERS + ["site"] * SITES + ["control"] * CONTROLS
        self.promoters: list[Region] = []
        self.controls: list[Region] = []
        self.sites: list[Site] = []
        order = [kinds[i] for i in rng.permutation(len(kinds))]
        for kind, region in zip(order, place_regions(rng, [self.contig], [REGION] * len(order)), strict=True):
            if kind == "promoter":
                bases = region.read()
                write_promoter(rng, bases[REGION // 3 :], tata=True)
                region.write(bases)
                self.promoters.append(region)
            elif kind == "site":
                self.sites.append(write_words(rng, region))
            else:
                self.controls.append(region)

    def files(self) -> dict[str, bytes]:
        """The content of each of FILES."""
        text = {
            "promoters": formats.lines(
                (CONTIG, position, position + 1, f"promoter{number}", 0, region.strand)
                for number, region in enumerate(self.promoters, start=1)
                for position in [region.position(REGION // 3 + UPSTREAM)]
            ),
            "regions": formats.lines(
                (CONTIG, start, min(start + 5000, SIZE), f"region{start // 5000 + 1}") for start in range(0, SIZE, 5000)
            ),
            "variants": self.vcf(),
            "motifs": jaspar(),
        }
        return {name: content.encode() for name, content in text.items()} | {
            "genome": formats.genome_fasta([self.contig], ncbi=False),
            "sequences": fasta(self.labelled_promoters()),
            "sites": fasta([(f"site{n} {self.told(site)}", self.window(site)) for n, site in enumerate(self.sites, 1)]),
        }

    def labelled_promoters(self) -> list[tuple[str, np.ndarray]]:
        """Header and bases of the promoters, and of as many windows without one."""
        start = REGION // 3 + UPSTREAM - TSS_INDEX
        window = slice(start, start + PROMOTER_WINDOW)
        found = [(f"promoter{n} label=1", region.read()[window]) for n, region in enumerate(self.promoters, start=1)]
        return found + [(f"control{n} label=0", region.read()[window]) for n, region in enumerate(self.controls, 1)]

    def window(self, site: Site) -> np.ndarray:
        """The bases of a site."""
        return self.contig.sequence[site.start : site.start + SITE_WINDOW]

    def told(self, site: Site) -> str:
        """Where the words of a site are in its window."""
        return "words=" + ",".join(f"{start - site.start}-{end - site.start}" for start, end in site.words)

    def vcf(self) -> str:
        """For each site a change of a base in the middle of a word, and one of a base of the site outside of words."""
        rng = generator(self.seed, "variants for applications")
        found: list[tuple[int, str, str, str]] = []
        for site in self.sites:
            start, end = site.words[int(rng.integers(len(site.words)))]
            free = sorted(
                set(range(site.start, site.start + SITE_WINDOW))
                - {place for first, last in site.words for place in range(first - 1, last + 1)}
            )
            for place, effect in (((start + end) // 2, "breaks"), (free[int(rng.integers(len(free)))], "neutral")):
                reference = decode(self.contig.sequence[place : place + 1]).upper()
                others = [base for base in decode(BASES) if base != reference]
                found.append((place, reference, others[int(rng.integers(len(others)))], effect))
        head = (
            "##fileformat=VCFv4.2\n"
            '##INFO=<ID=EFFECT,Number=1,Type=String,Description="Simulated: breaks a planted word, or neutral">\n'
            f"##contig=<ID={CONTIG},length={SIZE}>\n"
            "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        )
        rows = [
            (CONTIG, place + 1, f"v{number}", reference, other, ".", "PASS", f"EFFECT={effect}")
            for number, (place, reference, other, effect) in enumerate(sorted(found), start=1)
        ]
        return head + formats.lines(rows)


def write_words(rng: np.random.Generator, region: Region) -> Site:
    """Write WORDS words of the first human factor without overlaps, on either strand, into the middle of a region."""
    start = region.start + (REGION - SITE_WINDOW) // 2
    slot = SITE_WINDOW // WORDS
    words = []
    region.contig.sequence[start : start + SITE_WINDOW] &= ~LOWER
    for number in range(WORDS):
        word = encode(TF_HUMAN_WORDS[0][int(rng.integers(len(TF_HUMAN_WORDS[0])))])
        place = start + number * slot + int(rng.integers(0, slot - word.size + 1))
        word = word if rng.random() < 0.5 else reverse_complement(word)
        plant(region.contig.sequence, decode(word), place)
        words.append((place, place + word.size))
    return Site(start, words)


def decoys() -> Iterator[str]:
    """Random words that share no piece of SHARED bases with a planted word, on either strand."""
    planted = {
        strand[start : start + SHARED]
        for word in TF_HUMAN_WORDS[0]
        for strand in (word, decode(reverse_complement(encode(word))))
        for start in range(len(word) - SHARED + 1)
    }
    for number in count(1):
        word = random_word("decoy motif", str(number), length=11)
        if not any(word[start : start + SHARED] in planted for start in range(len(word) - SHARED + 1)):
            yield word


def jaspar() -> str:
    """The planted words and DECOYS as matrices of counts, in JASPAR's format."""
    words = {f"planted{n}": word for n, word in enumerate(TF_HUMAN_WORDS[0], start=1)}
    words |= {f"decoy{n}": word for n, word in enumerate(islice(decoys(), DECOYS), start=1)}
    lines = []
    for number, (name, word) in enumerate(words.items(), start=1):
        lines.append(f">DEMO{number:04d}.1\t{name}")
        for base in "ACGT":
            counts = " ".join(str(97 if letter == base else 1) for letter in word)
            lines.append(f"{base} [ {counts} ]")
    return "\n".join(lines) + "\n"
