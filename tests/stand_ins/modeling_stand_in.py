"""Stand-in for models without attention: ``forward`` takes no attention mask, and padding changes what bases give."""

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithNoAttention, SequenceClassifierOutput

from .configuration_stand_in import StandInConfig


class StandInPreTrainedModel(PreTrainedModel):
    config_class = StandInConfig
    base_model_prefix = "backbone"
    supports_gradient_checkpointing = False

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding, nn.Conv1d)):
            nn.init.normal_(module.weight, std=0.5)


class StandInModel(StandInPreTrainedModel):
    """Each token sees its neighbours on both sides, as in Caduceus, and those of padding too."""

    def __init__(self, config: StandInConfig):
        super().__init__(config)
        self.embeddings = nn.Embedding(config.vocab_size, config.d_model)
        self.mixer = nn.Conv1d(config.d_model, config.d_model, 5, padding=2)
        self.out_proj = nn.Linear(config.d_model, config.d_model)
        self.post_init()

    def forward(self, input_ids, inputs_embeds=None, output_hidden_states=None, return_dict=None):
        if input_ids.shape[1] % 2**self.config.num_downsamples or (
            self.config.num_downsamples and (input_ids == 4).any()
        ):
            raise ValueError("lengths are multiples of 2**num_downsamples, without padding, as in NTv3")
        first = self.embeddings(input_ids)
        last = self.out_proj(torch.tanh(self.mixer(first.transpose(1, 2)).transpose(1, 2)))
        layers = (first, last) if output_hidden_states else None
        return BaseModelOutputWithNoAttention(last_hidden_state=last, hidden_states=layers)


class StandInForSequenceClassification(StandInPreTrainedModel):
    """The mean over all positions, padding included."""

    def __init__(self, config: StandInConfig):
        super().__init__(config)
        self.backbone = StandInModel(config)
        self.score = nn.Linear(config.d_model, config.num_labels, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.backbone.embeddings

    def forward(self, input_ids, inputs_embeds=None, labels=None, output_hidden_states=None, return_dict=None):
        output = self.backbone(input_ids, output_hidden_states=output_hidden_states)
        logits = self.score(output.last_hidden_state).mean(dim=1)
        return SequenceClassifierOutput(logits=logits, hidden_states=output.hidden_states)
