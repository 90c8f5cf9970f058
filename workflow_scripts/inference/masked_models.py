"""The masked language model of a directory, with the head that was pre-trained with it."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForMaskedLM

from workflow_scripts.common.errors import UserError
from workflow_scripts.inference.encoders import first_line
from workflow_scripts.inference.models import DTYPE, read_description, register
from workflow_scripts.inference.network import Network, device_here
from workflow_scripts.model import DnaBert2ForMaskedLM


def read_masked(folder: Path, pad_id: int | None, precision: str = "fp32", trust_remote_code: bool = False) -> Network:
    """The model whose ``logits`` are [rows, tokens, vocabulary]; ``pad_id``: see Network.

    Raises UserError if the directory has no masked language model, or none of its head's weights.
    """
    described = read_description(folder)
    register(described, folder)
    ours = described.get("model_type") == "dnabert2" or "alibi_starting_size" in described
    options: dict[str, Any] = {DTYPE: torch.float32, "output_loading_info": True}
    if not ours:
        options["trust_remote_code"] = trust_remote_code
    kind: Any = DnaBert2ForMaskedLM if ours else AutoModelForMaskedLM
    try:
        model, told = kind.from_pretrained(folder, **options)
    except Exception as error:  # the library raises whatever its readers meet
        reason = first_line(error)
        raise UserError(f"{folder}: no masked language model ({reason}); score embeddings instead") from error
    if missing := sorted(told["missing_keys"]):
        raise UserError(
            f"{folder}: {len(missing)} weights of the masked language model are missing, such as {missing[0]}; name "
            f"the pre-trained model, or score embeddings instead"
        )
    device = device_here()
    return Network(model.eval().to(device), pad_id, precision, device)
