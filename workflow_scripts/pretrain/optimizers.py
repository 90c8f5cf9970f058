"""The optimiser of a pre-training: AdamW, or Muon for the matrices of the layers and AdamW for the rest."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from workflow_scripts.model import DnaBert2ForMaskedLM
from workflow_scripts.settings.pretrain import Training


class Combined(torch.optim.Optimizer):
    """Several optimisers, each with its own parameters, as one: one list of groups, one state, one step."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]):
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})
        self._share()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Called by ``load_state_dict``, which makes new groups and a new state."""
        super().__setstate__(state)
        self._share()

    def _share(self) -> None:
        """Make the parts work on these groups and on this state."""
        groups = iter(self.param_groups)
        for part in self.parts:
            part.param_groups = [next(groups) for _ in part.param_groups]
            part.state = self.state

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step of every part, with the gradients that there are."""
        if closure is not None:
            raise ValueError("combined optimisers take no closure: it would be called once for each of them")
        for part in self.parts:
            part.step()


def decay_per_rate(training: Training) -> float:
    """The weight decay in the convention of torch, whose step is ``learning rate * decay * weight``.

    Scaled by the schedule, the step is ``learning rate / peak learning rate * weight_decay * weight``, as in Composer's
    DecoupledAdamW.
    """
    if training.weight_decay_scaling == "schedule":
        return training.weight_decay / training.learning_rate
    return training.weight_decay


def make_optimizer(model: DnaBert2ForMaskedLM, training: Training) -> torch.optim.Optimizer:
    """The optimiser that the settings name; all parameters decay, as in the trainer that the paper's authors name."""
    if training.optimizer == "adamw":
        return adamw(list(model.parameters()), training)
    matrices = layer_matrices(model)
    chosen = set(map(id, matrices))
    others = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
    return Combined([muon(matrices, training), adamw(others, training)])


def layer_matrices(model: DnaBert2ForMaskedLM) -> list[nn.Parameter]:
    """The matrices between hidden states: of all linear layers but the decoder, whose rows are tokens' embeddings."""
    decoder = model.get_output_embeddings()
    linear = [module for module in model.modules() if isinstance(module, nn.Linear) and module is not decoder]
    return [parameter for module in linear for parameter in module.parameters() if parameter.ndim == 2]


def adamw(parameters: Sequence[nn.Parameter], training: Training) -> torch.optim.AdamW:
    """AdamW; fused, because that is several times faster, on CPUs too."""
    return torch.optim.AdamW(
        parameters,
        lr=training.learning_rate,
        betas=(training.beta1, training.beta2),
        eps=training.epsilon,
        weight_decay=decay_per_rate(training),
        fused=True,
    )


def muon(matrices: Sequence[nn.Parameter], training: Training) -> torch.optim.Muon:
    """Muon (Jordan et al. 2024), with updates as large as AdamW's, so that one learning rate serves both.

    The scale is that of Liu et al. 2025, "Muon is scalable for LLM training", section 2.2; momentum 0.95 and five
    Newton-Schulz iterations are torch's defaults and theirs.
    """
    return torch.optim.Muon(
        matrices,
        lr=training.learning_rate,
        weight_decay=decay_per_rate(training),
        adjust_lr_fn="match_rms_adamw",
    )
