"""Training in low precision: LayerNorm as in the paper's models, and gradients that must stay finite."""

import torch
from torch import nn
from torch.nn import functional

from workflow_scripts.common.errors import UserError

# Gradients that overflow even at this loss scale will overflow at any.
SMALLEST_SCALE = 2.0**-10


class LowPrecisionLayerNorm(nn.LayerNorm):
    """LayerNorm in the precision of autocast, as in the paper's models; autocast itself keeps LayerNorm in 32 bits."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        device = hidden.device.type
        if not torch.is_autocast_enabled(device):
            return super().forward(hidden)
        dtype = torch.get_autocast_dtype(device)
        with torch.autocast(device, enabled=False):
            weight, bias = self.weight.to(dtype), self.bias.to(dtype)
            return functional.layer_norm(hidden.to(dtype), self.normalized_shape, weight, bias, self.eps)


def lower_layernorm(model: nn.Module) -> None:
    """Turn every LayerNorm of a model into a LowPrecisionLayerNorm; parameters and their names do not change."""
    for module in model.modules():
        if type(module) is nn.LayerNorm:
            module.__class__ = LowPrecisionLayerNorm


def check_gradients(scaler: torch.amp.GradScaler, parameters: list[nn.Parameter], step: int) -> None:
    """Raise UserError if the step would make the weights infinite or NaN.

    With fp16 the scaler itself skips a step whose gradients overflow and halves its scale. This stops it when the
    scale becomes too small.
    """
    if scaler.is_enabled():
        if scaler.get_scale() < SMALLEST_SCALE:
            raise UserError(f"step {step}: the gradients overflow fp16 at every scale; use bf16 or fp32")
        return
    norm = nn.utils.get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])
    if not torch.isfinite(norm):
        raise UserError(
            f"step {step}: the gradients have norm {norm.item()}; lower learning_rate and start again, "
            "the last saved state is intact"
        )
