"""The tokenizer of a model directory: from sequences to tokens, and from each token to its bases."""

import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import transformers
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import digest, read_json, write_json
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.model_files import TOKENIZER_FILES, VOCABULARIES
from workflow_scripts.common.tokenizer_files import copy_tokenizer
from workflow_scripts.inference.encoding import NO_BASES, Encoded, Text, sequences_of

PADDINGS = ("[PAD]", "<pad>")
"""Words for padding, for a tokenizer that names none."""
PROBE = "ACGT" * 15
"""A sequence that every tokenizer of DNA knows: also one of non-overlapping words of 2 to 6 bases without a rest."""


def load_tokenizer(folder: Path, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """The tokenizer of a model directory, with a padding token. Raises UserError if there is none that loads."""
    code = code_of(folder)
    if code and not trust_remote_code:
        raise UserError(f"{folder}: its tokenizer is code of its own, which runs with trust_remote_code: true")
    if not code and not any((folder / name).is_file() for name in VOCABULARIES):
        raise UserError(f"{folder}: no {' and no '.join(VOCABULARIES)}; a model directory holds its tokenizer")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
        ends = tokenizer(PROBE)["input_ids"][-1]
    except Exception as error:  # the library raises whatever its readers meet
        hint = version_hint(folder) if code else ""
        raise UserError(f"{folder}: its tokenizer does not load ({first_line(error)}){hint}") from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = next((word for word in PADDINGS if word in tokenizer.get_vocab()), None)
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token_id is None or tokenizer.eos_token_id == ends:
            named = "name one in tokenizer_config.json (pad_token)"
            raise UserError(f"{folder}: its tokenizer has no padding token; {named}")
        tokenizer.pad_token = tokenizer.eos_token  # no text contains it
    return tokenizer


def code_of(folder: Path) -> list[Path]:
    """The Python files of a directory if its tokenizer is code, else none."""
    try:
        described = read_json(folder / "tokenizer_config.json")
    except (OSError, ValueError):
        return []
    return sorted(folder.glob("*.py")) if "auto_map" in described else []


def version_hint(folder: Path) -> str:
    """Which version of the library the code of a directory was written for, if it was another one; else empty."""
    try:
        written = read_json(folder / "config.json").get("transformers_version")
    except (OSError, ValueError):
        return ""
    if written in (None, transformers.__version__):
        return ""
    written = written.partition(".dev")[0]
    return (
        f"; its code was written for transformers {written}, this is {transformers.__version__}: name an environment "
        f"with that version or a later one that still runs it (environment: in the entry of the model)"
    )


def first_line(error: Exception) -> str:
    """The first line of a library's message, for an error of one line.

    torch refuses a pickle of more than tensors with the advice to load it all the same, which would run its code.
    """
    if isinstance(error, UnpicklingError):
        return "its .bin file holds more than tensors, which could run code, so it is not read; get safetensors"
    return str(error).strip().partition("\n")[0]


def kmers(sequence: str, k: int) -> str:
    """The overlapping k-mers of a sequence as words, as DNABERT reads them: ``ACGTA`` is ``ACG CGT GTA``."""
    return " ".join(sequence[start : start + k] for start in range(len(sequence) - k + 1))


class TokenizerEncoder:
    """The tokenizer of a model directory, with the limits of the model; an :class:`encoding.Encoder`.

    ``kmer``: sequences are rewritten as overlapping k-mers first; 0 leaves them as they are. ``longest``: tokens that
    the model has positions for, special tokens included; 0 if there is no limit. ``typed``: the model reads token
    types. ``ignores_padding``: texts of different lengths can share a batch.
    """

    def __init__(
        self,
        folder: Path,
        tokenizer: PreTrainedTokenizerBase,
        kmer: int,
        longest: int,
        typed: bool,
        ignores_padding: bool = True,
    ):
        self.folder = folder
        # transformers 5 types ids and tokens by the union of all its calls
        self.tokenizer: Any = tokenizer
        self.kmer, self.longest, self.typed = kmer, longest, typed
        self.pad_id: int | None = self.tokenizer.pad_token_id if ignores_padding else None

    @property
    def fingerprint(self) -> str:
        """A hash of the tokenizer's files and of how they are used."""
        files = [(path.name, digest(path)) for path in self._files()]
        return f"{stable_hash(files, self.kmer, self.longest, self.typed):016x}"

    def encode(self, texts: Sequence[Text], max_tokens: int, spans: bool = False) -> Encoded:
        """Tokens of texts in canonical letters, cut to ``max_tokens``, if not 0, and to what the model takes.

        Raises UserError if the tokenizer does not know upper-case DNA.
        """
        if self._unknown_dna:
            raise UserError(
                f"{self.folder}: {self._unknown_dna:.0%} of the tokens of {PROBE[:8]}... are unknown to its tokenizer, "
                f"which does not fit DNA; a DNABERT model needs its kmer"
            )
        return self._encode(texts, self.limit(max_tokens), spans)

    def limit(self, max_tokens: int) -> int:
        """The number of tokens that texts are cut to: ``max_tokens`` or what the model takes; 0 if neither limits."""
        return min(filter(None, (max_tokens, self.longest)), default=0)

    def save(self, folder: Path) -> None:
        """Copy the tokenizer's files; a tokenizer.json then reads sequences in any case, and RNA."""
        for path in self._files():
            (copy_tokenizer if path.name == "tokenizer.json" else shutil.copyfile)(path, folder / path.name)
        described = folder / "tokenizer_config.json"
        if self.tokenizer.pad_token == self.tokenizer.eos_token and described.is_file():
            write_json(described, read_json(described) | {"pad_token": self.tokenizer.pad_token})

    @cached_property
    def _unknown_dna(self) -> float:
        return self._encode([PROBE], 0, False).unknown

    def _encode(self, texts: Sequence[Text], limit: int, spans: bool) -> Encoded:
        words = [tuple(self._words(sequence) for sequence in sequences_of(text)) for text in texts]
        return (self._by_library if self.tokenizer.is_fast else self._by_python)(words, limit, spans)

    def _files(self) -> list[Path]:
        return [self.folder / name for name in TOKENIZER_FILES if (self.folder / name).is_file()] + code_of(self.folder)

    def _words(self, sequence: str) -> str:
        return kmers(sequence, self.kmer) if self.kmer else sequence

    def _unknown(self, ids: list[np.ndarray]) -> float:
        """The share of tokens that are [UNK], without special tokens."""
        every, unknown = np.concatenate(ids), self.tokenizer.unk_token_id
        special = set(self.tokenizer.all_special_ids) - {unknown}
        words = every[~np.isin(every, list(special))]
        return float((words == unknown).sum() / max(len(words), 1))

    def _by_library(self, words: list[tuple[str, ...]], limit: int, spans: bool) -> Encoded:
        """Encode with the compiled tokenizer; token types tell the sequences of a pair apart."""
        backend = self.tokenizer.backend_tokenizer
        backend.no_padding()
        if limit:
            backend.enable_truncation(limit)
        else:
            backend.no_truncation()
        paired = len(words[0]) == 2
        encodings = backend.encode_batch(words if paired else [text for (text,) in words])
        ids = [np.array(encoding.ids) for encoding in encodings]
        cut = np.array([bool(encoding.overflowing) for encoding in encodings])
        return Encoded(
            ids=ids,
            types=[np.array(encoding.type_ids) for encoding in encodings] if self.typed and paired else None,
            truncated=float(cut.mean()),
            unknown=self._unknown(ids),
            spans=[self._spans(encoding.sequence_ids, encoding.offsets) for encoding in encodings] if spans else None,
            cut=cut,
        )

    def _by_python(self, words: list[tuple[str, ...]], limit: int, spans: bool) -> Encoded:
        """Encode with a tokenizer that is not compiled (Nucleotide Transformer).

        The tokens of a pair follow each other: the tokenizer has no token between them, and its model no token types.
        The released train.py has padding there, which the attention mask hides.
        """
        capacity = limit - self.tokenizer.num_special_tokens_to_add() if limit else None
        framed = self.tokenizer.build_inputs_with_special_tokens
        before = framed([None]).index(None)  # special tokens at the beginning
        ids, places, cut = [], [], np.zeros(len(words), dtype=bool)
        for entry, text in enumerate(words):
            tokens = [self.tokenizer.tokenize(sequence) for sequence in text]
            numbers = [number for part in tokens for number in self.tokenizer.convert_tokens_to_ids(part)][:capacity]
            cut[entry] = len(numbers) < sum(map(len, tokens))
            ids.append(np.array(framed(numbers)))
            if spans:
                found = [place for number, part in enumerate(tokens) for place in self._found(part, text[number])]
                sources = [None] * before + [number for number, part in enumerate(tokens) for _ in part][:capacity]
                offsets = [(0, 0)] * before + found[:capacity]
                after = len(ids[-1]) - len(offsets)
                places.append(self._spans(sources + [None] * after, offsets + [(0, 0)] * after))
        return Encoded(ids, None, float(cut.mean()), self._unknown(ids), places if spans else None, cut)

    def _found(self, tokens: list[str], text: str) -> list[tuple[int, int]]:
        """Where each token is in the text. Raises UserError if the tokenizer rewrites what it reads."""
        offsets, end = [], 0
        for token in tokens:
            start = text.find(token, end)
            if start < 0:
                raise UserError(f"{self.folder}: its tokenizer rewrites sequences, so no token has a place in them")
            end = start + len(token)
            offsets.append((start, end))
        return offsets

    def _spans(self, sources: Sequence[int | None], offsets: Sequence[tuple[int, int]]) -> np.ndarray:
        """Spans [tokens, 3], see Encoded, from the sequence of each token and its letters in the words of that."""
        spans = np.array([NO_BASES if source is None else (source, 0, 0) for source in sources]).reshape(-1, 3)
        inside = spans[:, 0] >= 0
        letters = np.array(offsets).reshape(-1, 2)[inside]
        start, last = letters[:, 0], letters[:, 1] - 1
        if self.kmer:  # word n begins with base n, and a space is after each word
            start, last = (place // (self.kmer + 1) + place % (self.kmer + 1) for place in (start, last))
        end = start + self._word_length if self._word_length else last + 1
        spans[inside, 1:] = np.stack([start, end], axis=1)
        return spans

    @cached_property
    def _word_length(self) -> int:
        """Bases of every word of the vocabulary, 0 if their lengths differ.

        Of overlapping k-mers the library gives the first base only, because it cannot tell that words overlap.
        """
        words = self.tokenizer.get_vocab().keys() - set(self.tokenizer.all_special_tokens)
        lengths = {len(word) for word in words}
        return lengths.pop() if len(lengths) == 1 else 0
