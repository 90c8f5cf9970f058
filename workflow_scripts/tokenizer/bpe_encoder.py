"""BPE encoding of DNA in one pass over the letters, with the ids of Hugging Face `tokenizers`.

A trained BPE vocabulary has this property: a row of tokens is the encoding of the letters that it spells exactly when
every two neighbours are, together, the encoding of theirs. So the encoder takes the longest token that fits behind the
last one, tries shorter ones where the two do not stand together, and takes the last one back where none does. Whether
two tokens stand together is told by undoing their merges at the border, latest first: they do not, if an earlier merge
would have joined the two sides. (github.com/github/rust-gems, crate bpe; Hendrik van Antwerpen and Alexander Neubeck,
"So many tokens, so little time", 2024.)

What it needs of a tokenizer is checked: ids in the order of the merges, and words that encode to themselves.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.numba_cache import compiled
from workflow_scripts.common.sequences import BASE_CODES, BASES, OTHER
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS, UNKNOWN

NONE = -1


class Encoder:
    """The tables of one tokenizer: its words as a tree by letters, and its merges."""

    def __init__(self, tokenizer: Tokenizer, path: Path):
        """``path`` names the tokenizer in an error. UserError for one that was not trained on DNA as BPE."""
        model = json.loads(tokenizer.to_str())["model"]
        merges = model.get("merges", [])
        words = [*SPECIAL_TOKENS, *BASES, *(left + right for left, right in merges)]
        ids = {word: token for token, word in enumerate(words)}
        self.halves = np.full((len(words), 2), NONE)
        for token, (left, right) in enumerate(merges, start=len(words) - len(merges)):
            self.halves[token] = ids.get(left, NONE), ids.get(right, NONE)
        spelled = tokenizer.encode_batch(words[len(SPECIAL_TOKENS) :], add_special_tokens=False)
        if (
            ids != model["vocab"]
            or np.any(self.halves.max(axis=1) >= np.arange(len(words)))
            or any(len(encoding.ids) > 1 for encoding in spelled)
        ):
            raise UserError(f"{path}: not a BPE vocabulary as training on DNA makes it; give its kind, or train one")
        self.lengths = np.array([len(word) for word in words])
        self.tree, self.token_at = word_tree({word: ids[word] for word in words[len(SPECIAL_TOKENS) :]})
        self.shorter = np.array([longest_beginning(word, ids) for word in words])
        self.merged = pair_table(self.halves)

    def encode(self, sequences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The ids of the sequences, without [CLS] and [SEP]; each letter but A, C, G and T is one [UNK].

        Returns the ids of all sequences one after the other (uint16), and the number of tokens of each (int64).
        """
        letters = np.frombuffer("".join(sequences).encode("ascii", "replace"), np.uint8)
        ends = np.cumsum([0, *map(len, sequences)])
        tables = (self.tree, self.token_at, self.lengths, self.shorter, self.halves, self.merged)
        return encode_all(BASE_CODES[letters], ends, *tables)


def longest_beginning(word: str, ids: dict[str, int]) -> int:
    """The longest token that a word begins with, other than itself; NONE if there is none."""
    return next((ids[word[:end]] for end in range(len(word) - 1, 0, -1) if word[:end] in ids), NONE)


def word_tree(words: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """Words by letters: the next node by (node, letter), (n, 4) int64, and the token that ends at each node, (n,)."""
    rows, tokens = [[NONE] * 4], [NONE]
    for word, token in words.items():
        node = 0
        for letter in word:
            code = BASES.index(letter)
            if rows[node][code] == NONE:
                rows[node][code] = len(rows)
                rows.append([NONE] * 4)
                tokens.append(NONE)
            node = rows[node][code]
        tokens[node] = token
    return np.array(rows, dtype=np.int64), np.array(tokens, dtype=np.int64)


def pair_table(halves: np.ndarray) -> np.ndarray:
    """The merges as a hash table with open addressing: rows (left, right, token), (2^n, 3) int64."""
    size = 1 << (4 * len(halves) - 1).bit_length()
    table = np.full((size, 3), NONE, dtype=np.int64)
    for token, (left, right) in enumerate(halves.tolist()):
        if left != NONE:
            slot = slot_of(left, right, size)
            while table[slot, 0] != NONE:
                slot = (slot + 1) % size
            table[slot] = left, right, token
    return table


@compiled
def slot_of(left, right, size):
    """Where the search for a pair begins."""
    return (left * 40503 + right * 2654435) & (size - 1)


@compiled
def find_merge(merged, left, right):
    """The token that a pair is merged to; NONE if it is not."""
    slot = slot_of(left, right, len(merged))
    while merged[slot, 0] != NONE:
        if merged[slot, 0] == left and merged[slot, 1] == right:
            return merged[slot, 2]
        slot = (slot + 1) & (len(merged) - 1)
    return NONE


@compiled
def stand_together(left, right, halves, merged):
    """Whether two tokens are the encoding of what they spell.

    Their merges are undone at the border, the latest first. Of merges of one pair the left one is the earlier, so
    a merge across the border must come before what is undone on its left and not after what is undone on its right.
    """
    limit = len(halves)
    while True:
        across = find_merge(merged, left, right)
        if across != NONE and across < limit:
            return False
        if left > right:
            limit = left
            left = halves[left, 1]
            if left == NONE:
                return True
        else:
            limit = right + 1
            right = halves[right, 0]
            if right == NONE:
                return True


@compiled
def longest_word(codes, place, tree, token_at):
    """The longest token that the letters from ``place`` on begin with."""
    node, token = 0, NONE
    while place < len(codes):
        node = tree[node, codes[place]]
        if node == NONE:
            break
        if token_at[node] != NONE:
            token = token_at[node]
        place += 1
    return token


@compiled
def encode_stretch(codes, ids, written, dead, tree, token_at, lengths, shorter, halves, merged):
    """Write the ids of known letters from ``ids[written]`` on; returns where they end.

    ``dead`` is room for len(codes) + 1 flags: where a token ended behind which nothing fits.
    """
    first, place = written, 0
    dead[: len(codes) + 1] = False
    token = longest_word(codes, 0, tree, token_at)
    while place < len(codes):
        end = place + lengths[token]
        if not dead[end] and (written == first or stand_together(int(ids[written - 1]), token, halves, merged)):
            ids[written] = token
            written += 1
            place = end
            token = longest_word(codes, place, tree, token_at)
        elif shorter[token] != NONE:
            token = shorter[token]
        else:
            dead[place] = True
            written -= 1
            token = int(ids[written])
            place -= lengths[token]
    return written


@compiled
def encode_all(codes, ends, tree, token_at, lengths, shorter, halves, merged):
    """See Encoder.encode; ``codes`` are 0 to 3 for bases and 4 for other letters."""
    ids = np.empty(ends[-1] - ends[0], dtype=np.uint16)
    counts = np.zeros(len(ends) - 1, dtype=np.int64)
    dead = np.empty(ends[-1] - ends[0] + 1, dtype=np.bool_)
    written = 0
    for number in range(len(counts)):
        before, place = written, ends[number]
        while place < ends[number + 1]:
            last = place
            while last < ends[number + 1] and codes[last] != OTHER:
                last += 1
            if last > place:
                stretch = codes[place:last]
                written = encode_stretch(stretch, ids, written, dead, tree, token_at, lengths, shorter, halves, merged)
                place = last
            else:
                ids[written] = UNKNOWN
                written += 1
                place += 1
        counts[number] = written - before
    return ids[:written], counts
