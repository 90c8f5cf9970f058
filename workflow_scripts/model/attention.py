"""Attention, by default with symmetric ALiBi: a penalty on distance instead of position embeddings.

``prepare_attention(backend, slopes, packing, dtype)`` prepares a batch once and returns the function that each layer
calls, ``attend(qkv)``, from [tokens, 3, heads, head size] to [tokens, heads, head size]. Without slopes there is no
bias: positions are then in the embedding, or in rotated queries and keys (rotary.py). The backends:

``sdpa``   scaled_dot_product_attention of PyTorch, with ALiBi as a bias: the reference, on every device
``flex``   FlexAttention of PyTorch, a Triton kernel: on GPUs in any precision, on CPUs without gradients
``flash``  flash-attn 2, with ``alibi_slopes``: on GPUs of compute capability 8.0 or later, in float16 and bfloat16

All of them skip padding and agree up to rounding. ``choose_backend`` returns the fastest one that a device supports.
The attention implementations of transformers (``attn_implementation``) have no ALiBi. Of these the models accept
``sdpa`` and ``eager``, which leave the choice here; transformers refuses the others.
"""

import functools
import importlib
import importlib.util
import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from .packing import Packing

if TYPE_CHECKING:
    from torch.nn.attention.flex_attention import BlockMask

Attend = Callable[[Tensor], Tensor]
FLEX_BLOCK, FLEX_HEAD = 128, 16  # tokens per block, and smallest head size, of FlexAttention's kernels


def alibi_slopes(heads: int) -> Tensor:
    """Slope per head, float32 of shape [heads] (Press et al. 2022; bert_layers.py of the released model).

    A power of two n gives the geometric series s, s^2, ..., s^n with s = 2^(-8/n). Any other number gives the series
    of the next smaller power of two, then every second slope of the next larger one: for 12 heads 2^-1 ... 2^-8,
    2^-0.5, 2^-1.5, 2^-2.5, 2^-3.5.
    """

    def series(n: int) -> list[float]:
        return [2.0 ** (-8.0 * (i + 1) / n) for i in range(n)]

    power = 2 ** math.floor(math.log2(heads))
    return torch.tensor(series(power) + series(2 * power)[0::2][: heads - power], dtype=torch.float32)


def alibi_bias(slopes: Tensor, length: int) -> Tensor:
    """Bias -slope * |i - j| for every head and pair of positions, shape [1, heads, length, length]."""
    positions = torch.arange(length, device=slopes.device, dtype=slopes.dtype)
    distance = (positions[None, :] - positions[:, None]).abs()
    return -slopes[None, :, None, None] * distance


def reversed_bias(slopes: Tensor, length: int, dtype: torch.dtype) -> Tensor:
    """The same bias for queries in reversed order; it needs memory for only 2 * length - 1 numbers per head.

    For reversed queries i' = length - 1 - i the distance |i - j| depends only on i' + j. Every row is therefore the
    row above shifted by one, and the table is a view of its first row and last column.
    """
    distance = torch.arange(1 - length, length, device=slopes.device).abs()
    line = (-slopes[:, None] * distance).to(dtype)
    return line.as_strided((1, len(slopes), length, length), (0, 2 * length - 1, 1, 1))


def attention_weights(qkv: Tensor, slopes: Tensor | None, packing: Packing) -> Tensor:
    """The attention weights, [batch, heads, length, length], which no backend holds in memory.

    Each row sums to one over the tokens of its sequence; padded rows and columns are zero.
    """
    query, key, _ = packing.unpack(qkv).permute(2, 0, 3, 1, 4).float()
    present = packing.mask()
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if slopes is not None:
        scores = scores + alibi_bias(slopes, query.shape[-2])
    scores = scores.masked_fill(~present[:, None, None, :], torch.finfo(scores.dtype).min)
    return (scores.softmax(dim=-1) * (present[:, None, :, None] & present[:, None, None, :])).to(qkv.dtype)


def sdpa(slopes: Tensor | None, packing: Packing, dtype: torch.dtype) -> Attend:
    """PyTorch's own attention: all rows at once if they have the same length, otherwise one by one."""
    if packing.padded:
        return masked_sdpa(slopes, packing, dtype)
    bias = None if slopes is None else reversed_bias(slopes, packing.longest, dtype)
    if bias is not None and bias.device.type != "cpu":
        bias = bias.contiguous()  # kernels of GPUs read whole aligned rows

    def rows(qkv: Tensor) -> Tensor:
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        if bias is None:
            return functional.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        length = query.shape[2]
        part = bias[:, :, packing.longest - length :, :length]
        attended = functional.scaled_dot_product_attention(query.flip(2), key, value, attn_mask=part)
        return attended.flip(2).transpose(1, 2)

    def together(qkv: Tensor) -> Tensor:
        return rows(qkv.unflatten(0, packing.shape)).flatten(0, 1)

    @torch.compiler.disable  # otherwise it would be recompiled for the lengths of every batch
    def one_by_one(qkv: Tensor) -> Tensor:
        return torch.cat([rows(sequence[None])[0] for sequence in qkv.split(packing.lengths) if len(sequence)])

    return together if packing.lengths is None else one_by_one


def masked_sdpa(slopes: Tensor | None, packing: Packing, dtype: torch.dtype) -> Attend:
    """All rows at once, with their padding, which no token attends to; for exports, of plain operations only."""
    present = packing.mask()
    bias = torch.zeros(present.shape, dtype=dtype, device=present.device)
    bias = bias.masked_fill(~present, torch.finfo(dtype).min)[:, None, None, :]
    if slopes is not None:
        bias = bias + alibi_bias(slopes, packing.shape[1]).to(dtype)

    def attend(qkv: Tensor) -> Tensor:
        query, key, value = qkv.unflatten(0, packing.shape).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return attended.transpose(1, 2).flatten(0, 1)

    return attend


def flex(slopes: Tensor | None, packing: Packing, dtype: torch.dtype) -> Attend:
    """FlexAttention: rows of the same length as they are, others as one long row with a mask between sequences."""
    from torch.nn.attention.flex_attention import flex_attention

    def alibi(score: Tensor, _batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return score if slopes is None else score - slopes[head] * (query - key).abs()

    shape = packing.shape if packing.kept is None else (1, packing.tokens)
    mask = None if packing.kept is None else sequence_mask(packing)
    on_cpu = packing.starts.device.type == "cpu"
    kernel: Callable[..., Tensor] = flex_attention
    if not (on_cpu or torch.compiler.is_compiling()):
        kernel = compiled_flex_attention()

    def attend(qkv: Tensor) -> Tensor:
        if on_cpu and qkv.requires_grad:
            raise ValueError("attention flex: computes no gradients on a CPU; use sdpa or auto")
        size = qkv.shape[-1]
        wide = functional.pad(qkv, (0, max(0, FLEX_HEAD - size)))
        query, key, value = wide.unflatten(0, shape).permute(2, 0, 3, 1, 4)
        attended = kernel(query, key, value, score_mod=alibi, block_mask=mask, scale=1 / math.sqrt(size))
        return attended.transpose(1, 2).flatten(0, 1)[..., :size]

    return attend


@functools.cache
def compiled_flex_attention() -> Callable[..., Tensor]:
    """FlexAttention is fast only when compiled."""
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention)


def sequence_mask(packing: Packing) -> "BlockMask":
    """The BlockMask by which packed sequences attend only to themselves.

    A block of queries reads the blocks from the start of its first sequence to the end of its last sequence. This
    table is computed directly, because create_block_mask would look at every pair of tokens.
    """
    from torch.nn.attention.flex_attention import BlockMask

    sequences, tokens = packing.sequences(), packing.tokens
    first = torch.arange(0, tokens, FLEX_BLOCK, device=sequences.device)
    last = (first + FLEX_BLOCK - 1).clamp(max=tokens - 1)
    begin = packing.starts[sequences[first]] // FLEX_BLOCK
    end = (packing.starts[sequences[last] + 1] - 1) // FLEX_BLOCK
    blocks = torch.arange(len(first), device=sequences.device, dtype=torch.int32)
    indices = (begin[:, None] + blocks).clamp(max=len(first) - 1)

    def same_sequence(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return sequences[query] == sequences[key]

    return BlockMask.from_kv_blocks(
        (end - begin + 1)[None, None],
        indices[None, None],
        BLOCK_SIZE=FLEX_BLOCK,
        mask_mod=same_sequence,
        seq_lengths=(tokens, tokens),
    )


def flash(slopes: Tensor | None, packing: Packing, dtype: torch.dtype) -> Attend:
    """flash-attn 2: without ``causal`` its bias is -slope * |i - j| within each packed sequence."""
    kernel = flash_attention()
    assert kernel is not None  # choose_backend refuses flash without it

    def attend(qkv: Tensor) -> Tensor:
        return kernel(qkv, packing.starts, packing.longest, dropout_p=0.0, causal=False, alibi_slopes=slopes)

    return attend


@functools.cache
def flash_attention() -> Callable[..., Tensor] | None:
    """The kernel of flash-attn 2 for packed sequences; None if it is missing or too old to support ALiBi."""
    try:
        # importlib: transformers refuses to load a model whose code has an import statement of a missing package
        kernel = importlib.import_module("flash_attn").flash_attn_varlen_qkvpacked_func
    except (ImportError, AttributeError):
        return None
    return kernel if "alibi_slopes" in inspect.signature(kernel).parameters else None


# fastest first
BACKENDS: dict[str, Callable[[Tensor | None, Packing, torch.dtype], Attend]] = {
    "flash": flash,
    "flex": flex,
    "sdpa": sdpa,
}


def prepare_attention(backend: str, slopes: Tensor | None, packing: Packing, dtype: torch.dtype) -> Attend:
    """Attention over one batch; ``slopes`` [heads] of ALiBi, if any, on its device, ``dtype`` of queries and keys."""
    return BACKENDS[backend](slopes, packing, dtype)


def flash_obstacle(device: torch.device, dtype: torch.dtype, head_size: int) -> str | None:
    """Why flash-attn cannot be used, or None if it can (limits: README of flash-attn 2)."""
    if device.type != "cuda":
        return f"needs a GPU, not a {device.type}"
    if dtype not in (torch.float16, torch.bfloat16):
        return f"computes in float16 and bfloat16, not in {str(dtype).removeprefix('torch.')}"
    if torch.cuda.get_device_capability(device) < (8, 0):
        return "needs a GPU of compute capability 8.0 or later"
    if head_size > 256:
        return f"needs a head size of at most 256, not {head_size}"
    if flash_attention() is None:
        return "flash-attn with alibi_slopes (2.4 or later) is not installed"
    return None


def flex_obstacle(device: torch.device) -> str | None:
    """Why FlexAttention cannot be used, or None if it can. On a CPU it can, for inference only."""
    if device.type not in ("cuda", "cpu"):
        return f"needs a GPU with CUDA, not {device.type}"
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "Triton is not installed"
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (8, 0):
        return "needs a GPU of compute capability 8.0 or later: older ones lack the shared memory of its kernels"
    return None


@torch.compiler.assume_constant_result
def choose_backend(device: torch.device, dtype: torch.dtype, head_size: int, requested: str = "auto") -> str:
    """Name of the backend for queries of ``dtype``: the one ``requested``, or the fastest for ``auto``.

    Raises ValueError for an unknown name, and for a backend that cannot compute this with ALiBi: there is no silent
    fallback.
    """
    obstacles = {
        "flash": flash_obstacle(device, dtype, head_size),
        "flex": flex_obstacle(device),
        "sdpa": None,
    }
    if requested == "auto":
        return next(name for name in BACKENDS if obstacles[name] is None) if device.type == "cuda" else "sdpa"
    if requested not in BACKENDS:
        raise ValueError(f"attention {requested!r}: backends with ALiBi are auto, {', '.join(BACKENDS)}")
    if obstacles[requested]:
        raise ValueError(f"attention {requested}: {obstacles[requested]}; use auto for the fastest available backend")
    return requested
