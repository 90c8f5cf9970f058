"""The DNABERT-2 encoder and its heads (Zhou et al. 2024, section 3; bert_layers.py of the released model).

Module names are those of the published state dict, so the released weights load without conversion.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling, MaskedLMOutput, SequenceClassifierOutput
from transformers.utils import ModelOutput

from .attention import Attend, alibi_slopes, attention_weights, choose_backend, prepare_attention
from .configuration import DnaBert2Config
from .losses import sequence_loss
from .packing import Packing, make_packing
from .rotary import rotation


class Embeddings(nn.Module):
    """Token plus token-type embedding, plus position embedding if positions are learned; LayerNorm, dropout."""

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.word_embeddings: nn.Module = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        if config.positions == "learned":
            self.position_embeddings = nn.Embedding(config.max_positions, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, words: Tensor, token_type_ids: Tensor | None, positions: Tensor | None = None) -> Tensor:
        """Embeddings of tokens, from ``words``, those of their ids; ``positions`` are given if these are learned."""
        if token_type_ids is None:
            types = self.token_type_embeddings.weight[0]
        else:
            types = self.token_type_embeddings(token_type_ids)
        embedded = words + types
        if positions is not None:
            embedded = embedded + self.position_embeddings(positions)
        return self.dropout(self.LayerNorm(embedded))


class SelfAttention(nn.Module):
    """Multi-head attention with one fused projection for query, key and value."""

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.Wqkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)

    def forward(self, hidden: Tensor, attend: Attend) -> Tensor:
        qkv = self.Wqkv(hidden)
        return attend(qkv.unflatten(-1, (3, self.heads, -1))).flatten(1)


class SelfOutput(nn.Module):
    """Projection, dropout, residual, LayerNorm."""

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, attended: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(attended)) + residual)


class Attention(nn.Module):
    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.self = SelfAttention(config)
        self.output = SelfOutput(config)

    def forward(self, hidden: Tensor, attend: Attend) -> Tensor:
        return self.output(self.self(hidden, attend), hidden)


class GatedFeedForward(nn.Module):
    """GEGLU: one projection without bias; GELU of its first half times its second half."""

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.gated_layers = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=False)
        self.wo = nn.Linear(config.intermediate_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        activated, linear = self.gated_layers(hidden).chunk(2, dim=-1)
        return self.layernorm(self.wo(self.dropout(functional.gelu(activated) * linear)) + hidden)


class Layer(nn.Module):
    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.attention = Attention(config)
        self.mlp = GatedFeedForward(config)

    def forward(self, hidden: Tensor, attend: Attend) -> Tensor:
        return self.mlp(self.attention(hidden, attend))


class Encoder(nn.Module):
    """The stack of layers; ALiBi and rotations are computed for the current length, so it is not limited here.

    ``attention_backend``: a backend, or ``auto`` for the fastest on the current device and in the current precision.
    """

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.head_size = config.hidden_size // config.num_attention_heads
        self.positions = config.positions
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.attention_backend = "auto"
        self.gradient_checkpointing = False  # transformers sets it, and the function that recomputes a layer

    def forward(
        self, hidden: Tensor, packed: Packing, keep_hidden: bool, keep_attentions: bool
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Output [tokens, hidden size], and if they are to be kept the padded inputs and attentions of each layer."""
        device = hidden.device
        autocast = torch.is_autocast_enabled(device.type)
        dtype = torch.get_autocast_dtype(device.type) if autocast else hidden.dtype
        slopes = alibi_slopes(self.heads).to(device) if self.positions == "alibi" else None
        rotate = rotation(packed.positions(), self.head_size) if self.positions == "rotary" else None
        backend = "sdpa" if packed.padded else choose_backend(device, dtype, self.head_size, self.attention_backend)
        attend = prepare_attention(backend, slopes, packed, dtype)
        states: list[Tensor] = []
        attentions: list[Tensor] = []

        def attend_in_order(qkv: Tensor) -> Tensor:
            if rotate is not None:
                qkv = rotate(qkv)
            if keep_attentions:
                attentions.append(attention_weights(qkv, slopes, packed))
            return attend(qkv)

        for layer in self.layer:
            if keep_hidden:
                states.append(packed.unpack(hidden))
            if self.gradient_checkpointing and self.training:
                # set by transformers, which torch's type of a module's attributes does not know
                hidden = self._gradient_checkpointing_func(layer.__call__, hidden, attend_in_order)  # type: ignore[operator]
            else:
                hidden = layer(hidden, attend_in_order)
        return hidden, states, attentions


class PoolerDense(nn.Linear):
    """A linear layer with the same initial weights each time.

    Pre-training has no pooler, and peft saves only the classifier of a ``SEQ_CLS`` adapter. With a random pooler such
    an adapter would give other results whenever it is loaded.
    """


class Pooler(nn.Module):
    """Dense and tanh over the summary of a sequence."""

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.dense = PoolerDense(config.hidden_size, config.hidden_size)

    def forward(self, summary: Tensor) -> Tensor:
        return torch.tanh(self.dense(summary))


class PredictionTransform(nn.Module):
    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.LayerNorm(functional.gelu(self.dense(hidden)))


class Predictions(nn.Module):
    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.transform = PredictionTransform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.decoder(self.transform(hidden))


class MaskedLMHead(nn.Module):
    """Dense, GELU, LayerNorm, and the decoder that shares the token embedding."""

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.predictions = Predictions(config)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.predictions(hidden)


class DnaBert2PreTrainedModel(PreTrainedModel):
    config: DnaBert2Config
    config_class = DnaBert2Config
    base_model_prefix = "bert"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ["Layer"]  # noqa: RUF012 - the type that transformers declares

    def use_attention(self, requested: str, dtype: torch.dtype) -> str:
        """Compute attention with the backend ``requested``, or with the fastest one for ``auto`` (the default).

        Returns the backend that a forward pass in ``dtype`` uses on the device of the weights, for the log. Raises
        ValueError for a backend that is missing or would drop ALiBi (see choose_backend).
        """
        encoder = self.base_model.encoder
        assert isinstance(encoder, Encoder)
        backend = choose_backend(self.device, dtype, encoder.head_size, requested)
        encoder.attention_backend = requested
        return backend

    def _returned(self, output: ModelOutput, return_dict: bool | None) -> Any:
        """The output, or the tuple of its fields if ``return_dict`` or the configuration says so."""
        return output if (self.config.return_dict if return_dict is None else return_dict) else output.to_tuple()

    def _init_weights(self, module: nn.Module) -> None:
        spread = self.config.initializer_range
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=spread)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if isinstance(module, PoolerDense) and not getattr(module.weight, "_is_hf_initialized", False):
                same = torch.randn(module.weight.shape, generator=torch.Generator().manual_seed(0))
                module.weight.data.copy_(spread * same)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=spread)
            if module.padding_idx is not None:
                nn.init.zeros_(module.weight[module.padding_idx])
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)


class DnaBert2Model(DnaBert2PreTrainedModel):
    """The encoder: token ids [batch, length] to hidden states [batch, length, hidden size], zero where padded."""

    def __init__(self, config: DnaBert2Config, add_pooling_layer: bool = True):
        super().__init__(config)
        self.embeddings = Embeddings(config)
        self.encoder = Encoder(config)
        self.pooler = Pooler(config) if add_pooling_layer else None
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.embeddings.word_embeddings = value

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> BaseModelOutputWithPooling:
        """Hidden states of all tokens; padding is removed after the embedding and becomes zeros after the last layer.

        ``inputs_embeds`` [batch, length, hidden size] replaces the embeddings of ``input_ids``.
        ``output_hidden_states`` adds the outputs of the embedding and of every layer, ``output_attentions`` the
        attention weights of every layer, [batch, heads, length, length]. None takes the value of the configuration.

        Raises ValueError for a sequence longer than the table of learned positions, and unless exactly one of
        ``input_ids`` and ``inputs_embeds`` is given.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give either input_ids or inputs_embeds")
        if inputs_embeds is None:
            inputs_embeds = self.embeddings.word_embeddings(input_ids)
        keep_hidden = self.config.output_hidden_states if output_hidden_states is None else output_hidden_states
        keep_attentions = self.config.output_attentions if output_attentions is None else output_attentions
        packed = make_packing(inputs_embeds, attention_mask)
        types = None if token_type_ids is None else packed.pack(token_type_ids)
        embedded = self.embeddings(packed.pack(inputs_embeds), types, self.learned_positions(packed))
        hidden, states, attentions = self.encoder(embedded, packed, keep_hidden, keep_attentions)
        hidden = packed.unpack(hidden)
        summary = packed.mean if self.config.pooling == "mean" else packed.first
        output = BaseModelOutputWithPooling(
            last_hidden_state=hidden,
            pooler_output=None if self.pooler is None else self.pooler(summary(hidden)),
            hidden_states=(*states, hidden) if keep_hidden else None,
            attentions=tuple(attentions) if keep_attentions else None,
        )
        return self._returned(output, return_dict)

    def learned_positions(self, packed: Packing) -> Tensor | None:
        """Place of each token in its sequence, [tokens]; None if positions are not learned."""
        if self.config.positions != "learned":
            return None
        if packed.longest > self.config.max_positions:
            raise ValueError(
                f"a sequence of {packed.longest} tokens: this model has learned {self.config.max_positions} positions "
                "(max_positions); cut the sequence, or use a model with ALiBi or rotary positions"
            )
        return packed.positions()


class DnaBert2ForMaskedLM(DnaBert2PreTrainedModel):
    """The encoder with the masked-LM head."""

    _tied_weights_keys = {"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"}  # noqa: RUF012

    def __init__(self, config: DnaBert2Config):
        super().__init__(config)
        self.bert = DnaBert2Model(config, add_pooling_layer=False)
        self.cls = MaskedLMHead(config)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        return self.cls.predictions.decoder

    def set_output_embeddings(self, value: nn.Linear) -> None:
        self.cls.predictions.decoder = value

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> MaskedLMOutput:
        """Logits [batch, length, vocabulary]; with ``labels`` the mean loss over positions with a label above 0.

        As in the released code, a label of 0 ([UNK]) is ignored like -100.
        """
        encoded = self.bert(
            input_ids, attention_mask, token_type_ids, inputs_embeds, output_attentions, output_hidden_states, True
        )
        logits = self.cls(encoded.last_hidden_state)
        loss = None
        if labels is not None:
            counted = labels > 0
            loss = functional.cross_entropy(logits[counted].float(), labels[counted])
        output = MaskedLMOutput(
            loss=loss, logits=logits, hidden_states=encoded.hidden_states, attentions=encoded.attentions
        )
        return self._returned(output, return_dict)

    def masked_logits(self, input_ids: Tensor, attention_mask: Tensor | None, positions: Tensor) -> Tensor:
        """Logits [masked positions, vocabulary]: the head runs only where ``positions`` [batch, length] is true."""
        return self.cls(self.bert(input_ids, attention_mask, return_dict=True).last_hidden_state[positions])


class DnaBert2ForSequenceClassification(DnaBert2PreTrainedModel):
    """The encoder, its pooler and a linear layer with ``config.num_labels`` outputs."""

    def __init__(self, config: DnaBert2Config):
        super().__init__(config)
        dropout = config.classifier_dropout
        self.bert = DnaBert2Model(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob if dropout is None else dropout)
        # num_labels is None only for a configuration without id2label, which transformers always sets
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)  # type: ignore[arg-type]
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> SequenceClassifierOutput:
        """Logits [batch, outputs]; with ``labels`` the loss of the problem type, see :func:`losses.sequence_loss`."""
        encoded = self.bert(
            input_ids, attention_mask, token_type_ids, inputs_embeds, output_attentions, output_hidden_states, True
        )
        logits = self.classifier(self.dropout(encoded.pooler_output))
        loss = None if labels is None else sequence_loss(logits, labels, self.config)
        output = SequenceClassifierOutput(
            loss=loss, logits=logits, hidden_states=encoded.hidden_states, attentions=encoded.attentions
        )
        return self._returned(output, return_dict)
