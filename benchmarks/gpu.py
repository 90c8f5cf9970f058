"""Checks and benchmarks that need a GPU: is every attention backend correct, and how fast is the model with each?

In:  nothing; one GPU that torch can use.
Out: tables on standard output, and with --out in a file:
     - checks: the golden vectors of tests/model on each backend; outputs and gradients of each against the reference
       (sdpa in float32), in rows of mixed lengths, as a batch and one by one, for each kind of positions. In 16 bits, a
       backend may have twice the error of sdpa in the same precision.
     - speed: tokens per second, share of the GPU's peak (MFU) and peak memory of a training step in bfloat16, at 128,
       512 and 2,048 tokens and in mixed lengths, compared with the plain model of benchmarks/pretrain.py. --compile
       compiles both with torch.compile.
     - length: memory of a training step on one sequence of up to 10,000 tokens.
     - fits: a small encoder fitted to a planted motif, in a separate process and on the server of fits. Both must learn
       it and reach the same loss, up to the summation order on a GPU.

A backend that is not installed is named and skipped. The exit status is 1 if a check fails.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from benchmarks.gpu_fits import STEPS, fits  # noqa: E402
from benchmarks.machine import machine  # noqa: E402
from benchmarks.pretrain import (  # noqa: E402
    IGNORED,
    Batch,
    Contender,
    autocast,
    make_batch,
    our_loss,
    ours,
    peer,
)
from workflow_scripts.common.files import write_text  # noqa: E402
from workflow_scripts.model import (  # noqa: E402
    DnaBert2Config,
    DnaBert2ForMaskedLM,
    DnaBert2ForSequenceClassification,
)
from workflow_scripts.model.attention import BACKENDS, choose_backend  # noqa: E402
from workflow_scripts.pretrain.telemetry import flops, peak  # noqa: E402

GOLDEN = REPOSITORY / "tests" / "model" / "golden"
TOLERANCE = 1e-4
MIXED = [1000, 2, 127, 128, 129, 513, 1]
TOKENS = 65_536
ROWS = {
    "128": [128] * (TOKENS // 128),
    "512": [512] * (TOKENS // 512),
    "2,048": [2048] * (TOKENS // 2048),
    "64 to 2,048": list(range(64, 2049, 64)) * 2,
}
LENGTHS = (2_500, 5_000, 10_000)
HEAD_SIZE = 64
# 1 - MCC, and the difference between the test losses of the two fits
FIT_TOLERANCE = {"a fit learns": 0.2, "a fit by the server": 0.05}


@dataclass(frozen=True)
class Check:
    """A comparison: the largest error found, and the largest allowed."""

    name: str
    backend: str
    precision: str
    error: float
    allowed: float

    @property
    def passed(self) -> bool:
        return self.error <= self.allowed  # False if the error is NaN

    def line(self) -> str:
        cells = [self.name, self.backend, self.precision, f"{self.error:.2e}", f"{self.allowed:.2e}"]
        return "| " + " | ".join([*cells, "passed" if self.passed else "**failed**"]) + " |"


def usable(device: torch.device, dtype: torch.dtype) -> list[str]:
    """The available backends, the reference first."""
    names = []
    for name in sorted(BACKENDS, key=lambda name: name != "sdpa"):
        try:
            names.append(choose_backend(device, dtype, HEAD_SIZE, name))
        except ValueError as error:
            print(error, file=sys.stderr)
    return names


def largest_difference(ours: dict[str, Tensor], reference: dict[str, Tensor]) -> float:
    """The largest difference over all tensors, relative to the largest value of each reference."""
    return max(
        float((ours[name].float() - value).abs().max() / value.abs().max().clamp(min=1e-6))
        for name, value in reference.items()
    )


@torch.no_grad()
def golden_error(backend: str, device: torch.device, dtype: torch.dtype) -> float:
    """Largest absolute error of hidden states, logits, loss and classifier logits against the golden vectors."""
    golden = {name: tensor.to(device) for name, tensor in load_file(GOLDEN / "small.io.safetensors").items()}
    weights = load_file(GOLDEN / "small.weights.safetensors")
    sizes = json.loads((GOLDEN / "small.config.json").read_text())
    sizes.pop("lengths")
    errors = []
    for kind in (DnaBert2ForMaskedLM, DnaBert2ForSequenceClassification):
        model = kind(DnaBert2Config(pad_token_id=0, **sizes)).eval()
        model.load_state_dict({name: weights[name] for name in model.state_dict()})
        model.to(device).use_attention(backend, dtype)
        with autocast(device, dtype):
            if kind is DnaBert2ForMaskedLM:
                output = model(golden["input_ids"], golden["attention_mask"], labels=golden["labels"])
                hidden = model.bert(golden["input_ids"], golden["attention_mask"]).last_hidden_state
                pairs = [
                    (hidden, golden["last_hidden_state"]),
                    (output.logits.flatten(0, 1), golden["mlm_logits"]),
                    (output.loss, golden["mlm_loss"].squeeze()),
                ]
            else:
                logits = model(golden["classifier_input_ids"], golden["attention_mask"]).logits
                pairs = [(logits, golden["classifier_logits"])]
        errors += [float((ours.float() - theirs).abs().max()) for ours, theirs in pairs]
    return max(errors)


def outcome(
    model: DnaBert2ForMaskedLM, batch: Batch, backend: str, dtype: torch.dtype, gradients: bool
) -> dict[str, Tensor]:
    """Hidden states of the tokens, and with ``gradients`` those of the masked-LM loss."""
    model.use_attention(backend, dtype)
    model.zero_grad()
    with (
        torch.set_grad_enabled(gradients),
        torch.autocast(batch.ids.device.type, dtype, enabled=dtype != torch.float32),
    ):
        hidden = model.bert(batch.ids, batch.mask).last_hidden_state
        results = {"hidden": hidden.detach().float()}
        if gradients:
            our_loss(model, batch).backward()
            results |= {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    return results


@torch.no_grad()
def one_by_one(model: DnaBert2ForMaskedLM, batch: Batch, backend: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """Hidden states of each row computed separately without padding, then padded with zeros."""
    model.use_attention(backend, dtype)
    rows = []
    with autocast(batch.ids.device, dtype):
        for ids, mask in zip(batch.ids, batch.mask.bool(), strict=True):
            hidden = model.bert(ids[mask][None]).last_hidden_state[0].float()
            rows.append(nn.functional.pad(hidden, (0, 0, 0, len(ids) - len(hidden))))
    return {"hidden": torch.stack(rows)}


def checks(config: DnaBert2Config, device: torch.device, dtypes: list[torch.dtype]) -> Iterator[Check]:
    """All comparisons in each precision. The reference is sdpa in float32; in 16 bits its error sets the tolerance."""
    torch.manual_seed(0)
    model = DnaBert2ForMaskedLM(config).to(device).eval()
    batch = make_batch(MIXED, config.vocab_size, 1, device)
    reference = outcome(model, batch, "sdpa", torch.float32, True)
    for dtype in dtypes:
        precision = str(dtype).removeprefix("torch.")
        allowed: dict[str, float] = {}
        for backend in usable(device, dtype):
            trains = device.type == "cuda" or backend == "sdpa"
            errors = {
                "hidden states": largest_difference(
                    outcome(model, batch, backend, dtype, False), {"hidden": reference["hidden"]}
                ),
                "one by one": largest_difference(
                    one_by_one(model, batch, backend, dtype), {"hidden": reference["hidden"]}
                ),
            }
            if config.positions == "alibi":
                errors["golden vectors"] = golden_error(backend, device, dtype)
            if trains:
                errors["gradients"] = largest_difference(outcome(model, batch, backend, dtype, True), reference)
            if dtype == torch.float32:
                allowed = dict.fromkeys(errors, TOLERANCE)
            elif backend == "sdpa":
                allowed = {name: 2 * error for name, error in errors.items()}
            for name, error in errors.items():
                yield Check(f"{name}, {config.positions}", backend, precision, error, allowed[name])


@dataclass(frozen=True)
class Speed:
    """Of a training step: tokens per second, share of the GPU's peak (None if unknown), peak memory in bytes."""

    rate: float
    utilization: float | None
    memory: int

    def cells(self) -> list[str]:
        share = "" if self.utilization is None else f"{100 * self.utilization:.1f}%"
        return [f"{self.rate:,.0f}", share, f"{self.memory / 2**30:.1f}"]


def allocated(device: torch.device) -> int:
    """Bytes in use; resets the peak. 0 on a CPU, as in peak_memory."""
    if device.type != "cuda":
        return 0
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)


def peak_memory(device: torch.device) -> int:
    """Peak bytes in use since the call of ``allocated``."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def training_flops(config: DnaBert2Config, lengths: list[int], masked: int) -> int:
    """Operations that the tokens need, without those for padding and for positions that predict nothing."""
    return sum(flops(config, length, length, 0) for length in lengths) + flops(config, 0, 0, masked)


def contender(name: str, config: DnaBert2Config, device: torch.device, dtype: torch.dtype, compiled: bool) -> Contender:
    """The plain model, or this model with the backend ``name``; all have the same weights."""
    torch.manual_seed(0)
    model = DnaBert2ForMaskedLM(config).to(device)
    if name == "plain":
        entry = peer(model)
        if compiled:
            entry.model.compile()
        return entry
    model.use_attention(name, dtype)
    if compiled:
        model.bert.compile()
    return ours(model)


def speed(contender: Contender, batch: Batch, operations: int, repeats: int, dtype: torch.dtype) -> Speed:
    """The median of ``repeats`` steps, after three that warm up and compile."""
    device = batch.ids.device
    for _ in range(3):
        contender.seconds(batch, dtype)
    allocated(device)
    seconds = sorted(contender.seconds(batch, dtype) for _ in range(repeats))[repeats // 2]
    best = peak(device, "fp32" if dtype == torch.float32 else "bf16")
    return Speed(batch.tokens / seconds, operations / seconds / best if best else None, peak_memory(device))


def speeds(
    config: DnaBert2Config, device: torch.device, rows: dict[str, list[int]], repeats: int, compiled: bool
) -> Iterator[str]:
    """Rows of the speed table, model by model in bfloat16. A case that runs out of memory gets a row that says so."""
    plain: dict[str, float] = {}
    for name in ("plain", *usable(device, torch.bfloat16)):
        entry = contender(name, config, device, torch.bfloat16, compiled)
        for row, lengths in rows.items():
            batch = make_batch(lengths, config.vocab_size, 1, device)
            operations = training_flops(config, lengths, int((batch.labels != IGNORED).sum()))
            try:
                result = speed(entry, batch, operations, repeats, torch.bfloat16)
            except torch.OutOfMemoryError:
                yield f"| {row} | {name} | out of memory | | | |"
                continue
            if name == "plain":
                plain[row] = result.rate
            ratio = f"{result.rate / plain[row]:.2f}" if row in plain else ""
            yield "| " + " | ".join([row, name, *result.cells(), ratio]) + " |"


def step_memory(entry: Contender, length: int, config: DnaBert2Config, device: torch.device) -> int:
    """Bytes that a training step on one sequence takes in addition to weights and optimizer moments."""
    batch = make_batch([length], config.vocab_size, 1, device)
    entry.seconds(batch, torch.bfloat16)  # the first step allocates the moments
    before = allocated(device)
    entry.seconds(batch, torch.bfloat16)
    return peak_memory(device) - before


def long_sequences(config: DnaBert2Config, device: torch.device, lengths: tuple[int, ...]) -> Iterator[str]:
    """Rows of the table of memory by length; the last cell is 2.0 if the last doubling of length doubles the memory."""
    for name in ("plain", *usable(device, torch.bfloat16)):
        entry = contender(name, config, device, torch.bfloat16, compiled=False)
        used = [step_memory(entry, length, config, device) for length in lengths]
        growth = f"{used[-1] / used[-2]:.2f}" if used[-2] else ""
        yield "| " + " | ".join([name, *(f"{size / 2**30:.2f}" for size in used), growth]) + " |"


TEXT = """\
{gpu}, {hardware}.

Checks: largest error, absolute for the golden vectors, otherwise relative to the largest value.

| check | attention | precision | error | allowed | |
|---|---|---|---|---|---|
{checks}

Speed of a training step at the published size in bfloat16{compiled}, about {tokens:,} tokens per batch: tokens per
second without padding, share of the GPU's peak (MFU), peak memory in GiB, ratio to the plain model.

| row length | attention | tokens/s | MFU | GiB | ratio |
|---|---|---|---|---|---|
{speeds}

Memory of a training step on one sequence, in GiB in addition to weights and moments, and its growth over the last
doubling of the length.

| attention | {lengths} | growth |
|---|{columns}---|
{memory}

Fits of a small encoder, {steps} steps of 32 rows, from start to end of the program.

| fit | wall, s | GPU, s | MCC | hardware |
|---|---|---|---|---|
{fits}
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=10, help="timed steps of each model on each batch")
    parser.add_argument("--compile", action="store_true", help="time the models with torch.compile")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    return parser


def shown(lines: Iterator[str]) -> str:
    """Join the lines, printing each one to standard error as it arrives."""
    kept = []
    for line in lines:
        print(line, file=sys.stderr, flush=True)
        kept.append(line)
    return "\n".join(kept)


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if not torch.cuda.is_available():
        raise SystemExit("error: no GPU that torch can use; benchmarks/pretrain.py measures on the CPU")
    device = torch.device("cuda")
    config = DnaBert2Config()
    checked = []
    for positions in ("alibi", "learned", "rotary"):
        shallow = DnaBert2Config(num_hidden_layers=2, positions=positions, max_positions=max(MIXED))
        checked += list(checks(shallow, device, [torch.float32, torch.bfloat16]))
    with tempfile.TemporaryDirectory() as scratch:
        fitted, errors = fits(Path(scratch))
    checked += [Check(name, "auto", "bf16", error, FIT_TOLERANCE[name]) for name, error in errors.items()]
    text = TEXT.format(
        gpu=torch.cuda.get_device_name(),
        hardware=machine("torch", "transformers"),
        checks=shown(check.line() for check in checked),
        compiled=" with torch.compile" if args.compile else "",
        tokens=TOKENS,
        speeds=shown(speeds(config, device, ROWS, args.repeats, args.compile)),
        lengths=" | ".join(f"{length:,}" for length in LENGTHS),
        columns="---|" * len(LENGTHS),
        memory=shown(long_sequences(config, device, LENGTHS)),
        steps=STEPS,
        fits="\n".join(fitted),
    )
    print(text)
    if args.out:
        write_text(args.out, text)
    failed = [check for check in checked if not check.passed]
    if failed:
        raise SystemExit(f"error: {len(failed)} of {len(checked)} checks failed")


if __name__ == "__main__":
    main()
