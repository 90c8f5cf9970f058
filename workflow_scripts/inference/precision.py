"""The arithmetic of a model: 32 bits, bfloat16, or float16 with a scaled loss; and what the hardware computes."""

import contextlib
import sys

import torch

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
AMPERE = (8, 0)
"""Compute capability from which GPUs of NVIDIA compute bfloat16; V100 and T4 are before it."""
CPU_FEATURES = ("avx512_bf16", "amx_bf16")
"""Instructions with which a CPU computes bfloat16; without them torch imitates it, tens of times slower than fp32."""


def computes_bf16(device: torch.device) -> bool:
    """Whether the device computes bfloat16 itself."""
    if device.type == "cuda":
        return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= AMPERE
    features = torch.cpu.get_capabilities()
    return device.type == "cpu" and any(features.get(name, False) for name in CPU_FEATURES)


def best_precision(device: torch.device) -> str:
    """bf16 where the hardware computes it, fp16 on older GPUs, else fp32."""
    if computes_bf16(device):
        return "bf16"
    return "fp16" if device.type == "cuda" else "fp32"


def resolved(precision: str, device: torch.device) -> str:
    """The precision that ``auto`` means on a device, any other as it is; says so if the device only imitates it."""
    if precision == "auto":
        return best_precision(device)
    if precision == "bf16" and not computes_bf16(device):
        advice = f"precision: auto takes {best_precision(device)}"
        print(
            f"bf16 is not computed by this hardware but imitated, which is slow; {advice}", file=sys.stderr, flush=True
        )
    return precision


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """The context of forward passes."""
    if precision in DTYPES:
        return torch.autocast(device.type, DTYPES[precision])
    return contextlib.nullcontext()


def loss_scaler(device: torch.device, precision: str) -> torch.amp.GradScaler:
    """A scaler of the loss for fp16, whose gradients would underflow; it does nothing for other precisions."""
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16")
