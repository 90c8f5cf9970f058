"""The four bases: their ids behind the special tokens, the codes of their bytes, and the other strand."""

import numpy as np

from workflow_scripts.tokenizer.special import SPECIAL_TOKENS

BASES = "ACGT"
FIRST_BASE = len(SPECIAL_TOKENS)  # the id of A; those of the others follow
OTHER = len(BASES)  # the code of any letter but the four bases
BASE_CODES = np.full(256, OTHER, dtype=np.uint8)
BASE_CODES[np.frombuffer(BASES.encode(), np.uint8)] = range(len(BASES))
COMPLEMENT = str.maketrans("ACGTacgt", "TGCAtgca")


def reverse_complement(sequence: str) -> str:
    """The other strand, read in its own direction; letters that are no bases stay."""
    return sequence.translate(COMPLEMENT)[::-1]
