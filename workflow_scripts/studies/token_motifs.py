"""Biological motifs in tokens, by simple rules. A word and its reverse complement match the same rules."""

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np

from workflow_scripts.common.sequences import reverse_complement

ALU_Y = (  # consensus of AluY, a repeat of primate genomes, with its poly-A tail
    "GGCCGGGCGCGGTGGCTCACGCCTGTAATCCCAGCACTTTGGGAGGCCGAGGCGGGCGGATCACGAGGTCAGGAGATCGAGACCATCCCGGCTAAA"
    "ACGGTGAAACCCCGTCTCTACTAAAAATACAAAAAATTAGCCGGGCGTGGTGGCGGGCGCCTGTAGTCCCAGCTACTCGGGAGGCTGAGGCAGGAG"
    "AATGGCGTGAACCCGGGAGGCGGAGCTTGCAGTGAGCCGAGATCGCGCCACTGCACTCCAGCCTGGGCGACAGAGCGAGACTCCGTCTCAAAAAAA"
)
TATA_BOX = re.compile("TATA[AT]AA[AG]")
POLY_A_SIGNAL = re.compile("AATAAA")
RULES = {
    "homopolymer": "one base, four times or more",
    "dinucleotide repeat": "two bases in turn, three times or more",
    "tandem repeat": "a unit of three to six bases, three times or more",
    "Alu": "at least ten bases of the AluY consensus, but no homopolymer",
    "TATA box": "holds TATAWAAR",
    "poly-A signal": "holds AATAAA",
    "CpG": "holds CG",
}


def _repeats(word: str, unit: int, times: int) -> bool:
    return len(word) >= unit * times and word[unit:] == word[:-unit]


def labels(word: str) -> list[str]:
    """The names of the RULES that a word matches, in their order."""
    strands = (word, reverse_complement(word))
    homopolymer = _repeats(word, 1, 4)
    dinucleotide = not homopolymer and _repeats(word, 2, 3)
    found = {
        "homopolymer": homopolymer,
        "dinucleotide repeat": dinucleotide,
        "tandem repeat": not (homopolymer or dinucleotide) and any(_repeats(word, unit, 3) for unit in range(3, 7)),
        "Alu": not homopolymer and len(word) >= 10 and any(strand in ALU_Y for strand in strands),
        "TATA box": any(TATA_BOX.search(strand) for strand in strands),
        "poly-A signal": any(POLY_A_SIGNAL.search(strand) for strand in strands),
        "CpG": "CG" in word,
    }
    return [name for name in RULES if found[name]]


def label_counts(words: Iterable[str]) -> Counter[str]:
    """Number of words with each label."""
    return Counter(label for word in words for label in labels(word))


def shuffled(words: list[str], random: np.random.Generator) -> list[str]:
    """The words with the bases of each in random order, as a control with the same lengths and compositions."""
    return ["".join(random.permutation(list(word))) for word in words]
