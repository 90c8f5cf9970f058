"""Configuration of the DNABERT-2 encoder."""

from transformers import PreTrainedConfig


class DnaBert2Config(PreTrainedConfig):
    """Sizes and rates of a DNABERT-2 encoder; the defaults are the published model's (config.json of DNABERT-2-117M).

    There is no ``max_position_embeddings``: ALiBi has no table of positions, so no length is too long.

    ``pooling`` says what the classifier reads: ``cls`` (as released) the first token, ``mean`` the mean over all
    tokens that are not padding. ``pad_token_id`` is the tokenizer's [PAD]; the published configuration leaves it
    at 0, which is [UNK] in its tokenizer.
    """

    model_type = "dnabert2"
    auto_map = {  # noqa: RUF012 - what a saved directory needs to load where this repository is not installed
        "AutoConfig": "configuration.DnaBert2Config",
        "AutoModel": "modeling.DnaBert2Model",
        "AutoModelForMaskedLM": "modeling.DnaBert2ForMaskedLM",
        "AutoModelForSequenceClassification": "modeling.DnaBert2ForSequenceClassification",
    }

    def __init__(
        self,
        vocab_size: int = 4096,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_dropout_prob: float = 0.1,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        type_vocab_size: int = 2,
        pad_token_id: int = 3,
        pooling: str = "cls",
        classifier_dropout: float | None = None,
        tie_word_embeddings: bool = True,
        **kwargs,
    ):
        if hidden_size % num_attention_heads:
            raise ValueError(
                f"hidden_size {hidden_size} is not a multiple of num_attention_heads {num_attention_heads}"
            )
        if pooling not in ("cls", "mean"):
            raise ValueError(f"pooling {pooling!r} is neither 'cls' nor 'mean'")
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.hidden_dropout_prob = hidden_dropout_prob
        self.initializer_range = initializer_range
        self.layer_norm_eps = layer_norm_eps
        self.type_vocab_size = type_vocab_size
        self.pooling = pooling
        self.classifier_dropout = classifier_dropout
        kwargs["auto_map"] = dict(self.auto_map)  # a directory is saved with this code, whatever it was loaded from
        super().__init__(pad_token_id=pad_token_id, tie_word_embeddings=tie_word_embeddings, **kwargs)
