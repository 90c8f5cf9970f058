"""From sequences to the tokens of a pre-trained model, by the tokenizer that lies in its directory."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import digest
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.finetune.data import Encoded, Text

FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json", "added_tokens.json")


def load_tokenizer(folder: Path, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    """The tokenizer of a model directory. Raises UserError where there is none that loads."""
    if not any((folder / name).is_file() for name in ("tokenizer.json", "vocab.txt")):
        raise UserError(f"{folder}: no tokenizer.json and no vocab.txt; a model directory holds its tokenizer")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trust_remote_code)
    except Exception as error:  # the library raises whatever its readers meet
        raise UserError(f"{folder}: its tokenizer does not load ({first_line(error)})") from error
    if tokenizer.pad_token_id is None:
        raise UserError(f"{folder}: its tokenizer has no padding token; name one in tokenizer_config.json (pad_token)")
    return tokenizer


def first_line(error: Exception) -> str:
    """The first line of what the library says, for an error of one line."""
    return str(error).strip().partition("\n")[0]


def kmers(sequence: str, k: int) -> str:
    """The overlapping k-mers of a sequence as words, as DNABERT reads them: ``ACGTA`` is ``ACG CGT GTA``."""
    return " ".join(sequence[start : start + k] for start in range(len(sequence) - k + 1))


class Encoder:
    """The tokenizer of a model directory, with what the model can take.

    ``kmer``: sequences are rewritten as overlapping k-mers first, 0 leaves them. ``longest``: tokens that the model
    has positions for, special ones included, 0 without limit. ``typed``: the model reads token types.
    """

    def __init__(self, folder: Path, tokenizer: PreTrainedTokenizerBase, kmer: int, longest: int, typed: bool):
        self.folder, self.tokenizer = folder, tokenizer
        self.kmer, self.longest, self.typed = kmer, longest, typed
        self.pad_id = tokenizer.pad_token_id

    @property
    def fingerprint(self) -> str:
        """A hash of all that the tokens of a sequence depend on: the tokenizer's files and how they are used."""
        files = [(path.name, digest(path)) for path in self._files()]
        return f"{stable_hash(files, self.kmer, self.longest, self.typed):016x}"

    def encode(self, texts: Sequence[Text], max_tokens: int) -> Encoded:
        """Tokens of sequences or pairs, cut to ``max_tokens`` and to what the model takes; 0 is the latter alone.

        Raises UserError where the tokenizer knows less than half of what the sequences are made of.
        """
        limit = min(filter(None, (max_tokens, self.longest)), default=0)
        if self.kmer:
            texts = [
                kmers(text, self.kmer) if isinstance(text, str) else tuple(kmers(half, self.kmer) for half in text)
                for text in texts
            ]
        encoded = self._by_library(texts, limit) if self.tokenizer.is_fast else self._by_python(texts, limit)
        self._check_known(np.concatenate(encoded.ids))
        return encoded

    def _check_known(self, ids: np.ndarray) -> None:
        framing = set(self.tokenizer.all_special_ids) - {self.tokenizer.unk_token_id}
        words = ids[~np.isin(ids, list(framing))]
        unknown = (words == self.tokenizer.unk_token_id).sum()
        if 2 * unknown > len(words):
            raise UserError(
                f"{self.folder}: {unknown / len(words):.0%} of the tokens are unknown to its tokenizer, which does not "
                f"fit these sequences; a DNABERT model needs its kmer, and letters must be in the case it knows"
            )

    def _by_library(self, texts: Sequence[Text], limit: int) -> Encoded:
        """Encode with the compiled tokenizer; token types tell the halves of a pair apart."""
        backend = self.tokenizer.backend_tokenizer
        backend.no_padding()
        if limit:
            backend.enable_truncation(limit)
        else:
            backend.no_truncation()
        encodings = backend.encode_batch(texts)
        paired = self.typed and not isinstance(texts[0], str)
        return Encoded(
            ids=[np.array(encoding.ids) for encoding in encodings],
            types=[np.array(encoding.type_ids) for encoding in encodings] if paired else None,
            truncated=sum(bool(encoding.overflowing) for encoding in encodings) / len(encodings),
        )

    def _by_python(self, texts: Sequence[Text], limit: int) -> Encoded:
        """Encode with a tokenizer that is not compiled (Nucleotide Transformer).

        Its halves of a pair stand one behind the other: it has no token between them, and its model no token types.
        In the released train.py padding stands there, which the attention mask hides.
        """
        room = limit - self.tokenizer.num_special_tokens_to_add() if limit else None
        ids, cut = [], 0
        for text in texts:
            words = [
                word for part in ([text] if isinstance(text, str) else text) for word in self.tokenizer.tokenize(part)
            ]
            numbers = self.tokenizer.convert_tokens_to_ids(words)
            cut += room is not None and len(numbers) > room
            ids.append(np.array(self.tokenizer.build_inputs_with_special_tokens(numbers[:room])))
        return Encoded(ids, types=None, truncated=cut / len(ids))

    def _files(self) -> list[Path]:
        return [self.folder / name for name in FILES if (self.folder / name).is_file()]

    def save(self, folder: Path) -> None:
        """Copy the tokenizer's files."""
        for path in self._files():
            shutil.copyfile(path, folder / path.name)
