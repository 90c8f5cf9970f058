"""Special tokens, their ids, and the template around a sequence; the same for all kinds of tokenizers."""

from tokenizers import Tokenizer, processors

SPECIAL_TOKENS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
"""The published special tokens; their indices are their ids (tokenizer.json of DNABERT-2-117M)."""
UNKNOWN = SPECIAL_TOKENS.index("[UNK]")
FIRST_BASE = len(SPECIAL_TOKENS)  # the id of A; C, G and T follow


def add_template(tokenizer: Tokenizer) -> None:
    """Make the tokenizer write ``[CLS] A [SEP]`` or ``[CLS] A [SEP] B [SEP]``, with token type 1 for ``B [SEP]``."""
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, SPECIAL_TOKENS.index(token)) for token in ("[CLS]", "[SEP]")],
    )
