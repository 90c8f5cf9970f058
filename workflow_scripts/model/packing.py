"""Batches without padding: the tokens of all sequences, one sequence after the other.

While a model is exported (torch.export, ONNX, torch.jit.trace) no shape may depend on the values of a batch. The
padding then stays in the batch and attention masks it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Packing:
    """The positions of the tokens of a padded batch [batch, longest row] after its padding is removed.

    ``present`` (bool, [batch, longest row]): where the tokens are. ``starts`` (int32, [batch + 1]): where each sequence
    begins and the last one ends. ``lengths``: tokens of each sequence. ``kept`` (int64, [tokens]): position of each
    token in the flattened batch. Without padding ``present``, ``lengths`` and ``kept`` are None, so that no shape
    depends on the data. With ``present`` alone the padding stays in the batch, see ``padded``.
    """

    shape: tuple[int, int]
    starts: Tensor
    lengths: list[int] | None = None
    kept: Tensor | None = None
    present: Tensor | None = None

    @property
    def padded(self) -> bool:
        """Whether padding stays in the batch, to be masked by attention."""
        return self.present is not None and self.kept is None

    @property
    def longest(self) -> int:
        """Number of tokens of the longest sequence."""
        return self.shape[1] if self.lengths is None else max(self.lengths)

    @property
    def tokens(self) -> int:
        """Number of tokens of all sequences, with padding if it stays in the batch."""
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
        rows = packed.unflatten(0, self.shape)
        if self.padded:
            rows = rows * self.mask().to(rows.dtype).reshape(*self.shape, *[1] * (rows.dim() - 2))
        return rows

    def mask(self) -> Tensor:
        """Where the tokens are, bool [batch, longest row]."""
        if self.present is None:
            return torch.ones(self.shape, dtype=torch.bool, device=self.starts.device)
        return self.present

    def sequences(self) -> Tensor:
        """Number of the sequence that each token belongs to, int64 [tokens]."""
        numbers = torch.arange(self.shape[0], device=self.starts.device)
        return numbers.repeat_interleave(self.starts.diff(), output_size=self.tokens)

    def positions(self) -> Tensor:
        """Place of each token in its sequence, counted from 0 without padding, int64 [tokens]."""
        return self.pack((self.mask().cumsum(1) - 1).clamp(min=0))

    def first(self, rows: Tensor) -> Tensor:
        """The first token of each sequence, from [batch, longest row, ...] to [batch, ...]; of no tokens zeros."""
        if self.present is None:
            return rows[:, 0]
        places = self.present.int().argmax(dim=1)
        return rows[torch.arange(self.shape[0], device=rows.device), places]

    def mean(self, rows: Tensor) -> Tensor:
        """The mean over the tokens of each sequence, [batch, ...] of :meth:`unpack`; of no tokens zeros."""
        return rows.sum(dim=1) / self.mask().sum(dim=1, keepdim=True).clamp(min=1)


def make_packing(rows: Tensor, mask: Tensor | None) -> Packing:
    """The packing of ``rows`` [batch, longest row, ...] under ``mask`` [batch, longest row], 1 for tokens.

    Raises ValueError for padding between tokens: it would shorten the distances that ALiBi counts. Padding before or
    after a sequence is correct. During an export this is not checked.
    """
    shape = (rows.shape[0], rows.shape[1])
    batch, longest = shape
    starts = longest * torch.arange(batch + 1, dtype=torch.int32, device=rows.device)
    if exporting():
        present = torch.ones(shape, dtype=torch.bool, device=rows.device) if mask is None else mask.bool()
        return Packing(shape, starts, present=present)
    if mask is not None:
        present = mask.bool()
        begins = present & ~functional.pad(present, (1, 0))[:, :-1]
        lengths, runs = torch.stack([present.sum(dim=1), begins.sum(dim=1)]).tolist()
        if max(runs) > 1:
            row = next(row for row, count in enumerate(runs) if count > 1)
            raise ValueError(f"attention_mask, row {row}: padding between tokens; it must be before or after them")
        if not any(lengths):
            return Packing(shape, starts, present=present)  # kernels do not take empty batches
        if min(lengths) < longest:
            starts = functional.pad(present.sum(dim=1).cumsum(0), (1, 0)).int()
            return Packing(shape, starts, lengths, present.flatten().nonzero().squeeze(1), present)
    return Packing(shape, starts)


def exporting() -> bool:
    """Whether the model is being exported, so that no shape may depend on data."""
    # torch before 2.7 cannot tell an export from a compilation
    is_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)
    return is_exporting() or torch.jit.is_tracing()
