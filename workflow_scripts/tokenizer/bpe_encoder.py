"""BPE encoding of DNA in one pass over the letters, with the ids of Hugging Face `tokenizers`.

With a trained BPE vocabulary a token sequence is the encoding of its letters if and only if every adjacent pair is the
encoding of the pair's letters. So the encoder takes the longest token after the last one, tries shorter ones if the
pair is not valid, and removes the last token if none is. Whether a pair is valid follows from undoing the merges at its
border, latest first: it is not if an earlier merge would have joined the two sides. (github.com/github/rust-gems, crate
bpe; Hendrik van Antwerpen and Alexander Neubeck, "So many tokens, so little time", 2024.)

The encoder checks that the tokenizer's ids are in the order of its merges and that words encode to themselves.
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
    """The tables of one tokenizer: its words as a prefix tree, and its merges."""

    def __init__(self, tokenizer: Tokenizer, path: Path):
        """``path``: file of the tokenizer, for errors. Raises UserError for one that is not a BPE trained on DNA."""
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
            raise UserError(f"{path}: not a BPE vocabulary trained on DNA; give its kind, or train one")
        self.lengths = np.array([len(word) for word in words])
        self.tree, self.token_at = word_tree({word: ids[word] for word in words[len(SPECIAL_TOKENS) :]})
        self.shorter = np.array([longest_prefix(word, ids) for word in words])
        self.merged = pair_table(self.halves)

    def encode(self, sequences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The ids of the sequences, without [CLS] and [SEP]; each letter that is no base is one [UNK].

        Returns the ids of all sequences end to end (uint16), and the number of tokens of each (int64).
        """
        letters = np.frombuffer("".join(sequences).encode("ascii", "replace"), np.uint8)
        ends = np.cumsum([0, *map(len, sequences)])
        tables = (self.tree, self.token_at, self.lengths, self.shorter, self.halves, self.merged)
        return encode_all(BASE_CODES[letters], ends, *tables)


def longest_prefix(word: str, ids: dict[str, int]) -> int:
    """The longest token that is a prefix of a word, but not the word itself; NONE if there is none."""
    return next((ids[word[:end]] for end in range(len(word) - 1, 0, -1) if word[:end] in ids), NONE)


def word_tree(words: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    """The prefix tree: the next node by (node, letter), (n, 4) int64, and the token that ends at each node, (n,)."""
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
def slot_of(left: int, right: int, size: int) -> int:
    """The slot at which the search for a pair starts."""
    return (left * 40503 + right * 2654435) & (size - 1)


@compiled
def find_merge(merged: np.ndarray, left: int, right: int) -> int:
    """The token that a pair is merged to; NONE if there is no such merge."""
    slot = slot_of(left, right, len(merged))
    while merged[slot, 0] != NONE:
        if merged[slot, 0] == left and merged[slot, 1] == right:
            return merged[slot, 2]
        slot = (slot + 1) & (len(merged) - 1)
    return NONE


@compiled
def is_valid_pair(left: int, right: int, halves: np.ndarray, merged: np.ndarray) -> bool:
    """Whether two tokens are the encoding of their letters.

    Undoes the merges at the border, latest first. Merges of the same pair are applied from left to right, so a merge
    across the border must be earlier than the one undone on its left, and not later than the one undone on its right.
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
def longest_word(codes: np.ndarray, place: int, tree: np.ndarray, token_at: np.ndarray) -> int:
    """The longest token that starts at ``place``."""
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
def encode_run(
    codes: np.ndarray,
    ids: np.ndarray,
    written: int,
    dead_ends: np.ndarray,
    tree: np.ndarray,
    token_at: np.ndarray,
    lengths: np.ndarray,
    shorter: np.ndarray,
    halves: np.ndarray,
    merged: np.ndarray,
) -> int:
    """Write the ids of a run of known letters from ``ids[written]`` on; returns their end.

    ``dead_ends``: memory for len(codes) + 1 flags of positions after which no token is valid.
    """
    first, place = written, 0
    dead_ends[: len(codes) + 1] = False
    token = longest_word(codes, 0, tree, token_at)
    while place < len(codes):
        end = place + lengths[token]
        if not dead_ends[end] and (written == first or is_valid_pair(int(ids[written - 1]), token, halves, merged)):
            ids[written] = token
            written += 1
            place = end
            token = longest_word(codes, place, tree, token_at)
        elif shorter[token] != NONE:
            token = shorter[token]
        else:
            dead_ends[place] = True
            written -= 1
            token = int(ids[written])
            place -= lengths[token]
    return written


@compiled
def encode_all(
    codes: np.ndarray,
    ends: np.ndarray,
    tree: np.ndarray,
    token_at: np.ndarray,
    lengths: np.ndarray,
    shorter: np.ndarray,
    halves: np.ndarray,
    merged: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """See Encoder.encode; ``codes``: 0 to 3 for bases, 4 for other letters."""
    ids = np.empty(ends[-1] - ends[0], dtype=np.uint16)
    counts = np.zeros(len(ends) - 1, dtype=np.int64)
    dead_ends = np.empty(ends[-1] - ends[0] + 1, dtype=np.bool_)
    written = 0
    for number in range(len(counts)):
        before, place = written, ends[number]
        while place < ends[number + 1]:
            last = place
            while last < ends[number + 1] and codes[last] != OTHER:
                last += 1
            if last > place:
                run = codes[place:last]
                written = encode_run(run, ids, written, dead_ends, tree, token_at, lengths, shorter, halves, merged)
                place = last
            else:
                ids[written] = UNKNOWN
                written += 1
                place += 1
        counts[number] = written - before
    return ids[:written], counts
