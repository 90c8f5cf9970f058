"""Every backend computes softmax(q k / sqrt(d) - slope |i - j|) v within each sequence; other attention is refused."""

import math
import sys
from types import ModuleType

import pytest
import torch

from workflow_scripts.model import attention
from workflow_scripts.model.attention import (
    alibi_bias,
    alibi_slopes,
    attention_weights,
    choose_backend,
    flash_attention,
    reversed_bias,
    sequence_mask,
)
from workflow_scripts.model.packing import make_packing

CPU, GPU = torch.device("cpu"), torch.device("cuda")
CLOSE = {"rtol": 0, "atol": 1e-5}
# lengths of sequences packed together; blocks of FlexAttention are 128 tokens
BATCHES = [[23, 23], [1, 5, 2], [127, 128, 129], [300, 1, 40, 0, 260], [0, 3]]


def batch_of(lengths: list[int], heads: int = 4, size: int = 8):
    """The packing of rows of these lengths, padded after and before them in turn, and random queries, keys, values."""
    longest = max(lengths)
    mask = torch.zeros(len(lengths), longest, dtype=torch.long)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
        mask[row] = mask[row].flip(0) if row % 2 else mask[row]
    qkv = torch.randn(sum(lengths), 3, heads, size, generator=torch.Generator().manual_seed(3))
    return make_packing(torch.zeros_like(mask), mask), qkv


def textbook(qkv: torch.Tensor, slopes: torch.Tensor, lengths: list[int]) -> torch.Tensor:
    """Sequence by sequence and head by head, in double precision."""
    parts = []
    for sequence in qkv.double().split(lengths):
        query, key, value = sequence.unbind(1)
        heads = []
        for head, slope in enumerate(slopes):
            distance = (torch.arange(len(sequence))[:, None] - torch.arange(len(sequence))).abs()
            scores = query[:, head] @ key[:, head].T / math.sqrt(qkv.shape[-1]) - slope * distance
            heads.append(scores.softmax(dim=-1) @ value[:, head])
        parts.append(torch.stack(heads, dim=1))
    return torch.cat(parts).float()


@pytest.mark.parametrize(
    ("heads", "exponents"),
    [
        (1, [8]),
        (8, [1, 2, 3, 4, 5, 6, 7, 8]),
        (12, [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5]),
    ],
)
def test_slopes_of_powers_of_two_and_other_numbers_of_heads(heads, exponents):
    torch.testing.assert_close(alibi_slopes(heads), torch.tensor([2.0**-exponent for exponent in exponents]))


def test_alibi_is_symmetric_and_linear_in_the_distance():
    bias = alibi_bias(alibi_slopes(4), 6)[0]
    torch.testing.assert_close(bias, bias.transpose(1, 2))
    for head, slope in enumerate(alibi_slopes(4)):
        for distance in range(6):
            assert torch.all(bias[head].diagonal(distance) == -slope * distance)


@pytest.mark.parametrize("length", [1, 2, 37])
def test_reversed_bias_is_alibi_in_reverse_order_with_linear_memory(length):
    slopes = alibi_slopes(12)
    bias = reversed_bias(slopes, length, torch.float32)
    assert torch.equal(bias.flip(2), alibi_bias(slopes, length))
    assert bias.untyped_storage().nbytes() == 4 * 12 * (2 * length - 1)


@pytest.mark.parametrize("lengths", BATCHES)
@pytest.mark.parametrize("backend", ["sdpa", "flex"])
def test_backends_compute_the_textbook_formula(backend, lengths):
    packed, qkv = batch_of(lengths)
    slopes = alibi_slopes(4)
    attended = attention.prepare_attention(backend, slopes, packed, torch.float32)(qkv)
    assert attended.shape == (sum(lengths), 4, 8)
    torch.testing.assert_close(attended, textbook(qkv, slopes, lengths), **CLOSE)


@pytest.mark.parametrize("lengths", BATCHES)
def test_gradients_are_those_of_the_textbook_formula(lengths):
    packed, qkv = batch_of(lengths)
    slopes = alibi_slopes(4)
    weight = torch.randn(sum(lengths), 4, 8)
    ours, theirs = qkv.clone().requires_grad_(), qkv.clone().requires_grad_()
    (attention.prepare_attention("sdpa", slopes, packed, torch.float32)(ours) * weight).sum().backward()
    (textbook(theirs, slopes, lengths) * weight).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, **CLOSE)


def test_flex_refuses_gradients_on_a_cpu():
    packed, qkv = batch_of([5, 3])
    attend = attention.prepare_attention("flex", alibi_slopes(4), packed, torch.float32)
    with pytest.raises(ValueError, match="attention flex: computes no gradients on a CPU"):
        attend(qkv.requires_grad_())


@pytest.mark.parametrize("lengths", BATCHES)
def test_attention_weights_reproduce_the_output_and_are_zero_for_padding(lengths):
    packed, qkv = batch_of(lengths)
    slopes = alibi_slopes(4)
    weights = attention_weights(qkv, slopes, packed)
    value = packed.unpack(qkv[:, 2]).transpose(1, 2)
    attended = packed.pack((weights @ value).transpose(1, 2))
    torch.testing.assert_close(attended, textbook(qkv, slopes, lengths), **CLOSE)
    present = packed.unpack(torch.ones(sum(lengths)))
    torch.testing.assert_close(weights.sum(-1), present[:, None].expand(weights.shape[:3]), **CLOSE)


@pytest.mark.parametrize("lengths", [[127, 128, 129], [300, 1, 40, 0, 260], [1] * 500, [640, 640, 3]])
def test_sequence_mask_has_exactly_the_blocks_with_two_tokens_of_one_sequence(lengths):
    packed, _ = batch_of(lengths)
    sequences = packed.sequences()
    same = sequences[:, None] == sequences
    blocks = -(-len(same) // 128)
    expected = torch.zeros(blocks, blocks, dtype=torch.int32)
    for row in range(blocks):
        for column in range(blocks):
            part = same[128 * row : 128 * (row + 1), 128 * column : 128 * (column + 1)]
            expected[row, column] = part.any()
    assert torch.equal(sequence_mask(packed).to_dense()[0, 0], expected)


@pytest.fixture
def uncached():
    """Forget the cached kernel of flash-attn, which is looked up once per process."""
    flash_attention.cache_clear()
    yield
    flash_attention.cache_clear()


def install(monkeypatch, kernel) -> None:
    """Install a package flash_attn whose kernel for packed sequences is ``kernel``."""
    package = ModuleType("flash_attn")
    package.flash_attn_varlen_qkvpacked_func = kernel
    monkeypatch.setitem(sys.modules, "flash_attn", package)


def documented(qkv, cu_seqlens, max_seqlen, dropout_p=0.0, softmax_scale=None, causal=False, alibi_slopes=None):
    """The documented behaviour of flash-attn: packed sequences, scale 1 / sqrt(size), bias -alibi_slope * |i - j|."""
    assert cu_seqlens.dtype == torch.int32 and alibi_slopes.dtype == torch.float32
    assert dropout_p == 0.0 and softmax_scale is None and not causal
    lengths = cu_seqlens.diff().tolist()
    assert max_seqlen == max(lengths) and cu_seqlens[-1] == len(qkv)
    return textbook(qkv, alibi_slopes, lengths)


@pytest.mark.parametrize("lengths", BATCHES)
def test_flash_is_called_as_documented(lengths, monkeypatch, uncached):
    install(monkeypatch, documented)
    packed, qkv = batch_of(lengths)
    slopes = alibi_slopes(4)
    attended = attention.prepare_attention("flash", slopes, packed, torch.bfloat16)(qkv)
    torch.testing.assert_close(attended, textbook(qkv, slopes, lengths), **CLOSE)


@pytest.fixture
def gpu(monkeypatch, uncached):
    """A GPU of compute capability 9.0 with Triton and flash-attn, as choose_backend sees it."""
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (9, 0))
    monkeypatch.setattr(attention.importlib.util, "find_spec", lambda _name: object())
    install(monkeypatch, documented)


def test_auto_is_sdpa_on_a_cpu_and_the_fastest_backend_on_a_gpu(gpu):
    assert choose_backend(CPU, torch.float32, 64) == choose_backend(CPU, torch.bfloat16, 64) == "sdpa"
    assert choose_backend(GPU, torch.bfloat16, 64) == choose_backend(GPU, torch.float16, 64) == "flash"
    assert choose_backend(GPU, torch.float32, 64) == "flex"
    for name in ("sdpa", "flex", "flash"):
        assert choose_backend(GPU, torch.bfloat16, 64, name) == name


def test_auto_is_sdpa_on_cards_that_run_neither_kernel(gpu, monkeypatch):
    """V100 (7.0), T4 and 2080 Ti (7.5)."""
    for capability in ((7, 0), (7, 5)):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device, known=capability: known)
        assert {choose_backend(GPU, dtype, 64) for dtype in (torch.float16, torch.float32)} == {"sdpa"}
        with pytest.raises(ValueError, match=r"attention flex: needs a GPU of compute capability 8\.0"):
            choose_backend(GPU, torch.float16, 64, "flex")


def test_auto_falls_back_to_flex_without_flash_attn_and_to_sdpa_without_triton(gpu, monkeypatch):
    monkeypatch.setitem(sys.modules, "flash_attn", None)
    flash_attention.cache_clear()
    assert choose_backend(GPU, torch.bfloat16, 64) == "flex"
    monkeypatch.setattr(attention.importlib.util, "find_spec", lambda _name: None)
    assert choose_backend(GPU, torch.bfloat16, 64) == "sdpa"


def test_flash_attn_without_alibi_is_not_used(gpu, monkeypatch):
    """Versions before 2.4, and flash-attn 4, whose package has the same name, would drop the bias."""
    for package in (lambda qkv, cu_seqlens, max_seqlen, dropout_p, causal: qkv, None):
        install(monkeypatch, package)
        if package is None:
            del sys.modules["flash_attn"].flash_attn_varlen_qkvpacked_func
        flash_attention.cache_clear()
        assert choose_backend(GPU, torch.bfloat16, 64) == "flex"
        with pytest.raises(ValueError, match=r"attention flash: flash-attn with alibi_slopes .* is not installed"):
            choose_backend(GPU, torch.bfloat16, 64, "flash")


@pytest.mark.parametrize(
    ("device", "dtype", "size", "requested", "message"),
    [
        (CPU, torch.bfloat16, 64, "flash", "attention flash: needs a GPU, not a cpu; use auto"),
        (GPU, torch.float32, 64, "flash", "float16 and bfloat16, not in float32"),
        (GPU, torch.bfloat16, 512, "flash", "needs a head size of at most 256, not 512"),
        (torch.device("mps"), torch.bfloat16, 64, "flex", "needs a GPU with CUDA, not mps"),
        (GPU, torch.bfloat16, 64, "flash_attention_2", "'flash_attention_2': backends with ALiBi are auto, flash"),
        (GPU, torch.bfloat16, 64, "eager", "'eager': backends with ALiBi are"),
    ],
)
def test_a_backend_that_cannot_compute_this_is_refused(gpu, device, dtype, size, requested, message):
    with pytest.raises(ValueError, match=message):
        choose_backend(device, dtype, size, requested)


def test_flash_on_an_old_gpu_is_refused(gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (7, 5))
    assert choose_backend(GPU, torch.float16, 64) == "sdpa"
    with pytest.raises(ValueError, match=r"compute capability 8\.0"):
        choose_backend(GPU, torch.float16, 64, "flash")
