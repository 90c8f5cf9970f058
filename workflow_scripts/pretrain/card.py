"""The model card of a pre-trained model."""

TEMPLATE = """\
---
library_name: transformers
tags: [dna, genomics, masked-language-model, dnabert2]
---
# {model}

A DNABERT-2 encoder (ALiBi, GEGLU; {parameters:,} parameters) pre-trained by masked language modelling for
{steps:,} steps on {tokens_seen:,} tokens.

{quality}

```python
from transformers import AutoModelForMaskedLM, PreTrainedTokenizerFast

tokenizer = PreTrainedTokenizerFast.from_pretrained(".")
model = AutoModelForMaskedLM.from_pretrained(".", trust_remote_code=True)  # the code is the .py files beside
```

Sequences are upper-case A, C, G, T; any other letter becomes [UNK]. There is no maximum length.
How it was trained stands in `summary.json`, step by step in `log.jsonl`.
"""


def model_card(summary: dict) -> str:
    """Markdown with the figures of ``summary`` (see train.Run.summary)."""
    if "validation_loss" in summary:
        quality = (
            f"On held-out chunks: loss {summary['validation_loss']:.4f} nats per token (a predictor blind to the "
            f"context cannot be under {summary['unigram_entropy']:.4f}), accuracy "
            f"{summary['validation_accuracy']:.4f}, {summary['bits_per_base']:.4f} bits per base."
        )
    else:
        quality = "It was not validated: the corpus has no validation chunks."
    return TEMPLATE.format(quality=quality, **summary)
