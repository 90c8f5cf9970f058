"""Configuration of the stand-ins. The longest input is named as in HyenaDNA."""

from transformers import PretrainedConfig


class StandInConfig(PretrainedConfig):
    """Sizes by the names of state space models: no ``hidden_size``, no ``max_position_embeddings``."""

    model_type = "stand_in"

    def __init__(
        self, vocab_size: int = 16, d_model: int = 8, max_seq_len: int = 64, num_downsamples: int = 0, **options
    ):
        self.vocab_size, self.d_model, self.max_seq_len = vocab_size, d_model, max_seq_len
        self.num_downsamples = num_downsamples
        super().__init__(**options)
