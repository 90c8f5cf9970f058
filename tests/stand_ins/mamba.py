"""Stand-in for ``mamba_ssm.modules.mamba_simple``: the layer by its equations, without kernels for GPUs.

Names and shapes of the weights are those of the package (Gu and Dao 2023, arXiv 2312.00752, algorithm 2).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Mamba(nn.Module):
    """[rows, tokens, d_model] to the same; each token sees those before it."""

    def __init__(self, d_model, d_state=16, d_conv=4, expand=2, layer_idx=None, device=None, dtype=None):
        super().__init__()
        inner, self.rank, self.d_state = expand * d_model, -(-d_model // 16), d_state
        self.in_proj = nn.Linear(d_model, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, d_conv, groups=inner, padding=d_conv - 1)
        self.x_proj = nn.Linear(inner, self.rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.rank, inner)
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).repeat(inner, 1).log())
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, d_model, bias=False)

    def forward(self, hidden_states: Tensor, inference_params=None) -> Tensor:
        tokens = hidden_states.shape[1]
        x, gate = self.in_proj(hidden_states).chunk(2, dim=-1)
        x = functional.silu(self.conv1d(x.transpose(1, 2))[..., :tokens].transpose(1, 2))
        step, before, after = self.x_proj(x).split([self.rank, self.d_state, self.d_state], dim=-1)
        step = functional.softplus(self.dt_proj(step))
        state, outputs = torch.zeros(*x.shape[::2], self.d_state, dtype=x.dtype), []
        for place in range(tokens):
            width = step[:, place, :, None]
            state = state * torch.exp(-width * self.A_log.exp())
            state = state + width * before[:, place, None] * x[:, place, :, None]
            outputs.append((state * after[:, place, None]).sum(-1))
        return self.out_proj((torch.stack(outputs, dim=1) + self.D * x) * functional.silu(gate))


class Block(nn.Module):
    """The layer after a norm, with what it adds to."""

    def __init__(self, dim, mixer_cls, norm_cls=nn.LayerNorm, fused_add_norm=False, residual_in_fp32=False):
        super().__init__()
        self.mixer, self.norm = mixer_cls(dim), norm_cls(dim)

    def forward(self, hidden_states: Tensor, residual: Tensor | None = None, inference_params=None):
        residual = hidden_states if residual is None else residual + hidden_states
        return self.mixer(self.norm(residual)), residual
