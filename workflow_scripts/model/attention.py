"""Attention with symmetric ALiBi: a penalty on distance in place of position embeddings.

One function for every device: ``attention(backend, slopes, packing, dtype)`` prepares a batch once and returns what
each layer calls, ``attend(qkv)``, from [tokens, 3, heads, head size] to [tokens, heads, head size]. The backends:

``sdpa``   scaled_dot_product_attention of PyTorch with ALiBi as a bias: the reference, everywhere
``flex``   FlexAttention of PyTorch, a Triton kernel: GPUs, any precision; a CPU computes it without gradients
``flash``  flash-attn 2 with ``alibi_slopes``: GPUs from compute capability 8.0 on, in float16 and bfloat16

All leave the padding out and agree to rounding. ``choose_backend`` names the fastest that a device has. Other
attention of transformers (``attn_implementation``) has no ALiBi: the models declare no support, so that transformers
refuses it rather than compute without positions.
"""

import functools
import importlib
import importlib.util
import inspect
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from .packing import Packing

Attend = Callable[[Tensor], Tensor]
FLEX_BLOCK, FLEX_HEAD = 128, 16  # tokens a block, and the smallest head, of FlexAttention's kernels


def alibi_slopes(heads: int) -> Tensor:
    """Slope per head, float32 of shape [heads] (Press et al. 2022; bert_layers.py of the released model).

    A power of two n gives the geometric series s, s^2, ..., s^n with s = 2^(-8/n). Any other number takes the
    series of the next smaller power, then every second slope of the next larger: 12 heads are 2^-1 ... 2^-8,
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
    """The same bias for queries that run from last to first, in memory of 2 * length - 1 numbers a head.

    Against reversed queries i' = length - 1 - i the distance |i - j| depends on i' + j alone, so every row is the one
    above shifted by one, and the table is a view of its first row and last column.
    """
    distance = torch.arange(1 - length, length, device=slopes.device).abs()
    line = (-slopes[:, None] * distance).to(dtype)
    return line.as_strided((1, len(slopes), length, length), (0, 2 * length - 1, 1, 1))


def attention_weights(qkv: Tensor, slopes: Tensor, packing: Packing) -> Tensor:
    """What the backends never hold: the attention of each query, [batch, heads, length, length], by the textbook.

    Rows sum to one over the tokens of a sequence; padded rows and columns are zero.
    """
    query, key, _ = packing.unpack(qkv).permute(2, 0, 3, 1, 4).float()
    present = packing.unpack(torch.ones_like(packing.sequences())).bool()
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]) + alibi_bias(slopes, query.shape[-2])
    scores = scores.masked_fill(~present[:, None, None, :], torch.finfo(scores.dtype).min)
    return (scores.softmax(dim=-1) * (present[:, None, :, None] & present[:, None, None, :])).to(qkv.dtype)


def sdpa(slopes: Tensor, packing: Packing, dtype: torch.dtype) -> Attend:
    """PyTorch's own attention: rows of one length at once, others one by one."""
    bias = reversed_bias(slopes, packing.longest, dtype)
    if slopes.device.type != "cpu":
        bias = bias.contiguous()  # kernels of GPUs read whole aligned rows

    def rows(qkv: Tensor) -> Tensor:
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        length = query.shape[2]
        part = bias[:, :, packing.longest - length :, :length]
        attended = functional.scaled_dot_product_attention(query.flip(2), key, value, attn_mask=part)
        return attended.flip(2).transpose(1, 2)

    def together(qkv: Tensor) -> Tensor:
        return rows(qkv.unflatten(0, packing.shape)).flatten(0, 1)

    @torch.compiler.disable  # or it would be compiled anew for all lengths that a batch brings
    def one_by_one(qkv: Tensor) -> Tensor:
        return torch.cat([rows(sequence[None])[0] for sequence in qkv.split(packing.lengths) if len(sequence)])

    return together if packing.lengths is None else one_by_one


def flex(slopes: Tensor, packing: Packing, dtype: torch.dtype) -> Attend:
    """FlexAttention: rows of one length as they are, others as one long row in which a sequence sees itself only."""
    from torch.nn.attention.flex_attention import flex_attention

    def alibi(score: Tensor, _batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return score - slopes[head] * (query - key).abs()

    shape = packing.shape if packing.kept is None else (1, packing.tokens)
    mask = None if packing.kept is None else sequence_mask(packing)
    on_cpu = slopes.device.type == "cpu"
    compiled = flex_attention if on_cpu or torch.compiler.is_compiling() else compiled_flex_attention()

    def attend(qkv: Tensor) -> Tensor:
        if on_cpu and qkv.requires_grad:
            raise ValueError("attention flex: a CPU computes no gradients with it; use sdpa, or auto")
        size = qkv.shape[-1]
        wide = functional.pad(qkv, (0, max(0, FLEX_HEAD - size)))
        query, key, value = wide.unflatten(0, shape).permute(2, 0, 3, 1, 4)
        attended = compiled(query, key, value, score_mod=alibi, block_mask=mask, scale=1 / math.sqrt(size))
        return attended.transpose(1, 2).flatten(0, 1)[..., :size]

    return attend


@functools.cache
def compiled_flex_attention() -> Callable[..., Tensor]:
    """FlexAttention is a fast kernel only once it is compiled."""
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention)


def sequence_mask(packing: Packing):
    """The BlockMask that keeps packed sequences apart.

    A block of queries reads the blocks from the start of its first sequence to the end of its last: this table is
    written down directly, where create_block_mask would look at every pair of tokens.
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


def flash(slopes: Tensor, packing: Packing, dtype: torch.dtype) -> Attend:
    """flash-attn 2: without ``causal`` its bias is -slope * |i - j|, counted within each packed sequence."""
    kernel = flash_attention()

    def attend(qkv: Tensor) -> Tensor:
        return kernel(qkv, packing.starts, packing.longest, dropout_p=0.0, causal=False, alibi_slopes=slopes)

    return attend


@functools.cache
def flash_attention() -> Callable[..., Tensor] | None:
    """The kernel of flash-attn 2 for packed sequences; None where it is missing or too old to know ALiBi."""
    try:
        # by name: transformers refuses to load a model whose code imports a package that is not there
        kernel = importlib.import_module("flash_attn").flash_attn_varlen_qkvpacked_func
    except (ImportError, AttributeError):
        return None
    return kernel if "alibi_slopes" in inspect.signature(kernel).parameters else None


# the fastest first
BACKENDS: dict[str, Callable[[Tensor, Packing, torch.dtype], Attend]] = {"flash": flash, "flex": flex, "sdpa": sdpa}


def attention(backend: str, slopes: Tensor, packing: Packing, dtype: torch.dtype) -> Attend:
    """Attention over one batch: ``slopes`` [heads] on the device of the batch, ``dtype`` that of queries and keys."""
    return BACKENDS[backend](slopes, packing, dtype)


def flash_obstacle(device: torch.device, dtype: torch.dtype, head_size: int) -> str | None:
    """Why flash-attn cannot be used, None if it can (limits: README of flash-attn 2)."""
    if device.type != "cuda":
        return f"needs a GPU, not a {device.type}"
    if dtype not in (torch.float16, torch.bfloat16):
        return f"computes in float16 and bfloat16, not in {str(dtype).removeprefix('torch.')}"
    if torch.cuda.get_device_capability(device) < (8, 0):
        return "needs a GPU of compute capability 8.0 or more"
    if head_size > 256:
        return f"needs heads of up to 256 numbers, not {head_size}"
    if flash_attention() is None:
        return "no flash-attn with alibi_slopes (2.4 or later) is installed"
    return None


def flex_obstacle(device: torch.device) -> str | None:
    """Why FlexAttention cannot be used, None if it can. On a CPU it can, for inference."""
    if device.type not in ("cuda", "cpu"):
        return f"needs a GPU with CUDA, not {device.type}"
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "no Triton is installed"
    return None


@torch.compiler.assume_constant_result
def choose_backend(device: torch.device, dtype: torch.dtype, head_size: int, wanted: str = "auto") -> str:
    """Name of the backend for queries of ``dtype``: the one ``wanted``, or with ``auto`` the fastest.

    Raises ValueError for a name that is none, and for a backend that cannot compute this with ALiBi: nothing is put
    in its place silently.
    """
    obstacles = {
        "flash": flash_obstacle(device, dtype, head_size),
        "flex": flex_obstacle(device),
        "sdpa": None,
    }
    if wanted == "auto":
        return next(name for name in BACKENDS if obstacles[name] is None) if device.type == "cuda" else "sdpa"
    if wanted not in BACKENDS:
        raise ValueError(f"attention {wanted!r}: known with ALiBi are auto, {', '.join(BACKENDS)}")
    if obstacles[wanted]:
        raise ValueError(f"attention {wanted}: {obstacles[wanted]}; use auto for the fastest that works here")
    return wanted
