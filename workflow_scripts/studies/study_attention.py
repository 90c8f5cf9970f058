"""Study of attention: whether fused kernels are faster than the plain formula, without loss (a summary: 1.5 to 2).

In:  the sizes of a layer.
Out: ``--out`` (JSON), the verdict with its comparisons; ``--table`` (TSV), for each backend and length the milliseconds
     of a forward pass, its peak memory (on a GPU), and its largest error.

Every backend that this machine has computes the attention of a layer with ALiBi on the same random queries, keys and
values, ``--tokens`` tokens at every length. The reference is the textbook formula in 64 bits; what it takes in the
precision of the run, with the whole matrix of weights in memory, is the plain attention. The time of the plain
attention over that of the fastest backend at the longest length decides; the others are each backend and length.
"""

import math
import statistics
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from workflow_scripts.common import gpus
from workflow_scripts.common.bootstrap import RESAMPLES
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.intervals import percentile_interval
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import generator
from workflow_scripts.inference.network import device_here
from workflow_scripts.model.attention import BACKENDS, alibi_bias, alibi_slopes, choose_backend, prepare_attention
from workflow_scripts.model.packing import make_packing
from workflow_scripts.studies.claim_result import Claim, Comparison, write_result
from workflow_scripts.studies.study_options import device as device_options
from workflow_scripts.studies.study_options import parser_of

CLAIM = Claim(
    "attention",
    "Is fused attention faster than attention with the whole matrix of weights, without loss?",
    "a summary of the paper: FlashAttention is 1.5 to 2 times faster",
)
PLAIN = "plain"
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 3e-2}
"""Errors that rounding explains, for values of about 1."""


def plain(qkv: Tensor, slopes: Tensor, rows: int) -> Tensor:
    """The textbook formula, from [tokens, 3, heads, head size] to [tokens, heads, head size]."""
    query, key, value = qkv.unflatten(0, (rows, -1)).permute(2, 0, 3, 1, 4)
    bias = alibi_bias(slopes, query.shape[-2]).to(qkv.dtype)
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]) + bias
    return (scores.softmax(dim=-1) @ value).transpose(1, 2).flatten(0, 1)


def backends_here(device: torch.device, dtype: torch.dtype, head_size: int) -> dict[str, str]:
    """Of each backend "" if this machine has it, else why not."""
    found = {}
    for name in BACKENDS:
        try:
            choose_backend(device, dtype, head_size, name)
            found[name] = ""
        except ValueError as error:
            found[name] = str(error)
    return found


def milliseconds(compute: Callable[[], Tensor], repeats: int) -> list[float]:
    """The times of repeated calls, after one that is not counted."""
    compute()
    times = []
    for _ in range(repeats):
        _wait()
        started = time.perf_counter()
        compute()
        _wait()
        times.append(1000 * (time.perf_counter() - started))
    return times


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


@torch.no_grad()
def measure(names: list[str], length: int, sizes: tuple[int, int, int], repeats: int, dtype: torch.dtype) -> list[dict]:
    """One row for each backend at a length; ``sizes`` are tokens, width and heads. ``times`` are those of each call."""
    tokens, width, heads = sizes
    device, rows = device_here(), max(tokens // length, 1)
    torch.manual_seed(length)
    exact = torch.randn(rows * length, 3, heads, width // heads, dtype=torch.float64)
    slopes = alibi_slopes(heads)
    expected = plain(exact, slopes.double(), rows)
    qkv, slopes = exact.to(device, dtype), slopes.to(device)
    packing = make_packing(torch.ones(rows, length, dtype=torch.long, device=device), None)
    found = []
    for name in [PLAIN, *names]:
        attend = prepare_attention(name, slopes, packing, dtype) if name != PLAIN else None
        compute = (lambda: plain(qkv, slopes, rows)) if attend is None else (lambda attend=attend: attend(qkv))
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        times = milliseconds(compute, repeats)
        memory = torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else None
        error = float((compute().cpu().double() - expected).abs().max())
        row = {"backend": name, "length": length, "milliseconds": statistics.median(times)}
        found.append(row | {"memory_mb": memory, "largest_error": error, "times": times})
    return found


def speedup(slow: list[float], fast: list[float], seed: int) -> tuple[float, float, float]:
    """Median time of the slow over that of the fast, and its 95% interval over the calls (bootstrap)."""
    random = generator(seed, "studies", "attention")
    drawn = [
        np.median(random.choice(times, (RESAMPLES, len(times))), axis=1) for times in (np.array(slow), np.array(fast))
    ]
    interval = percentile_interval(drawn[0] / drawn[1])
    assert interval
    return statistics.median(slow) / statistics.median(fast), *interval


def compare(rows: list[dict[str, Any]], dtype: torch.dtype, seed: int) -> list[Comparison]:
    """Speed at the longest length, the fastest backend first, then at the others; then the largest error of each."""
    by_place = {(row["backend"], row["length"]): row for row in rows}
    lengths = sorted({row["length"] for row in rows}, reverse=True)
    parts = []
    for length in lengths:
        fused = [row for row in rows if row["length"] == length and row["backend"] != PLAIN]
        for row in sorted(fused, key=lambda row: row["milliseconds"]):
            numbers = speedup(by_place[PLAIN, length]["times"], row["times"], seed)
            name = f"time of plain attention over {row['backend']} at {length:,} tokens"
            parts.append(Comparison(name, *numbers, "above", "repeated calls", "times", 1))
    for name in dict.fromkeys(row["backend"] for row in rows):
        worst = max(row["largest_error"] for row in rows if row["backend"] == name)
        text = f"largest error of {name} against 64 bits"
        parts.append(Comparison(text, worst, worst, worst, "below", "all values", "", TOLERANCE[dtype]))
    return parts


def build_parser() -> ArgumentParser:
    parser = parser_of(__doc__, device_options)
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 512, 2048], help="tokens of a sequence")
    parser.add_argument("--tokens", type=int, default=8192, help="tokens of a batch (default: %(default)s)")
    parser.add_argument("--width", type=int, default=768, help="width of the layer (default: %(default)s)")
    parser.add_argument("--heads", type=int, default=12, help="attention heads (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=15, help="timed calls of each (default: %(default)s)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    gpus.claim_or_hide(args.gpus)
    if args.width % args.heads:
        raise UserError(f"--width {args.width}: not a multiple of --heads {args.heads}")
    device = device_here()
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    backends = backends_here(device, dtype, args.width // args.heads)
    here = [name for name, obstacle in backends.items() if not obstacle]
    rows: list[dict[str, Any]] = []
    with Progress(len(args.lengths), "length", "attention") as progress:
        for length in args.lengths:
            rows += measure(here, length, (args.tokens, args.width, args.heads), args.repeats, dtype)
            progress.step()
    missing = {name: obstacle for name, obstacle in backends.items() if obstacle}
    hardware = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    sizes = {"tokens": args.tokens, "width": args.width, "heads": args.heads, "precision": str(dtype)}
    setting = {"scale": args.scale, "hardware": hardware, "missing_backends": missing, **sizes}
    parts = compare(rows, dtype, args.seed)
    table = [{key: value for key, value in row.items() if key != "times"} for row in rows]
    write_result(CLAIM, parts, setting, table, args.out, args.table)


if __name__ == "__main__":
    sys.exit(main())
