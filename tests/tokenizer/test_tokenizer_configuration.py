"""Valid and invalid tokenizers in the configuration."""

from pathlib import Path

import pytest
import yaml

from workflow_scripts.settings.tables import schema, schema_errors

CONFIG = Path(__file__).resolve().parents[2] / "config" / "config.yaml"


def mistakes(**settings) -> list[str]:
    """The mistakes of the full configuration with one more tokenizer."""
    config = yaml.safe_load(CONFIG.read_text())
    config["tokenizer"]["mine"] = settings
    return list(schema_errors(config, schema("config"), "config"))


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "kmer", "k": 6},
        {"kind": "kmer_overlapping", "k": 3, "reverse_complement": 0.5},
        {"kind": "nucleotide", "k": 1},
        yaml.safe_load(CONFIG.read_text())["tokenizer"]["bpe4096"],
    ],
)
def test_every_kind_can_be_configured(settings):
    assert mistakes(**settings) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 6}, "config tokenizer.mine: kind missing; see the comments of config/config.yaml"),
        ({"kind": "kmer"}, "config tokenizer.mine: k missing; see the comments of config/config.yaml"),
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
    (line,) = set(mistakes(**settings))
    assert message in line
