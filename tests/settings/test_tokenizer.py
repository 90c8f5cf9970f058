"""Valid and invalid tokenizers in the configuration."""

import pytest

from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.tokenizer import BPE4096, tokenizer_errors
from workflow_scripts.settings.validation import mistakes_in


def mistakes(**settings) -> list[str]:
    """The mistakes of a configuration with one more tokenizer."""
    config = {"tokenizer": {"bpe4096": BPE4096.model_dump(exclude_none=True), "mine": settings}}
    return mistakes_in(Configuration, config, "config") or [
        *tokenizer_errors(Configuration.model_validate(config).tokenizer)
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "kmer", "k": 6},
        {"kind": "kmer_overlapping", "k": 3, "reverse_complement": 0.5},
        {"kind": "nucleotide", "k": 1},
        BPE4096.model_dump(exclude_none=True),
    ],
)
def test_every_kind_can_be_configured(settings):
    assert mistakes(**settings) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 6}, "config tokenizer.mine: kind missing; see config/keys.md"),
        ({"kind": "kmer"}, "config tokenizer.mine: k missing; see config/keys.md"),
        ({"kind": "bpe", "vocab_size": 64}, "config tokenizer.mine: min_frequency, sample_bases missing"),
        ({"kind": "bpe5", "k": 6}, "config tokenizer.mine.kind: 'bpe5' is not one of bpe, kmer_overlapping"),
        (
            {"kind": "kmer", "k": 6, "vocab": 8},
            "config tokenizer.mine: unknown key 'vocab'; did you mean 'vocab_size'?",
        ),
        ({"kind": "kmer", "k": 6, "reverse_complement": 2}, "config tokenizer.mine.reverse_complement: 2 is greater"),
    ],
)
def test_mistakes_are_named(settings, message):
    (line,) = mistakes(**settings)
    assert message in line
