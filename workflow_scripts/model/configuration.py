"""Configuration of the DNABERT-2 encoder."""

from typing import Any

from transformers import PretrainedConfig  # the name in every version

PUBLISHED = {"alibi_starting_size": 512, "attention_probs_dropout_prob": 0.0, "hidden_act": "gelu"}
"""Keys that only the released code (bert_layers.py) reads, so that it loads our weights."""
NO_LIMIT = 1_000_000
"""``max_position_embeddings`` of a model without such a limit; libraries cut sequences at this number of tokens."""


class DnaBert2Config(PretrainedConfig):
    """Sizes and rates of a DNABERT-2 encoder; the defaults are those of the published model (DNABERT-2-117M).

    ``positions``: how the model knows the order of its tokens: ``alibi`` (the published model), ``rotary``, or
    ``learned``, a table of ``max_positions`` embeddings, which limits the length. With the first two there is no limit.

    ``pooling``: the classifier reads the first token (``cls``, as released) or the mean over all tokens that are not
    padding (``mean``). ``pad_token_id`` is the tokenizer's [PAD]; in the published configuration it is 0, which is
    [UNK] in its tokenizer.
    """

    model_type = "dnabert2"
    auto_map = {  # noqa: RUF012 - lets a saved directory load without this repository
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
        positions: str = "alibi",
        max_positions: int = 512,
        pad_token_id: int = 3,
        pooling: str = "cls",
        classifier_dropout: float | None = None,
        tie_word_embeddings: bool = True,
        **kwargs: Any,
    ):
        if hidden_size % num_attention_heads:
            raise ValueError(
                f"hidden_size {hidden_size} is not a multiple of num_attention_heads {num_attention_heads}"
            )
        if positions not in ("alibi", "learned", "rotary"):
            raise ValueError(f"positions {positions!r} is none of 'alibi', 'learned' and 'rotary'")
        if positions == "rotary" and hidden_size // num_attention_heads % 2:
            raise ValueError(
                f"positions 'rotary' needs heads of an even size, not {hidden_size} / {num_attention_heads} = "
                f"{hidden_size // num_attention_heads}"
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
        self.positions = positions
        self.max_positions = max_positions
        self.pooling = pooling
        self.classifier_dropout = classifier_dropout
        # a directory is saved with this code, even if the configuration was loaded from one with other code
        kwargs["auto_map"] = dict(self.auto_map)
        kwargs |= PUBLISHED
        kwargs.setdefault("tokenizer_class", "PreTrainedTokenizerFast")  # pipelines of transformers 4 look here
        kwargs["max_position_embeddings"] = max_positions if positions == "learned" else NO_LIMIT
        kwargs |= {"pad_token_id": pad_token_id, "tie_word_embeddings": tie_word_embeddings}
        super().__init__(**kwargs)

    def to_diff_dict(self) -> dict[str, Any]:
        """What config.json says: the keys of positions only for a model to which they make a difference."""
        described: dict[str, Any] = super().to_diff_dict()
        if self.positions != "learned":
            described.pop("max_positions", None)
        if self.positions == "alibi":
            described.pop("positions", None)
        return described
