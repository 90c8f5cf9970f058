"""Known motifs from a file of matrices, and how well words match them.

A word matches a matrix by its best log odds (bits) over both strands and all places where the shorter of the two lies
in the longer. Its p is the chance that a random word of the same length matches as well: bases are drawn with the
composition of the sequences, so an AT-rich word is no news in AT-rich sequences, and the choice among places and
strands is accounted for. Up to EXACT bases it is exact; for longer words it comes from SAMPLE random ones.
"""

import io
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from Bio import motifs as bio

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import open_text
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.sequences import BASES, base_codes

EXACT = 8
SAMPLE = 20_000
SITES = 100
"""The number of sites behind a matrix of frequencies, which do not tell it."""
MEME_BACKGROUND = "Background letter frequencies"
FORMATS = "JASPAR (>name and a line for each base), MEME (minimal), or four rows of counts"


@dataclass(frozen=True)
class Motif:
    """A matrix: log odds in bits of each base at each place, [places, 4]."""

    name: str
    scores: np.ndarray


def read_motifs(path: Path, background: np.ndarray) -> list[Motif]:
    """The matrices of a file, against the frequencies ``background`` of the four bases. Raises UserError for others."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; give matrices as {FORMATS}")
    with open_text(path) as handle:
        text = handle.read().lstrip()
    kind = "minimal" if text.startswith("MEME version") else "jaspar" if text.startswith(">") else "pfm"
    if kind == "minimal" and MEME_BACKGROUND not in text:  # optional in the format, not for the library
        text = re.sub("^MOTIF", f"{MEME_BACKGROUND}\nA 0.25 C 0.25 G 0.25 T 0.25\n\nMOTIF", text, count=1, flags=re.M)
    try:
        found = list(bio.parse(io.StringIO(text), kind))
        named = [Motif(_name(motif), log_odds(_counts(motif), background)) for motif in found]
    except Exception as error:  # the library raises whatever its readers meet
        raise UserError(f"{path}: no matrices that can be read ({error}); give {FORMATS}") from error
    if not named:
        raise UserError(f"{path}: no matrix in it; give {FORMATS}")
    return named


def _name(motif: bio.Motif) -> str:
    parts = [getattr(motif, "matrix_id", None), motif.name]
    return " ".join(dict.fromkeys(part for part in parts if part)) or "motif"


def _counts(motif: bio.Motif) -> np.ndarray:
    """Counts [places, 4]."""
    counts = np.array([motif.counts[base] for base in BASES], dtype=float).T
    if counts.ndim != 2 or not len(counts) or (counts < 0).any() or (counts.sum(axis=1) == 0).any():
        raise ValueError(f"matrix {_name(motif)} has negative numbers, or a place without any")
    return counts


def log_odds(counts: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Log odds [places, 4] in bits, with pseudocounts of the square root of the number of sites, as JASPAR's."""
    total = counts.sum(axis=1, keepdims=True)
    frequencies = np.abs(total - 1).max() < 0.01
    if frequencies:
        counts, total = counts * SITES, total * SITES
    pseudo = np.sqrt(total)
    return np.log2((counts + pseudo * background) / (total + pseudo) / background)


def best_matches(words: np.ndarray, motif: Motif) -> np.ndarray:
    """The best log odds of each word, [words], of codes of bases [words, length]; other letters count 0."""
    width, length = len(motif.scores), words.shape[1]
    best = np.full(len(words), -np.inf)
    for scores in (motif.scores, motif.scores[::-1, ::-1]):
        padded = np.hstack([scores, np.zeros((width, 1))])
        for shift in range(abs(width - length) + 1):
            of_word, of_motif = (shift, 0) if length >= width else (0, shift)
            columns = range(min(width, length))
            best = np.maximum(best, sum(padded[of_motif + j, words[:, of_word + j]] for j in columns))
    return best


class Matcher:
    """Scores and p values of words against motifs, with the composition ``background`` [4] of random words."""

    def __init__(self, motifs: list[Motif], background: np.ndarray) -> None:
        self.motifs, self.background = motifs, background
        self._null = cache(self._random_scores)

    def match(self, words: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Scores and p values, [words, motifs] each."""
        scores, p = np.zeros((2, len(words), len(self.motifs)))
        lengths = np.array([len(word) for word in words])
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            codes = np.array([base_codes(words[row]) for row in rows])
            for column, motif in enumerate(self.motifs):
                scores[rows, column] = best_matches(codes, motif)
                ordered, tail = self._null(length, column)
                p[rows, column] = tail[np.searchsorted(ordered, scores[rows, column] - 1e-9)]
        return scores, p.clip(max=1)

    def _random_scores(self, length: int, motif: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores of random words, ascending, and the chance of each or a higher one, [scores + 1]."""
        exact = length <= EXACT
        if exact:
            words = np.indices((len(BASES),) * length).reshape(length, -1).T
            weights = self.background[words].prod(axis=1)
        else:
            words = generator("random words", length).choice(len(BASES), (SAMPLE, length), p=self.background)
            weights = np.full(SAMPLE, 1 / (SAMPLE + 1))
        scores = best_matches(words, self.motifs[motif])
        order = np.argsort(scores, kind="stable")
        tail = np.append(np.cumsum(weights[order][::-1])[::-1], 0)
        # a score above all of a sample has not been seen, so the word itself is counted
        return scores[order], tail if exact else tail + 1 / (SAMPLE + 1)
