"""A head of this project on the encoder of any library: for models without a published classifier class.

The encoder is called with the arguments that its ``forward`` takes and no others. A text is the mean, the first or the
last of its tokens; padding never counts.
"""

from inspect import signature
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional
from transformers.modeling_outputs import SequenceClassifierOutput

HEAD_FILE = "pooled_head.safetensors"
"""The head of a saved PooledClassifier, next to the files of its encoder."""
INITIALIZER_RANGE = 0.02
"""Standard deviation of a fresh head if the configuration of the encoder names none; as in BERT."""

Pooling = Literal["cls", "mean", "last"]


class Lengths(NamedTuple):
    """The lengths that an encoder takes: multiples of ``of``. Shorter texts are filled with the token ``filler``."""

    of: int = 1
    filler: int = 0


ANY_LENGTH = Lengths()


class PooledClassifier(nn.Module):
    """``encoder``, pooling over the tokens of a text, and a linear layer; saved like a model of transformers.

    ``width``: size of the encoder's hidden states. The head is drawn from torch's global generator.
    """

    def __init__(self, encoder: Any, pooling: Pooling, width: int, outputs: int, lengths: Lengths = ANY_LENGTH):
        super().__init__()
        self.encoder, self.pooling, self.lengths = encoder, pooling, lengths
        self.classifier: nn.Module = nn.Linear(width, outputs)
        nn.init.normal_(self.classifier.weight, std=getattr(encoder.config, "initializer_range", INITIALIZER_RANGE))
        nn.init.zeros_(self.classifier.bias)
        encoder.config.num_labels = outputs

    @property
    def config(self) -> Any:
        """The configuration of the encoder."""
        return self.encoder.config

    def get_input_embeddings(self) -> nn.Module:
        """That of the encoder; its first one, if its code does not say which it is."""
        try:
            return self.encoder.get_input_embeddings()
        except NotImplementedError:
            for module in self.encoder.modules():
                if isinstance(module, nn.Embedding):
                    return module
            raise

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        output_hidden_states: bool = False,
        **_unused: Any,
    ) -> SequenceClassifierOutput:
        """[rows, tokens] to logits [rows, outputs]. peft passes arguments that have no meaning here."""
        states, layers = hidden_states(
            self.encoder, input_ids, attention_mask, token_type_ids, output_hidden_states, self.lengths
        )
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        return SequenceClassifierOutput(
            logits=self.classifier(pooled(states, mask, self.pooling)), hidden_states=layers
        )

    def save_pretrained(self, folder: Path) -> None:
        save_weights(self.encoder, folder)
        self.save_head(folder)

    def save_head(self, folder: Path) -> None:
        """Write the head only."""
        weights = {name: tensor.contiguous() for name, tensor in self.classifier.state_dict().items()}
        save_file(weights, folder / HEAD_FILE)

    def load_head(self, folder: Path) -> bool:
        """Take the head that a folder holds, if it has as many outputs; returns whether it does."""
        if not (folder / HEAD_FILE).is_file():
            return False
        weights = load_file(folder / HEAD_FILE)
        if weights["weight"].shape != self.classifier.weight.shape:
            return False
        self.classifier.load_state_dict(weights)
        return True


def save_weights(model: Any, folder: Path) -> None:
    """Write a model; what code of its own shares between layers (Caduceus) is written for each of them.

    The library refuses to save shared tensors that the class does not name.
    """
    own_code = type(model).__module__.startswith("transformers_modules.")
    shared = {"state_dict": {name: tensor.clone() for name, tensor in model.state_dict().items()}} if own_code else {}
    model.save_pretrained(folder, **shared)


def takes(model: Any) -> frozenset[str]:
    """Names of the arguments that the ``forward`` of a model takes, without an adapter that may be on it."""
    return frozenset(signature(_base(model).forward).parameters)


def inputs_of(model: Any) -> frozenset[str]:
    """Names of the arguments that a model reads: of a pooled one, those that its encoder takes."""
    base = _base(model)
    return takes(base.encoder if isinstance(base, PooledClassifier) else base)


def _base(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def hidden_states(
    encoder: Any,
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    token_type_ids: Tensor | None = None,
    every_layer: bool = False,
    lengths: Lengths = ANY_LENGTH,
) -> tuple[Tensor, tuple[Tensor, ...] | None]:
    """The last hidden states [rows, tokens, width] of an encoder or language model, and those of all layers if asked.

    Raises ValueError if the model returns none.
    """
    possible, tokens = inputs_of(encoder), input_ids.shape[1]
    if missing := -tokens % lengths.of:
        input_ids = functional.pad(input_ids, (0, missing), value=lengths.filler)
        attention_mask = None if attention_mask is None else functional.pad(attention_mask, (0, missing), value=1)
        token_type_ids = None if token_type_ids is None else functional.pad(token_type_ids, (0, missing))
    values = {"attention_mask": attention_mask, "token_type_ids": token_type_ids}
    given: dict[str, Any] = {name: value for name, value in values.items() if value is not None and name in possible}
    if "return_dict" in possible:
        given["return_dict"] = True
    output = encoder(input_ids=input_ids, **given, **({"output_hidden_states": True} if every_layer else {}))
    states = output[0] if isinstance(output, tuple) else getattr(output, "last_hidden_state", None)
    if states is None and not every_layer:  # a language model, whose first output is logits
        states, layers = hidden_states(encoder, input_ids, attention_mask, token_type_ids, every_layer=True)
        return states[:, :tokens], layers
    layers = getattr(output, "hidden_states", None)
    if states is None:
        if layers is None:
            raise ValueError(f"{type(encoder).__name__} returns no hidden states")
        states = layers[-1]
    return states[:, :tokens], layers


def pooled(states: Tensor, mask: Tensor, pooling: Pooling) -> Tensor:
    """One vector a text, [rows, width]: the mean, the first or the last of its tokens.

    ``states`` [rows, tokens, width]; ``mask`` [rows, tokens] is 1 for tokens, which come first, and 0 for padding.
    """
    if pooling == "cls":
        return states[:, 0]
    lengths = mask.sum(dim=1)
    if pooling == "last":
        return states[torch.arange(len(states), device=states.device), lengths - 1]
    return (states * mask[:, :, None]).sum(dim=1) / lengths[:, None]
