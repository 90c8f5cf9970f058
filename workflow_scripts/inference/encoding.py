"""Texts in tokens, and batches of them: what every model of this project reads.

A text is one DNA sequence or a pair of them. Its tokens are numbers of a vocabulary; a span says which bases of which
sequence a token stands for.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.letters import canonical
from workflow_scripts.common.sequences import reverse_complement

Text = str | tuple[str, str]

TOKENS_AT_ONCE = 16_384
"""Tokens of a batch for prediction, padding included: bounds the memory whatever the lengths of the texts."""
NO_BASES = (-1, 0, 0)
"""The span of a token that stands for no base, such as [CLS]."""


@dataclasses.dataclass(frozen=True)
class Encoded:
    """The tokens of some texts.

    ``ids``: of each text an integer array [tokens]. ``types``: token types of the same shapes, for pairs and models
    that read them, else None. ``truncated``: share of the texts that were cut. ``unknown``: share of the tokens that
    the model does not know, without special ones. ``spans``: of each text an integer array [tokens, 3] of sequence
    (0 or 1, the second of a pair), start and end; bases are counted from 0, the end is not included, and a token
    without bases has NO_BASES. None unless asked for. ``cut``: which texts were cut, bool [texts]; None if only their
    share is known.
    """

    ids: list[np.ndarray]
    types: list[np.ndarray] | None
    truncated: float
    unknown: float
    spans: list[np.ndarray] | None = None
    cut: np.ndarray | None = None


class Encoder(Protocol):
    """Turns texts into the tokens of one model."""

    @property
    def pad_id(self) -> int | None:
        """The id that fills short rows of a batch; None if only texts of the same length can share one."""

    @property
    def fingerprint(self) -> str:
        """A hash of all that the tokens of a text depend on."""

    def encode(self, texts: Sequence[Text], max_tokens: int, spans: bool = False) -> Encoded:
        """Tokens of texts, of one sequence each or all pairs, cut to ``max_tokens`` (0: to what the model takes)."""

    def save(self, folder: Path) -> None:
        """Write the files of the tokenizer, if there are any."""


def sequences_of(text: Text) -> tuple[str, ...]:
    """The one or two sequences of a text."""
    return (text,) if isinstance(text, str) else text


def canonical_texts(texts: Sequence[Text]) -> list[Text]:
    """The texts in upper case with T for U. Raises UserError for one that letters.py refuses."""
    found: list[Text] = []
    for number, text in enumerate(texts, start=1):
        try:
            found.append(canonical(text) if isinstance(text, str) else (canonical(text[0]), canonical(text[1])))
        except ValueError as error:
            raise UserError(f"sequence {number} of {len(texts)}: {error}") from None
    return found


def other_strand(text: Text) -> Text:
    """The reverse complement of a sequence, or of both of a pair, which keep their places."""
    if isinstance(text, str):
        return reverse_complement(text)
    first, second = text
    return reverse_complement(first), reverse_complement(second)


def by_length(encoded: Encoded, batch_size: int) -> Iterator[np.ndarray]:
    """Batches for prediction, as indices of texts; texts of similar length share a batch, so little is padding.

    A batch has ``batch_size`` texts at most, and no more tokens than TOKENS_AT_ONCE unless one text has.
    """
    lengths = np.array([len(ids) for ids in encoded.ids])
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = lengths[order[start : start + batch_size]]  # ascending: a batch is as long as its last text
        fitting = int((longest * np.arange(1, len(longest) + 1) <= TOKENS_AT_ONCE).sum())
        yield order[start : start + max(fitting, 1)]
        start += max(fitting, 1)


def collate(encoded: Encoded, entries: np.ndarray, pad_id: int, device: torch.device) -> dict[str, torch.Tensor]:
    """The model's inputs for some texts, each int64 [entries, longest of them]; ``entries`` are their indices."""
    longest = max(len(encoded.ids[entry]) for entry in entries)
    ids = np.full((len(entries), longest), pad_id)
    mask = np.zeros((len(entries), longest), dtype=np.int64)
    types = np.zeros((len(entries), longest), dtype=np.int64)
    for line, entry in enumerate(entries):
        length = len(encoded.ids[entry])
        ids[line, :length] = encoded.ids[entry]
        mask[line, :length] = 1
        if encoded.types is not None:
            types[line, :length] = encoded.types[entry]
    batch = {"input_ids": ids, "attention_mask": mask}
    if encoded.types is not None:
        batch["token_type_ids"] = types
    return {name: torch.from_numpy(array).to(device) for name, array in batch.items()}
