"""The model card of a pre-trained model: what it is, how it was made, what was measured, what it is not."""

from collections.abc import Sequence
from typing import Any

from workflow_scripts.model import DnaBert2Config

TEMPLATE = """\
---
library_name: transformers
tags: [dna, genomics, masked-language-model, dnabert2]
---
# {model}

A DNABERT-2 encoder ({positions}, GEGLU) of {layers} layers of {width}, {heads} heads and {parameters:,} parameters.
{origin}

## Use

In this folder:

```python
import os

from transformers import AutoModelForMaskedLM, AutoTokenizer

folder = os.path.abspath(".")
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
model = AutoModelForMaskedLM.from_pretrained(folder, trust_remote_code=True).eval()
```

`trust_remote_code=True` lets transformers run the .py files of this folder, which hold the architecture. Without it
transformers asks first, or refuses to load the model. The files work with transformers 4.29.2 and later, and torch 2.6
and later.

Sequences are A, C, G, T in any case, and U for T; any other letter becomes [UNK]. {limit} Loaded as
`AutoModelForSequenceClassification` it has an untrained head: fine-tune it.

## What was measured

{quality}

## How it was made

{making}

All settings and library versions are in `summary.json`, the learning curve in `log.jsonl`. Counts and addresses of
the genomes are in `results/genomes/corpus.tsv` of the run that made it; their terms of use decide whether the weights
may be shared.

## Limits

This card does not say how well the model performs on a task: see the report of its run. The model reflects the genomes
that it was trained on, in their proportions, and does not explain its predictions. Do not use it for diagnosis.
"""


POSITIONS = {"alibi": "ALiBi", "rotary": "rotary positions", "learned": "learned positions"}


def table(rows: Sequence[tuple[str, str]]) -> str:
    """Two columns in Markdown."""
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def training_seconds(log: Sequence[dict[str, Any]]) -> float:
    """Total seconds of all steps; each line of the log has the mean of the steps since the previous line."""
    seconds, done = 0.0, 0
    for entry in log:
        if "step_seconds" in entry:
            seconds += entry["step_seconds"] * (entry["step"] - done)
            done = entry["step"]
    return seconds


def making(summary: dict[str, Any], start: str | None) -> str:
    """How it was trained; ``start``: sha256 of the weights that the training continued from."""
    settings = summary["settings"]
    rows = [
        ("start", f"weights with the sha256 {start}" if start else f"random weights, seed {settings['seed']}"),
        ("data", f"{summary['training_chunks']:,} sequences, {settings['length']} tokens of each at a time"),
        ("steps", f"{summary['steps']:,} of {settings['batch_size']:,} sequences"),
        ("predicted", f"{settings['mask_share']:.0%} of the tokens"),
        ("optimizer", {"adamw": "AdamW", "muon": "Muon for matrices, AdamW for the rest"}[settings["optimizer"]]),
        ("learning rate", f"up to {settings['learning_rate']:g} in {settings['warmup_steps']:,} steps, then down to 0"),
        ("precision", settings["precision"]),
        ("hardware", summary["hardware"]),
    ]
    return table(rows)


def measured(summary: dict[str, Any], before: float | None) -> str:
    """The loss of [MASK] places of held-out chunks, next to what simpler predictors need there.

    ``before``: that of the model from which the training continued, if it did.
    """
    references = summary.get("references")
    if references is None:
        return "It was not validated: the corpus has no validation chunks."
    markov, copy = references["markov_bits_per_base"], references["copy"]
    best = markov.index(min(markov))
    rows = [
        ("loss, nats per token", f"{summary['mask_loss']:.4f}"),
        *([] if before is None else [("of the model that it started from", f"{before:.4f}")]),
        ("the training tokens' frequencies, without context", f"{references['unigram_loss']:.4f}"),
    ]
    if references["both_sides_loss"]:
        two_sided = references["both_sides_loss"]
        order = two_sided.index(min(two_sided)) + 1
        rows.append((f"these and a Markov model of order {order} on both sides", f"{min(two_sided):.4f}"))
    rows += [
        ("accuracy", f"{summary['mask_accuracy']:.4f}"),
        ("bits per base", f"{summary['mask_bits_per_base']:.4f}"),
        (f"a Markov model of order {best}, told where tokens end", f"{markov[best]:.4f}"),
        (f"this, and copying what follows the same {copy['k']} bases", f"{copy['bits_per_base']:.4f}"),
    ]
    where = f"At the [MASK] places of held-out chunks, {references['places']:,} of them for the simpler predictors:"
    return f"{where}\n\n{table(rows)}"


def render_card(summary: dict[str, Any], log: Sequence[dict[str, Any]], start: str | None = None) -> str:
    """Markdown with the figures of ``summary`` (see Run.summary) and of the lines of the log."""
    if summary["steps"]:
        origin = (
            f"It was pre-trained by\nmasked language modelling for {summary['steps']:,} steps on "
            f"{summary['tokens_seen']:,} tokens, in {training_seconds(log) / 3600:.2f} hours."
        )
    else:
        origin = "It has its\ninitial weights: the baseline without pre-training."
    before = next((entry["mask_loss"] for entry in log if start and "mask_loss" in entry and not entry["step"]), None)
    quality = measured(summary, before)
    sizes = DnaBert2Config().to_dict() | summary["architecture"]
    limit = "There is no maximum length."
    if sizes["positions"] == "learned":
        limit = f"The maximum length is {sizes['max_positions']:,} tokens."
    return TEMPLATE.format(
        positions=POSITIONS[sizes["positions"]],
        limit=limit,
        origin=origin,
        quality=quality,
        making=making(summary, start),
        layers=sizes["num_hidden_layers"],
        width=sizes["hidden_size"],
        heads=sizes["num_attention_heads"],
        model=summary["model"],
        parameters=summary["parameters"],
    )
