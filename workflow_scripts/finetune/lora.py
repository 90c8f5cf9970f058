"""LoRA: which layers of a model can be adapted, and a model with new adapters on them."""

from pathlib import Path

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json, write_json
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.inference.models import HEADS, in_head
from workflow_scripts.inference.pooled import takes
from workflow_scripts.settings.fit_settings import FitSettings


def linear_layers(model: nn.Module) -> list[str]:
    """Full names of the linear layers below the head, which LoRA can adapt; GPT-2 calls them Conv1D."""
    linear = (nn.Linear, Conv1D)
    return [name for name, module in model.named_modules() if isinstance(module, linear) and not in_head(name)]


def check_targets(model: nn.Module, targets: list[str]) -> None:
    """Raise UserError for a target that matches no layer, with the names of the layers."""
    layers = linear_layers(model)
    unmatched = [target for target in targets if not any(f".{name}".endswith(f".{target}") for name in layers)]
    if unmatched:
        known = ", ".join(sorted({name.rpartition(".")[2] for name in layers}))
        raise UserError(f"targets: {', '.join(unmatched)} match no layer of this model; its linear layers are {known}")


def with_lora(model: nn.Module, settings: FitSettings, seed: int) -> nn.Module:
    """The model with LoRA on ``settings.targets``; encoder frozen, head trained and saved with the adapter."""
    from peft import LoraConfig, get_peft_model  # an import of a second, for adapters only

    check_targets(model, settings.targets)
    torch.manual_seed(stable_hash(seed, "adapter"))
    config = LoraConfig(
        # a classifier of peft passes a mask to every model
        task_type="SEQ_CLS" if "attention_mask" in takes(model) else None,
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=list(settings.targets),
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
        modules_to_save=[head for head in HEADS if any(head in name.split(".") for name, _ in model.named_modules())],
    )
    return get_peft_model(model, config)


def rewrite_description(path: Path, base: Path) -> None:
    """Name the directory of the base model in an adapter_config.json, and remove what peft assumes anyway.

    Earlier versions of peft do not know all of its keys.
    """
    from peft import LoraConfig

    assumed = LoraConfig().to_dict()
    shown = ("peft_type", "r", "lora_alpha", "lora_dropout")
    described = read_json(path) | {"base_model_name_or_path": str(base)}
    write_json(path, {key: value for key, value in described.items() if key in shown or value != assumed[key]})
