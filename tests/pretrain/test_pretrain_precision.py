"""16-bit arithmetic: close to 32 bits, resumed exactly, and with few kernel shapes."""

import json

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForMaskedLM

from workflow_scripts.common.errors import UserError
from workflow_scripts.inference.masked_loss import MaskedLoss
from workflow_scripts.inference.masking import IGNORED
from workflow_scripts.inference.precision import autocast, loss_scaler
from workflow_scripts.pretrain import pretrain_model
from workflow_scripts.pretrain.precision import LowPrecisionLayerNorm, check_gradients, lower_layernorm
from workflow_scripts.pretrain.step import POSITION_MULTIPLE, padded_positions

CPU = torch.device("cpu")


@pytest.mark.slow
@pytest.mark.parametrize("lowered", [False, True])
@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_16_bits_keep_weights_in_32_and_the_loss_close(arguments, read_log, tmp_path, kind, lowered):
    changed = {"precision": kind, "low_precision_layernorm": lowered}
    for name, settings in (("fp32", {"precision": "fp32"}), ("low", changed)):
        assert pretrain_model.main(arguments(name, steps=10, log_every=1, **settings)) == 0
    close = [[entry.get("loss", 0) for entry in read_log(tmp_path / name)] for name in ("fp32", "low")]
    assert close[0] != close[1] and close[1] == pytest.approx(close[0], rel=0.03)
    assert AutoModelForMaskedLM.from_pretrained(tmp_path / "low").dtype == torch.float32


def test_a_low_precision_layernorm_keeps_its_parameters_and_computes_in_16_bits(stepper, arguments):
    model = stepper(arguments("model")).model
    before = model.state_dict()
    lower_layernorm(model)
    assert model.state_dict().keys() == before.keys()
    layers = [module for module in model.modules() if isinstance(module, torch.nn.LayerNorm)]
    assert layers and all(type(layer) is LowPrecisionLayerNorm for layer in layers)
    hidden = torch.randn(5, 32)
    assert torch.equal(layers[0](hidden), torch.nn.functional.layer_norm(hidden, (32,), eps=layers[0].eps))
    with autocast(CPU, "bf16"):
        assert layers[0](hidden).dtype == torch.bfloat16


@pytest.mark.slow
def test_the_scale_of_fp16_is_part_of_the_state(arguments, attempts, assert_same_result, tmp_path):
    """It grows after 2,000 good steps and halves after a bad one, so a run with another scale would differ."""
    commands = [arguments(name, steps=12, precision="fp16", checkpoint_every=4) for name in ("whole", "stopped")]
    assert attempts(commands[1], {"point": "update", "count": 7, "signal": "SIGTERM"})[0] == [75]
    with safe_open(tmp_path / ".state-stopped" / "step-000000007.safetensors", "pt") as handle:
        scaler = json.loads(handle.metadata()["memory"])["scaler"]
    assert scaler["scale"] == 2.0**16 and scaler["_growth_tracker"] == 7
    assert attempts(commands[1], {})[0] == attempts(commands[0], {})[0] == [0]
    assert_same_result("whole", "stopped")


def test_gradients_that_overflow_fp16_halve_the_scale_and_skip_the_step_until_the_scale_is_too_small():
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.AdamW([weight])
    scaler = loss_scaler(CPU, "fp16")
    with pytest.raises(UserError, match="step 9: the gradients overflow fp16 at every scale; use bf16 or fp32"):
        for _ in range(40):
            scaler.scale(weight.sum() * np.inf).backward()
            check_gradients(scaler, [weight], 9)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad()
    assert weight.item() == 1 and scaler.get_scale() < 2.0**-10


@pytest.mark.parametrize("masked", [0, 1, 63, 64, 65, 600, 1024])
def test_positions_are_padded_to_a_multiple_and_include_every_masked_one(masked):
    chosen = np.zeros((32, 32), dtype=bool)
    chosen.reshape(-1)[np.random.default_rng(masked).permutation(1024)[:masked]] = True
    positions = padded_positions(chosen)
    assert positions.sum() == -(-masked // POSITION_MULTIPLE) * POSITION_MULTIPLE and np.all(positions[chosen])


def test_padded_positions_change_neither_loss_nor_gradients(stepper, arguments):
    module = MaskedLoss(stepper(arguments("model", architecture={"hidden_dropout_prob": 0.0})).model)
    random = np.random.default_rng(0)
    inputs = torch.from_numpy(random.integers(5, 24, (8, 16)))
    labels = torch.from_numpy(np.where(random.random((8, 16)) < 0.15, random.integers(5, 24, (8, 16)), IGNORED))
    found = []
    for positions in (labels != IGNORED, torch.from_numpy(padded_positions((labels != IGNORED).numpy()))):
        module.zero_grad()
        loss, sums = module(inputs, labels, positions, None)
        loss.backward()
        found.append((loss.item(), sums, module.model.cls.predictions.decoder.bias.grad.clone()))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6) and torch.allclose(found[0][1], found[1][1])
    assert torch.allclose(found[0][2], found[1][2], atol=1e-6)


def test_the_module_that_is_trained_is_the_compiled_one(arguments, stepper, planted):
    """A fake compiler returns the module that it is given."""
    seen = []

    class Compiler:
        def __call__(self, module, **options):
            seen.append((module, options))
            return module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", Compiler())
        made = stepper(arguments("model", compile=True))
    assert [type(module) for module, _ in seen] == [MaskedLoss] and made.module is seen[0][0]


@pytest.mark.parametrize(
    ("attention", "message"),
    [("flex", "flex computes no gradients on a CPU"), ("flash", "attention flash: needs a GPU")],
)
def test_attention_that_cannot_train_here_is_refused_in_one_line(arguments, capsys, attention, message):
    assert pretrain_model.main(arguments("model", attention=attention)) == 1
    stderr = capsys.readouterr().err
    assert f"error: training.attention: {message}" in stderr and "Traceback" not in stderr
