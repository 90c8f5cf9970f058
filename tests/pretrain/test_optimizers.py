"""AdamW and Muon make the steps of their formulas, decay as their key says, and resume to the same bytes."""

import math

import pytest
import torch

from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.pretrain import pretrain_model
from workflow_scripts.pretrain.optimizers import Combined, layer_matrices, make_optimizer
from workflow_scripts.settings.pretrain import Training

SIZES = {"vocab_size": 24, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
PEAK, RATE = 1e-2, 4e-3  # the rate is set by the schedule before every step
SCALINGS = ("schedule", "learning_rate")


@pytest.fixture
def model() -> DnaBert2ForMaskedLM:
    """A tiny model with no weight at zero, so that decay shows in each."""
    torch.manual_seed(0)
    model = DnaBert2ForMaskedLM(DnaBert2Config(**SIZES, positions="learned", max_positions=16))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    return model


@pytest.fixture
def gradients(model) -> dict[str, torch.Tensor]:
    """Random gradients by the name of the parameter."""
    return {name: torch.randn_like(parameter) for name, parameter in model.named_parameters()}


def step(model: torch.nn.Module, gradients: dict[str, torch.Tensor], **settings) -> dict[str, torch.Tensor]:
    """The change of every parameter in double precision, after one step at RATE."""
    before = {name: parameter.detach().double() for name, parameter in model.named_parameters()}
    optimizer = make_optimizer(model, Training(learning_rate=PEAK, **settings))
    for group in optimizer.param_groups:
        group["lr"] = RATE
    for name, parameter in model.named_parameters():
        parameter.grad = gradients[name].clone()
    optimizer.step()
    return {name: parameter.detach().double() - before[name] for name, parameter in model.named_parameters()}


def decay(scaling: str, weight_decay: float) -> float:
    """The share of a weight that a step at RATE takes away."""
    return weight_decay * {"schedule": RATE / PEAK, "learning_rate": RATE}[scaling]


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_step_of_adamw_is_that_of_the_formula(model, gradients, scaling):
    """In the first step the bias corrections leave the gradient and its square: the update is the gradient's sign."""
    before = {name: parameter.detach().double() for name, parameter in model.named_parameters()}
    changes = step(model, gradients, weight_decay=0.1, weight_decay_scaling=scaling)
    for name, change in changes.items():
        gradient = gradients[name].double()
        expected = -decay(scaling, 0.1) * before[name] - RATE * gradient / (gradient.abs() + 1e-6)
        torch.testing.assert_close(change, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("scaling", SCALINGS)
def test_every_parameter_decays_by_the_same_share(model, gradients, optimizer, scaling):
    """Biases and LayerNorm too, as in DecoupledAdamW(model.parameters()) of the template."""
    before = {name: parameter.detach().double() for name, parameter in model.named_parameters()}
    still = {name: torch.zeros_like(gradient) for name, gradient in gradients.items()}
    changes = step(model, still, optimizer=optimizer, weight_decay=0.1, weight_decay_scaling=scaling)
    for name, change in changes.items():
        torch.testing.assert_close(change, -decay(scaling, 0.1) * before[name], rtol=1e-3, atol=1e-7)


def test_the_papers_decay_scaled_by_the_learning_rate_is_lost_in_rounding(model, gradients):
    """5e-4 x 1e-5 is below half a unit of float32's last place; scaled by the schedule it is not."""
    left = {}
    for scaling in SCALINGS:
        weight = torch.nn.Parameter(torch.linspace(0.5, 2, 1001))
        model.cls.predictions.decoder.bias = weight
        optimizer = make_optimizer(model, Training(weight_decay_scaling=scaling))
        for _ in range(100):
            weight.grad = torch.zeros_like(weight)
            optimizer.step()
        left[scaling] = (weight.detach() / torch.linspace(0.5, 2, 1001)).double()
    assert torch.all(left["learning_rate"] == 1)
    torch.testing.assert_close(left["schedule"].mean().item(), (1 - 1e-5) ** 100, rtol=0, atol=1e-5)


def test_muon_has_the_matrices_of_the_layers_and_adamw_the_rest(model):
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    layer = {"attention.self.Wqkv", "attention.output.dense", "mlp.gated_layers", "mlp.wo"}
    expected = {f"bert.encoder.layer.{number}.{name}.weight" for number in range(2) for name in layer}
    expected.add("cls.predictions.transform.dense.weight")
    assert {names[id(matrix)] for matrix in layer_matrices(model)} == expected
    optimizer = make_optimizer(model, Training(optimizer="muon"))
    trained = [names[id(parameter)] for group in optimizer.param_groups for parameter in group["params"]]
    assert sorted(trained) == sorted(names.values())  # each once, the tied embedding too


def singular_values(update: torch.Tensor) -> torch.Tensor:
    """Relative to those of a matrix with orthogonal rows and the same mean square."""
    return torch.linalg.svdvals(update) / update.norm() * math.sqrt(min(update.shape))


def test_an_update_of_muon_is_orthogonal_along_the_gradient_and_as_large_as_adamws(model, gradients):
    """Newton-Schulz leaves singular values around one; those of AdamW's update are as spread as the gradient's."""
    names = [name for name, parameter in model.named_parameters() if any(parameter is m for m in layer_matrices(model))]
    random = torch.Generator().manual_seed(2)
    for name in names:  # of low effective rank, as gradients are: singular values over two orders of magnitude
        left, _, right = torch.linalg.svd(gradients[name], full_matrices=False)
        values = torch.logspace(0, -2, left.shape[1]) * (1 + torch.rand(left.shape[1], generator=random))
        gradients[name] = left * values @ right
    weights = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    updates = {}
    for optimizer in ("muon", "adamw"):
        model.load_state_dict(weights, strict=False)
        updates[optimizer] = step(model, gradients, optimizer=optimizer, weight_decay=0.0)
    for name in names:
        left, _, right = torch.linalg.svd(gradients[name].double(), full_matrices=False)
        update = updates["muon"][name] / -RATE
        assert singular_values(update).min() > 0.5 and singular_values(update).max() < 1.5
        assert singular_values(updates["adamw"][name]).min() < 0.3
        along = (left.T @ update @ right.T).diagonal()  # on the gradient's own singular directions
        assert along.norm() / update.norm() > 0.99
        assert update.square().mean().sqrt() == pytest.approx(0.2, rel=0.25)  # 0.2 is the size that Liu et al. match
    for name in updates["adamw"].keys() - set(names):
        assert torch.equal(updates["adamw"][name], updates["muon"][name])


def test_combined_optimisers_have_one_state_also_after_it_is_loaded(model, gradients):
    """The loaded state and groups are those that the parts use: the second step depends on the first."""
    weights = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    settings = Training(learning_rate=PEAK, optimizer="muon")
    ends = []
    for reload in (False, True):
        model.load_state_dict(weights, strict=False)
        optimizer = make_optimizer(model, settings)
        for number in range(2):
            for name, parameter in model.named_parameters():
                parameter.grad = gradients[name] * (
                    1 + number * torch.arange(gradients[name].numel()).view_as(parameter)
                )
            for group in optimizer.param_groups:
                group["lr"] = RATE / (1 + number)
            optimizer.step()
            if reload and number == 0:
                state = optimizer.state_dict()
                optimizer = make_optimizer(model, settings)
                optimizer.load_state_dict(state)
        ends.append({name: parameter.detach().clone() for name, parameter in model.named_parameters()})
        moments = {len(state) for state in optimizer.state_dict()["state"].values()}
        assert moments == {1, 3}  # Muon's momentum; AdamW's step and two means
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in weights)


def test_combined_optimisers_refuse_a_closure(model):
    optimizer = make_optimizer(model, Training(optimizer="muon"))
    assert isinstance(optimizer, Combined)
    with pytest.raises(ValueError, match="take no closure"):
        optimizer.step(lambda: 0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "muon", "precision": "fp32"},
        {"optimizer": "muon", "precision": "fp16"},
        {"optimizer": "adamw", "weight_decay_scaling": "learning_rate", "weight_decay": 0.1},
        {"optimizer": "adamw", "weight_decay_scaling": "schedule", "weight_decay": 1e-3},
    ],
)
def test_a_run_killed_in_the_middle_of_an_update_ends_with_the_same_bytes(
    arguments, attempts, assert_same_result, settings
):
    """Of Muon with AdamW the kill falls between the two: the matrices have been updated, the rest has not."""
    commands = [arguments(name, steps=30, checkpoint_every=4, **settings) for name in ("whole", "killed")]
    statuses, stderr = attempts(commands[1], {"point": "update", "count": 7}, {"point": "update", "count": 12}, {})
    assert statuses == [-9, -9, 0]
    assert "resumed at step 4" in stderr and "resumed at step 12" in stderr
    assert attempts(commands[0], {})[0] == [0]
    assert_same_result("whole", "killed")


@pytest.mark.slow
def test_two_processes_train_the_same_model_with_muon(arguments, attempts, read_log, tmp_path):
    """Up to the rounding of sums: Newton-Schulz computes in bfloat16."""
    settings = {"optimizer": "muon", "learning_rate": 0.02, "steps": 30, "micro_batch_size": 8, "log_every": 5}
    for name, processes in (("one", 1), ("two", 2)):
        assert attempts(arguments(name, **settings), {"processes": processes})[0] == [0]
    losses = [[entry["loss"] for entry in read_log(tmp_path / name) if "loss" in entry] for name in ("one", "two")]
    assert losses[0] != losses[1] and losses[1] == pytest.approx(losses[0], rel=1e-2)
    assert losses[0][-1] < 0.4 * losses[0][0]


def test_a_state_is_bound_to_the_optimiser_and_the_scaling(arguments, interrupt, capsys):
    interrupt(25)
    assert pretrain_model.main(arguments("model")) == 130
    for changed in ({"optimizer": "muon"}, {"weight_decay_scaling": "learning_rate"}):
        assert pretrain_model.main(arguments("model", **changed)) == 1
        ((name, value),) = changed.items()
        assert f"training.{name} was " in (error := capsys.readouterr().err) and f", is {value}" in error
