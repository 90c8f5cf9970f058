"""The tokenizers that the study compares: those of the run, fixed ones beside them, and smaller vocabularies of BPE."""

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
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS
from workflow_scripts.settings.names import FIXED_KINDS, TOKENIZER_KINDS

REFERENCE = ("kmer_overlapping", 6)  # DNABERT's, against which the paper counts FLOPs
FIXED = {REFERENCE: "overlapping 6-mer", ("kmer", 6): "6-mer", ("nucleotide", 1): "nucleotide"}
SWEEP = tuple(2**power for power in range(8, 16))  # the paper's vocabulary sizes (figure 3)


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """A tokenizer with the name that the tables give it."""

    name: str
    kind: str
    tokenizer: Tokenizer

    @functools.cached_property
    def words(self) -> list[str]:
        """Words by id."""
        vocabulary = self.tokenizer.get_vocab()
        return sorted(vocabulary, key=vocabulary.__getitem__)

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Bases by id; a special token stands for one letter, an unknown one."""
        return np.array([1 if word in SPECIAL_TOKENS else len(word) for word in self.words])

    @property
    def k(self) -> int:
        """The length of the longest word."""
        return int(self.lengths.max())

    def encode(self, sequences: list[str]) -> list[np.ndarray]:
        """Token ids of each sequence, without [CLS] and [SEP]."""
        if self.kind in FIXED_KINDS:
            ids, counts = kmer_tokenizers.encode(sequences, self.kind, self.k)
            return np.split(ids, np.cumsum(counts)[:-1])
        encodings = self.tokenizer.encode_batch_fast(sequences, add_special_tokens=False)
        return [np.array(encoding.ids, dtype=np.uint16) for encoding in encodings]

    def spans(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first base and the number of bases of each token of a sequence."""
        if self.kind == "kmer_overlapping":
            return np.arange(len(ids)), np.full(len(ids), self.k)
        lengths = self.lengths[ids]
        return np.cumsum(lengths) - lengths, lengths


def load(folder: Path) -> Vocabulary:
    """A tokenizer directory with its ``stats.json``, which names the kind."""
    for name in ("tokenizer.json", "stats.json"):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: not there; a tokenizer directory of this workflow holds it")
    kind = read_json(folder / "stats.json").get("kind")
    if kind not in TOKENIZER_KINDS:
        raise UserError(f"{folder / 'stats.json'}: kind {kind!r} is not one of {', '.join(TOKENIZER_KINDS)}")
    return Vocabulary(folder.name, kind, Tokenizer.from_file(str(folder / "tokenizer.json")))


def with_fixed(vocabularies: Iterable[Vocabulary]) -> list[Vocabulary]:
    """The vocabularies, and each of the FIXED ones that is not among them."""
    vocabularies = list(vocabularies)
    present = {(vocabulary.kind, vocabulary.k) for vocabulary in vocabularies}
    fixed = [
        Vocabulary(name, kind, kmer_tokenizers.build(kind, k))
        for (kind, k), name in FIXED.items()
        if (kind, k) not in present
    ]
    return vocabularies + fixed


def prefix(tokenizer: Tokenizer, vocab_size: int) -> Tokenizer:
    """The BPE tokenizer that training would have given had it stopped at ``vocab_size`` entries.

    Training adds one merge after the other and never looks ahead, so a smaller vocabulary is the beginning of a
    larger one. A merge that makes a word anew takes no entry.
    """
    state = json.loads(tokenizer.to_str())
    model = state["model"]
    words = {word for word, number in model["vocab"].items() if number < vocab_size}
    made = set(model["vocab"]) - {left + right for left, right in model["merges"]}
    merges = []
    for left, right in model["merges"]:
        if len(made) == vocab_size:
            break
        merges.append([left, right])
        made.add(left + right)
    assert made == words, "entries are numbered in the order of the merges"
    model["merges"] = merges
    model["vocab"] = {word: number for word, number in model["vocab"].items() if number < vocab_size}
    return Tokenizer.from_str(json.dumps(state))


def sweep(vocabularies: Iterable[Vocabulary]) -> list[Vocabulary]:
    """The SWEEP sizes up to that of the largest BPE vocabulary, each a prefix of it; none without BPE."""
    trained = [vocabulary for vocabulary in vocabularies if vocabulary.kind == "bpe"]
    if not trained:
        return []
    largest = max(trained, key=lambda vocabulary: len(vocabulary.words))
    sizes = [size for size in SWEEP if size <= len(largest.words)]
    return [Vocabulary(f"{largest.name}, first {size:,}", "bpe", prefix(largest.tokenizer, size)) for size in sizes]
