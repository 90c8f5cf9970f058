"""What the tokens of a row spell: their bases, the bases that each covers, and those that visible tokens show."""

from functools import cached_property

import numpy as np
from tokenizers import Tokenizer

from workflow_scripts.common.sequences import OTHER, base_codes
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS


class Spelling:
    """The bases of each token of a tokenizer, by id. A special token stands for one unknown letter."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        vocabulary = tokenizer.get_vocab()
        words = sorted(vocabulary, key=vocabulary.__getitem__)
        self.words = ["N" if word in SPECIAL_TOKENS else word for word in words]
        self.lengths = np.array([len(word) for word in self.words])
        sequence = "ACGT" * 16
        tokens = tokenizer.encode(sequence, add_special_tokens=False).tokens
        self.overlapping = sum(map(len, tokens)) > len(sequence)

    @cached_property
    def codes(self) -> np.ndarray:
        """Codes of the bases (see common.sequences) of each token [tokens, longest token], padded with OTHER."""
        table = np.full((len(self.words), self.lengths.max()), OTHER, np.uint8)
        for number, word in enumerate(self.words):
            table[number, : len(word)] = base_codes(word)
        return table

    def spans(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First base and number of bases of each token of a sequence."""
        if self.overlapping:
            return np.arange(len(ids)), np.full(len(ids), self.lengths.max())
        lengths = self.lengths[ids]
        return np.cumsum(lengths) - lengths, lengths

    def bases(self, ids: np.ndarray) -> np.ndarray:
        """Codes of all bases of a sequence of tokens (uint8)."""
        if self.overlapping and len(ids):
            return np.concatenate([self.codes[ids[:-1], 0], self.codes[ids[-1]]])
        return self.codes[ids][np.arange(self.codes.shape[1]) < self.lengths[ids, None]]


def uncovered(starts: np.ndarray, lengths: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Whether no token that is ``shown`` [tokens] covers a base, for each base of a sequence.

    ``starts``, ``lengths``: bases that each token covers, see Spelling.spans.
    """
    bases = int((starts + lengths).max(initial=0))
    cover = np.zeros(bases + 1, dtype=np.int64)
    np.add.at(cover, starts[shown], 1)
    np.add.at(cover, (starts + lengths)[shown], -1)
    return np.cumsum(cover)[:bases] == 0


def hidden_bases(starts: np.ndarray, lengths: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Of each token, how many of its bases no token that is ``shown`` covers, [tokens].

    Tokens side by side that are not shown hide all their bases; an overlapping k-mer hides none, unless its neighbours
    are not shown either.
    """
    before = np.concatenate([[0], np.cumsum(uncovered(starts, lengths, shown))])
    return before[starts + lengths] - before[starts]
