"""auto is what the hardware computes: bf16, fp16 on GPUs without it, else fp32."""

import pytest
import torch

from workflow_scripts.inference.precision import best_precision, resolved

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((7, 0), "fp16"), ((7, 5), "fp16"), ((8, 0), "bf16"), ((8, 9), "bf16"), ((9, 0), "bf16"), ((12, 0), "bf16")],
)
def test_gpus_of_nvidia(monkeypatch, capability, expected):
    """V100 and T4 have no bf16; the A100 was the first."""
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert best_precision(GPU) == resolved("auto", GPU) == expected


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx2": True}, "fp32"),
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False}, "fp32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({}, "fp32"),
    ],
)
def test_cpus(monkeypatch, features, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features)
    assert best_precision(CPU) == expected


def test_what_is_asked_for_is_taken_and_said_to_be_slow(monkeypatch, capsys):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert [resolved(precision, CPU) for precision in ("fp32", "fp16", "bf16")] == ["fp32", "fp16", "bf16"]
    assert capsys.readouterr().err == (
        "bf16 is not computed by this hardware but imitated, which is slow; precision: auto takes fp32\n"
    )
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert resolved("bf16", CPU) == "bf16" and not capsys.readouterr().err
