"""Tokenizers with a fixed vocabulary: overlapping k-mers, non-overlapping k-mers, single nucleotides.

They need no training. Each is a ``tokenizer.json`` that encodes a plain DNA string, with the special tokens and the
template of the BPE tokenizers; the words follow in alphabetical order.

====================  =====================  ==================================================================
kind                  words                  a sequence of n bases becomes
====================  =====================  ==================================================================
``kmer_overlapping``  4^k k-mers             n - k + 1 k-mers, one starting at each base (DNABERT); none if n < k
``kmer``              A C G T, 4^k k-mers    k-mers from the left, the rest base by base (Nucleotide Transformer)
``nucleotide``        A C G T                n bases
====================  =====================  ==================================================================

Case does not matter and U is T; any other letter is unknown. Overlapping k-mers that contain one are [UNK]; the other
two kinds write one [UNK] for the letter and continue after it. ``decode`` spells the sequence, except for overlapping
k-mers, which the library writes with blanks between them (see `spell`).

The library is slow for overlapping k-mers, because it rewrites the text first. `encode` gives the same ids many times
faster and is used for whole corpora. The neighbours of a masked overlapping k-mer reveal it (the study of tokenizers
counts how often), so its masked-language-model loss is not comparable with that of the other kinds.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from workflow_scripts.common.sequences import BASE_CODES, BASES, OTHER, kmer_numbers
from workflow_scripts.common.special_tokens import FIRST_BASE, SPECIAL_TOKENS, UNKNOWN, add_template
from workflow_scripts.common.tokenizer_letters import letter_normalizers

MAX_K = 7  # ids of 4^8 words and the special tokens do not fit 16 bits


def build(kind: str, k: int = 1) -> Tokenizer:
    """The tokenizer of a kind.

    Raises ValueError unless ``k`` is 1 to MAX_K for overlapping k-mers, 2 to MAX_K for k-mers, 1 for nucleotides.
    """
    words = [*SPECIAL_TOKENS, *_words(kind, k)]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    if kind == "kmer_overlapping":
        tokenizer.normalizer = normalizers.Sequence([*letter_normalizers(), *_overlapping(k)])
        tokenizer.pre_tokenizer = pre_tokenizers.Split("|", "removed")
    else:
        tokenizer.normalizer = normalizers.Sequence(letter_normalizers())
        pieces = Regex(f"[{BASES}]{{{k}}}|[{BASES}]|[^{BASES}]")
        tokenizer.pre_tokenizer = pre_tokenizers.Split(pieces, "isolated")
        tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(SPECIAL_TOKENS)
    add_template(tokenizer)
    return tokenizer


def _words(kind: str, k: int) -> list[str]:
    smallest = {"kmer_overlapping": 1, "kmer": 2, "nucleotide": 1}[kind]
    largest = 1 if kind == "nucleotide" else MAX_K
    if not smallest <= k <= largest:
        raise ValueError(f"k {k} of {kind} is not in {smallest} to {largest}")
    kmers = ["".join(letters) for letters in itertools.product(BASES, repeat=k)]
    return [*BASES, *kmers] if kind == "kmer" else kmers


def _overlapping(k: int) -> list[normalizers.Normalizer]:
    """Rewrite ``ACGTA`` to ``|ACG|CGT|GTA`` (k = 3), because the pieces of a pre-tokenizer cannot overlap.

    First a bar is inserted before every base. Then k - 1 rounds extend every piece by the last base of the next piece.
    A piece stops growing at an unknown letter, and a piece that is too short is not a word. At the end the last k - 1
    pieces, which reach the end of the sequence, are removed.
    """
    rewrites: list[normalizers.Normalizer] = [
        normalizers.Replace(Regex(f"[^{BASES}]"), "N"),
        normalizers.Replace(Regex("(?=.)"), "|"),
    ]
    for length in range(1, k):
        for base in BASES:
            next_base = Regex(rf"(?<=[^|])(?=\|[{BASES}]{{{length - 1}}}{base})")
            rewrites.append(normalizers.Replace(next_base, base))
    if k > 1:
        rewrites.append(normalizers.Replace(Regex(rf"(\|[^|]*){{1,{k - 1}}}$"), ""))
    return rewrites


def encode(sequences: Sequence[str], kind: str, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The ids of the sequences by ``build(kind, k)``, without [CLS] and [SEP].

    Returns the ids of all sequences end to end (uint16), and the number of tokens of each (int64).
    """
    codes = BASE_CODES[np.frombuffer("".join(sequences).encode("ascii", "replace"), np.uint8)]
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int64)
    ends = np.cumsum(lengths)
    begin = _overlapping_ids if kind == "kmer_overlapping" else _side_by_side_ids
    ids, starts = begin(codes, lengths, ends, k, FIRST_BASE + (len(BASES) if kind == "kmer" else 0))
    tokens_before = np.concatenate([[0], np.cumsum(starts)])
    return ids[starts].astype(np.uint16), tokens_before[ends] - tokens_before[ends - lengths]


def _overlapping_ids(
    codes: np.ndarray, lengths: np.ndarray, ends: np.ndarray, k: int, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """The id of the token that starts at each position, and whether a token starts there."""
    numbers = kmer_numbers(codes, k)
    to_the_end = np.repeat(ends, lengths) - np.arange(len(codes))
    return np.where(numbers >= 0, first + numbers, UNKNOWN), to_the_end >= k


def _side_by_side_ids(
    codes: np.ndarray, lengths: np.ndarray, ends: np.ndarray, k: int, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """As _overlapping_ids. Every run of known letters is cut into k-mers from its left end, the rest into bases."""
    known = codes < OTHER
    run_starts = ~known
    run_starts[1:] |= ~known[:-1]
    run_starts[(ends - lengths)[lengths > 0]] = True
    begins = np.flatnonzero(run_starts)
    run_lengths = np.diff(begins, append=len(codes))
    place = np.arange(len(codes)) - np.repeat(begins, run_lengths)
    cut = np.repeat(run_lengths - run_lengths % k, run_lengths)  # bases of the run in whole k-mers
    whole = place < cut
    ids = np.where(whole, first + kmer_numbers(codes, k), FIRST_BASE + codes.astype(np.int32))
    return np.where(known, ids, UNKNOWN), ~whole | (place % k == 0)


def spell(tokens: Sequence[str], kind: str) -> str:
    """The sequence of known tokens: overlapping k-mers after the first one add only their last base."""
    if kind == "kmer_overlapping":
        return "".join([*tokens[:1], *(token[-1] for token in tokens[1:])])
    return "".join(tokens)
