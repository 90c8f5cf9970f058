"""The tokenizers that the study compares: those of the run, fixed ones, and smaller BPE vocabularies."""

import dataclasses
import functools
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json
from workflow_scripts.inference.spelling import Spelling
from workflow_scripts.settings.names import FIXED_KINDS, TOKENIZER_KINDS

REFERENCE = ("kmer_overlapping", 6)  # DNABERT's, to which the paper compares FLOPs
FIXED = {REFERENCE: "overlapping 6-mer", ("kmer", 6): "6-mer", ("nucleotide", 1): "nucleotide"}
SWEEP = tuple(2**power for power in range(8, 16))  # the paper's vocabulary sizes (figure 3)


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """A tokenizer with its name in the tables."""

    name: str
    kind: str
    tokenizer: Tokenizer

    @functools.cached_property
    def words(self) -> list[str]:
        """Words by id."""
        vocabulary = self.tokenizer.get_vocab()
        return sorted(vocabulary, key=vocabulary.__getitem__)

    @functools.cached_property
    def spelling(self) -> Spelling:
        """The bases of each token."""
        return Spelling(self.tokenizer)

    @property
    def lengths(self) -> np.ndarray:
        """Number of bases by id; 1 for special tokens, because [UNK] stands for one letter."""
        return self.spelling.lengths

    @property
    def k(self) -> int:
        """Length of the longest word."""
        return int(self.lengths.max())

    def encode(self, sequences: list[str]) -> list[np.ndarray]:
        """Token ids of each sequence, without [CLS] and [SEP]."""
        if self.kind in FIXED_KINDS:
            ids, counts = kmer_tokenizers.encode(sequences, self.kind, self.k)
            return np.split(ids, np.cumsum(counts)[:-1])
        encodings = self.tokenizer.encode_batch_fast(sequences, add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.uint16) for encoding in encodings]


def load(folder: Path) -> Vocabulary:
    """Load a tokenizer directory, whose ``stats.json`` has the kind. Raises UserError for missing or wrong files."""
    for name in ("tokenizer.json", "stats.json"):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: no such file; give a tokenizer directory of this workflow")
    kind = read_json(folder / "stats.json").get("kind")
    if kind not in TOKENIZER_KINDS:
        raise UserError(f"{folder / 'stats.json'}: kind {kind!r} is not one of {', '.join(TOKENIZER_KINDS)}")
    return Vocabulary(folder.name, kind, Tokenizer.from_file(str(folder / "tokenizer.json")))


def with_fixed(vocabularies: Iterable[Vocabulary]) -> list[Vocabulary]:
    """The vocabularies, followed by those of FIXED that are not among them."""
    vocabularies = list(vocabularies)
    present = {(vocabulary.kind, vocabulary.k) for vocabulary in vocabularies}
    fixed = [
        Vocabulary(name, kind, kmer_tokenizers.build(kind, k))
        for (kind, k), name in FIXED.items()
        if (kind, k) not in present
    ]
    return vocabularies + fixed


def prefix(tokenizer: Tokenizer, vocab_size: int) -> Tokenizer:
    """The BPE tokenizer that training with ``vocab_size`` entries would have given.

    Training adds merges one by one without looking ahead, so a smaller vocabulary is a prefix of a larger one. A merge
    that spells an existing word adds no entry.
    """
    state = json.loads(tokenizer.to_str())
    model = state["model"]
    words = {word for word, number in model["vocab"].items() if number < vocab_size}
    entries = set(model["vocab"]) - {left + right for left, right in model["merges"]}
    merges = []
    for left, right in model["merges"]:
        if len(entries) == vocab_size:
            break
        merges.append([left, right])
        entries.add(left + right)
    assert entries == words, "entries are numbered in the order of the merges"
    model["merges"] = merges
    model["vocab"] = {word: number for word, number in model["vocab"].items() if number < vocab_size}
    return Tokenizer.from_str(json.dumps(state))


def sweep(vocabularies: Iterable[Vocabulary]) -> list[Vocabulary]:
    """Prefixes of the largest BPE vocabulary with the sizes of SWEEP; none without a BPE vocabulary."""
    trained = [vocabulary for vocabulary in vocabularies if vocabulary.kind == "bpe"]
    if not trained:
        return []
    largest = max(trained, key=lambda vocabulary: len(vocabulary.words))
    sizes = [size for size in SWEEP if size <= len(largest.words)]
    return [Vocabulary(f"{largest.name}, first {size:,}", "bpe", prefix(largest.tokenizer, size)) for size in sizes]
