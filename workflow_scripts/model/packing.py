"""Batches without padding: the tokens of all sequences, one sequence after the other."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Packing:
    """The positions of the tokens of a padded batch [batch, longest row] after its padding is removed.

    ``starts`` (int32, [batch + 1]): where each sequence begins and the last one ends. ``lengths``: tokens of each
    sequence. ``kept`` (int64, [tokens]): position of each token in the flattened batch. Without padding the last two
    are None, so that no shape depends on the data.
    """

    shape: tuple[int, int]
    starts: Tensor
    lengths: list[int] | None = None
    kept: Tensor | None = None

    @property
    def longest(self) -> int:
        """Number of tokens of the longest sequence."""
        return self.shape[1] if self.lengths is None else max(self.lengths)

    @property
    def tokens(self) -> int:
        """Number of tokens of all sequences."""
        return self.shape[0] * self.shape[1] if self.lengths is None else sum(self.lengths)

    def pack(self, rows: Tensor) -> Tensor:
        """[batch, longest row, ...] to [tokens, ...]."""
        flat = rows.flatten(0, 1)
        return flat if self.kept is None else flat[self.kept]

    def unpack(self, packed: Tensor) -> Tensor:
        """[tokens, ...] to [batch, longest row, ...], zero where padded."""
        if self.kept is not None:
            rows = packed.new_zeros(self.shape[0] * self.shape[1], *packed.shape[1:])
            packed = rows.index_copy(0, self.kept, packed)
        return packed.unflatten(0, self.shape)

    def sequences(self) -> Tensor:
        """Number of the sequence that each token belongs to, int64 [tokens]."""
        numbers = torch.arange(self.shape[0], device=self.starts.device)
        return numbers.repeat_interleave(self.starts.diff(), output_size=self.tokens)

    def positions(self) -> Tensor:
        """Place of each token in its sequence, counted from 0 without padding, int64 [tokens]."""
        tokens = torch.arange(self.tokens, device=self.starts.device)
        return tokens - self.starts[self.sequences()]


def make_packing(input_ids: Tensor, mask: Tensor | None) -> Packing:
    """The packing of ``input_ids`` under ``mask``, both [batch, longest row]; the mask is 1 for tokens, 0 for padding.

    Raises ValueError for padding between tokens: it would shorten the distances that ALiBi counts. Padding before or
    after a sequence is correct.
    """
    batch, longest = input_ids.shape
    if mask is not None:
        present = mask.bool()
        begins = present & ~functional.pad(present, (1, 0))[:, :-1]
        lengths, runs = torch.stack([present.sum(dim=1), begins.sum(dim=1)]).tolist()
        if max(runs) > 1:
            row = next(row for row, count in enumerate(runs) if count > 1)
            raise ValueError(f"attention_mask, row {row}: padding between tokens; it must be before or after them")
        if min(lengths) < longest:
            starts = functional.pad(present.sum(dim=1).cumsum(0), (1, 0)).int()
            return Packing((batch, longest), starts, lengths, present.flatten().nonzero().squeeze(1))
    starts = longest * torch.arange(batch + 1, dtype=torch.int32, device=input_ids.device)
    return Packing((batch, longest), starts)
