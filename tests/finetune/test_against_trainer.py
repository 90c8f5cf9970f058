"""A fit goes step by step as the Trainer of transformers does, with which the released scripts fit."""

import copy

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from tests.finetune.conftest import SETTINGS
from workflow_scripts.finetune.datasets import training_batches
from workflow_scripts.finetune.training import Fit, parameter_groups
from workflow_scripts.inference.encoding import collate
from workflow_scripts.settings.fit_settings import FitSettings

STEPS = 50
# Rates and decay with which every detail of a step shows within 50 steps.
RELEASED = SETTINGS | {
    "learning_rate": 2e-3,
    "weight_decay": 0.5,
    "warmup_steps": 10,
    "max_steps": STEPS,
    "eval_steps": 0,
}
CPU = torch.device("cpu")


def without_dropout(model: torch.nn.Module) -> torch.nn.Module:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def batches_of(fit: Fit) -> list[np.ndarray]:
    order = training_batches(fit.tokens["train"], fit.settings.batch_size, fit.seed, 0.0)
    return [entries for entries, _ in zip(order, range(STEPS), strict=False)]


def own_losses(fit: Fit, batches: list[np.ndarray]) -> list[float]:
    losses = []
    fit.model.train()
    for step, entries in enumerate(batches):
        for group in fit.optimizer.param_groups:
            group["lr"] = fit.settings.learning_rate_at(step, STEPS)
        losses.append(fit.gradients(entries))
        fit.update()
    return losses


def trainer_losses(model: torch.nn.Module, fit: Fit, batches: list[np.ndarray], folder) -> list[float]:
    """The losses of the Trainer with its own defaults for all that the released scripts do not set."""
    tokens = fit.tokens["train"]
    labels = torch.from_numpy(tokens.labels)
    rows = [
        collate(tokens.encoded, entries, fit.network.pad_id, CPU) | {"labels": labels[entries]} for entries in batches
    ]
    losses = []

    class Listening(Trainer):
        def get_train_dataloader(self):
            return DataLoader(rows, batch_size=None)

        def compute_loss(self, model, inputs, *args, **kwargs):
            loss = super().compute_loss(model, inputs, *args, **kwargs)
            losses.append(loss.item())
            return loss

    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=STEPS,
        learning_rate=RELEASED["learning_rate"],
        warmup_steps=RELEASED["warmup_steps"],
        weight_decay=RELEASED["weight_decay"],
        use_cpu=True,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
    )
    Listening(model=model, args=arguments, train_dataset=rows).train()
    return losses


def both(build, folder, **changes) -> tuple[np.ndarray, np.ndarray, dict, dict]:
    """Losses of every step, and the last weights, of a fit with some settings changed and of the Trainer without."""
    fit = build(FitSettings(**RELEASED | changes))
    without_dropout(fit.model)
    fit.model.classifier.weight.data *= 50  # for gradients that are clipped
    model = copy.deepcopy(fit.model)
    batches = batches_of(fit)
    own, others = own_losses(fit, batches), trainer_losses(model, fit, batches, folder)
    return np.array(own), np.array(others), fit.model.state_dict(), model.state_dict()


@pytest.mark.slow
def test_losses_and_weights_are_those_of_the_trainer(build, tmp_path, one_thread):
    own, others, weights, expected = both(build, tmp_path)
    assert len(own) == len(others) == STEPS and own[-1] < own[0] - 0.3
    assert np.abs(own - others).max() < 1e-5
    differences = torch.cat([(weights[name] - expected[name]).flatten() for name in expected])
    assert differences.abs().mean() < 1e-5  # AdamW makes steps of the rounding where a gradient is almost 0


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"max_grad_norm": 0.0}, {"weight_decay": 0.0}, {"warmup_steps": 9}])
def test_the_comparison_sees_a_detail_that_differs(build, tmp_path, one_thread, changes):
    own, others, *_ = both(build, tmp_path, **changes)
    assert np.abs(own - others).max() > 1e-3


def test_biases_and_layernorm_do_not_decay(build):
    model = build(FitSettings(**RELEASED)).model
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decaying, spared = ({names[id(p)] for p in group["params"]} for group in parameter_groups(model, 0.5))
    assert decaying | spared == set(names.values()) and not decaying & spared
    assert all(name.endswith("weight") and "LayerNorm" not in name for name in decaying)
    assert all("bias" in name or "layernorm" in name.lower() for name in spared)
