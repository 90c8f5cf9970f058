"""The DNABERT-2 encoder and its heads (Zhou et al. 2024, section 3; bert_layers.py of the released model).

Module names equal those of the published state dict, so the released weights load as they are.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling, MaskedLMOutput, SequenceClassifierOutput

from .attention import alibi_slopes, attend, attention_bias
from .configuration import DnaBert2Config


class Embeddings(nn.Module):
    """Token plus token-type embedding, LayerNorm, dropout; no position embedding."""

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor | None) -> Tensor:
        if token_type_ids is None:
            types = self.token_type_embeddings.weight[0]
        else:
            types = self.token_type_embeddings(token_type_ids)
        return self.dropout(self.LayerNorm(self.word_embeddings(input_ids) + types))


class SelfAttention(nn.Module):
    """Multi-head attention with one fused projection for query, key and value."""

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.Wqkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        batch, length, size = hidden.shape
        query, key, value = (
            self.Wqkv(hidden).view(batch, length, 3, self.heads, size // self.heads).permute(2, 0, 3, 1, 4)
        )
        return attend(query, key, value, bias).transpose(1, 2).reshape(batch, length, size)


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

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        return self.output(self.self(hidden, bias), hidden)


class GatedFeedForward(nn.Module):
    """GEGLU: one projection without bias, its first half through GELU times its second half."""

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

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        return self.mlp(self.attention(hidden, bias))


class Encoder(nn.Module):
    """The stack of layers; ALiBi is computed for the length at hand, so there is no longest sequence."""

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))

    def forward(self, hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        slopes = alibi_slopes(self.heads).to(hidden.device)
        bias = attention_bias(slopes, attention_mask, hidden.shape[1], dtype)
        for layer in self.layer:
            hidden = layer(hidden, bias)
        return hidden


class Pooler(nn.Module):
    """Dense and tanh over the summary of a sequence."""

    def __init__(self, config: DnaBert2Config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

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
    config_class = DnaBert2Config
    base_model_prefix = "bert"
    _no_split_modules = ("Layer",)

    def _init_weights(self, module: nn.Module) -> None:
        spread = self.config.initializer_range
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=spread)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
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

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        self.embeddings.word_embeddings = value

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        return_dict: bool = True,
    ) -> BaseModelOutputWithPooling | tuple[Tensor, Tensor | None]:
        hidden = self.encoder(self.embeddings(input_ids, token_type_ids), attention_mask)
        if attention_mask is not None:
            hidden = hidden * attention_mask[..., None].to(hidden.dtype)
        pooled = None if self.pooler is None else self.pooler(self.summary(hidden, attention_mask))
        return (
            BaseModelOutputWithPooling(last_hidden_state=hidden, pooler_output=pooled)
            if return_dict
            else (hidden, pooled)
        )

    def summary(self, hidden: Tensor, attention_mask: Tensor | None) -> Tensor:
        """What the pooler reads, [batch, hidden size]: the first token, or the mean over tokens."""
        if self.config.pooling == "cls":
            return hidden[:, 0]
        if attention_mask is None:
            return hidden.mean(dim=1)
        return hidden.sum(dim=1) / attention_mask.sum(dim=1, keepdim=True).to(hidden.dtype)


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
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool = True,
    ) -> MaskedLMOutput | tuple:
        """Logits [batch, length, vocabulary]; with ``labels`` the mean loss over positions whose label is above 0.

        As in the released code a label of 0 ([UNK]) is skipped like -100.
        """
        hidden = self.bert(input_ids, attention_mask, token_type_ids).last_hidden_state
        logits = self.cls(hidden)
        loss = None
        if labels is not None:
            counted = labels > 0
            loss = functional.cross_entropy(logits[counted].float(), labels[counted])
        return MaskedLMOutput(loss=loss, logits=logits) if return_dict else (loss, logits)

    def masked_logits(self, input_ids: Tensor, attention_mask: Tensor | None, positions: Tensor) -> Tensor:
        """Logits [masked positions, vocabulary]: the head runs only where ``positions`` [batch, length] is true."""
        return self.cls(self.bert(input_ids, attention_mask).last_hidden_state[positions])


class DnaBert2ForSequenceClassification(DnaBert2PreTrainedModel):
    """The encoder, its pooler and a linear classifier over ``config.num_labels`` classes."""

    def __init__(self, config: DnaBert2Config):
        super().__init__(config)
        dropout = config.classifier_dropout
        self.bert = DnaBert2Model(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob if dropout is None else dropout)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool = True,
    ) -> SequenceClassifierOutput | tuple:
        """Logits [batch, classes]; with ``labels`` [batch] the mean cross-entropy."""
        logits = self.classifier(self.dropout(self.bert(input_ids, attention_mask, token_type_ids).pooler_output))
        loss = None if labels is None else functional.cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits) if return_dict else (loss, logits)
