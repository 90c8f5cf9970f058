"""The four bases: their ids behind the special tokens, and the codes of their bytes."""

import numpy as np

from workflow_scripts.tokenizer.special import SPECIAL_TOKENS

BASES = "ACGT"
FIRST_BASE = len(SPECIAL_TOKENS)  # the id of A; those of the others follow
OTHER = len(BASES)  # the code of any letter but the four bases
BASE_CODES = np.full(256, OTHER, dtype=np.uint8)
BASE_CODES[np.frombuffer(BASES.encode(), np.uint8)] = range(len(BASES))
