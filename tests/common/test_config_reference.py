"""The reference of the configuration is that of its file and schema, and lacks no key."""

from pathlib import Path

import pytest
import yaml
from workflow_scripts.common.config_reference import Configuration, keys, main, table

from workflow_scripts.common.errors import UserError

CONFIG = Path(__file__).resolve().parents[2] / "config"
SCHEMA = {
    "$defs": {"count": {"type": "integer", "minimum": 0}},
    "properties": {
        "seed": {"$ref": "#/$defs/count"},
        "models": {
            "type": "object",
            "additionalProperties": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer", "minimum": 1, "maximum": 9},
                    "rate": {"type": "number", "exclusiveMinimum": 0},
                    "kind": {"enum": ["a", "b"], "description": "Its kind."},
                },
            },
        },
    },
}
YAML = """\
# Of everything.
seed: 42

# Models
#   by name.
models:
  first:
    # How large and
    # how fast.
    size: 3
    rate: 1.0e-3
"""


def test_the_committed_reference_is_the_one_that_is_made(tmp_path):
    places = ["--config", str(CONFIG / "config.yaml"), "--schema", str(CONFIG / "schemas/config.schema.yaml")]
    assert main([*places, "--out", str(tmp_path / "keys.md")]) == 0
    assert (tmp_path / "keys.md").read_text() == (CONFIG / "keys.md").read_text(), "run make keys"


def test_every_key_of_the_configuration_is_there():
    def names(value, place=""):
        for key, below in value.items() if isinstance(value, dict) else ():
            yield place + key
            yield from names(below, f"{place}{key}.")

    schema = yaml.safe_load((CONFIG / "schemas/config.schema.yaml").read_text())
    text = (CONFIG / "config.yaml").read_text()
    known = {key.name.replace(".<name>", "") for key in keys(schema, Configuration(text))}
    config = yaml.safe_load(text)
    of_each = {section: next(iter(config[section].values())) for section in ("tokenizer", "pretrain")}
    for section in ("seed", "genomes", "gue", "report"):
        assert set(names({section: config[section]})) <= known
    for section, settings in of_each.items():
        assert set(names({section: settings})) <= known
    assert {f"finetune.{key}" for key in config["finetune"]} <= known
    assert {f"finetune.settings.{key}" for key in config["finetune"]["settings"]} <= known


def test_comments_and_rules_become_words():
    found = list(keys(SCHEMA, Configuration(YAML)))
    assert [tuple(key) for key in found] == [
        ("seed", "integer from 0", "42", "Of everything."),
        ("models", "mapping", "", "Models by name."),
        ("models.<name>.size", "integer from 1 to 9", "3", "How large and how fast."),
        ("models.<name>.rate", "number above 0", "1.0e-3", ""),
        ("models.<name>.kind", "`a` or `b`", "", "Its kind."),
    ]
    assert "\n## models\n" in table(found) and "| `models.<name>.rate` | number above 0 | `1.0e-3` |" in table(found)


def test_a_key_without_a_meaning_is_named():
    silent = {"properties": {"models": {"type": "object"}, "silent": {"type": "boolean"}}}
    with pytest.raises(UserError, match=r"^silent: config\.yaml has no comment above it, the schema no description"):
        list(keys(silent, Configuration(YAML)))
