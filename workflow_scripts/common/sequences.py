"""Letters of sequences: codes of the four bases, k-mers, and the reverse complement."""

import numpy as np

from workflow_scripts.common.letters import BASES

OTHER = len(BASES)  # the code of any other letter
BASE_CODES = np.full(256, OTHER, dtype=np.uint8)
"""The code of each letter by its byte; case does not matter, and U is T (see letters.py)."""
for _letters in ("ACGT", "acgt", "ACGU", "acgu"):
    BASE_CODES[np.frombuffer(_letters.encode(), np.uint8)] = range(len(BASES))
COMPLEMENT = str.maketrans("ACGTURYKMBVDHacgturykmbvdh", "TGCAAYRMKVBHDtgcaayrmkvbhd")


def reverse_complement(sequence: str) -> str:
    """The reverse complement; codes of unknown bases become those of their complements, such as R, A or G, to Y."""
    return sequence.translate(COMPLEMENT)[::-1]


def base_codes(sequence: str) -> np.ndarray:
    """The code of each letter (uint8, see BASE_CODES)."""
    return BASE_CODES[np.frombuffer(sequence.encode("ascii", "replace"), np.uint8)]


def kmer_numbers(codes: np.ndarray, k: int) -> np.ndarray:
    """The k-mer that starts at each position as a number in base 4 (int32), -1 if it has an unknown letter.

    ``codes``: codes of the letters, see BASE_CODES. The last k - 1 positions have no k-mer, so -1.
    """
    padded = np.concatenate([codes, np.full(k - 1, OTHER, np.uint8)])
    numbers = np.zeros(len(codes), dtype=np.int32)
    known = np.ones(len(codes), dtype=bool)
    for offset in range(k):
        letters = padded[offset : offset + len(codes)]
        numbers = numbers * len(BASES) + letters
        known &= letters < OTHER
    return np.where(known, numbers, -1)


def known_kmers(sequence: str, k: int) -> np.ndarray:
    """The numbers of the k-mers of a sequence in their order, without those that have an unknown letter."""
    numbers = kmer_numbers(base_codes(sequence), k)
    return numbers[numbers >= 0]
