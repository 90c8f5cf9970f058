"""Stand-in for tokenizers that are code and have no file of words, as those of HyenaDNA and Caduceus."""

from transformers import PreTrainedTokenizer

WORDS = ["[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]", "A", "C", "G", "T", "N"]


class StandInTokenizer(PreTrainedTokenizer):
    """One token a base, [SEP] at the end, no [CLS] at the beginning; padding on the left."""

    model_input_names = ("input_ids",)

    def __init__(self, **options):
        special = {f"{name.lower()}_token": f"[{name}]" for name in ("CLS", "SEP", "MASK", "PAD", "UNK")}
        super().__init__(**special | {"padding_side": "left"} | options)

    @property
    def vocab_size(self) -> int:
        return len(WORDS)

    def get_vocab(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(WORDS)}

    def _tokenize(self, text: str, **_options) -> list[str]:
        return list(text)

    def _convert_token_to_id(self, token: str) -> int:
        return WORDS.index(token if token in WORDS else "[UNK]")

    def _convert_id_to_token(self, index: int) -> str:
        return WORDS[index]

    def build_inputs_with_special_tokens(self, token_ids_0, token_ids_1=None):
        return [*token_ids_0, 1] + ([] if token_ids_1 is None else [*token_ids_1, 1])

    def save_vocabulary(self, save_directory, filename_prefix=None):
        return ()
