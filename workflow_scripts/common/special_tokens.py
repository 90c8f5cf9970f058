"""Special tokens, their ids and the template around a sequence: the same for every kind of tokenizer."""

from tokenizers import Tokenizer, processors

SPECIAL_TOKENS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
"""The released special tokens; their places are their ids (tokenizer.json of DNABERT-2-117M)."""
UNKNOWN = SPECIAL_TOKENS.index("[UNK]")
FIRST_BASE = len(SPECIAL_TOKENS)  # the id of A; those of the other bases follow


def add_template(tokenizer: Tokenizer) -> None:
    """Let the tokenizer write ``[CLS] A [SEP]``, or ``[CLS] A [SEP] B [SEP]`` with token type 1 for the second half."""
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, SPECIAL_TOKENS.index(token)) for token in ("[CLS]", "[SEP]")],
    )
