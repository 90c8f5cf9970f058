"""Write the reference of the configuration: every key, what it may be, its default, its meaning.

In:  the schema, which names all keys and what they may hold, and config.yaml, where the comment above a key says what
     it means. A key that config.yaml lacks has its meaning in the schema's ``description``.
Out: config/keys.md, a table for each section. A comment above several keys in a row stands beside the first.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import write_text

SETTINGS = "settings"  # of a fit: one list of keys, which stand in several places
HEAD = """\
# Every key of the configuration

Made by `make keys` from `config.yaml` and `schemas/config.schema.yaml`; do not edit. `<name>` is a name of your choice.
A key without a meaning of its own shares that of the key above.
"""


class Key(NamedTuple):
    """A key by its full name, such as ``pretrain.<name>.training.steps``."""

    name: str
    allowed: str
    default: str
    meaning: str


def in_words(rules: dict[str, Any]) -> str:
    """What a value may be."""
    if "enum" in rules:
        return " or ".join(f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in rules["enum"])
    words = {"boolean": "`true` or `false`", "string": "text", "object": "mapping", "array": "list"}
    if rules["type"] in words:
        return words[rules["type"]]
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    return " ".join([rules["type"], *(f"{word} {rules[bound]}" for bound, word in bounds.items() if bound in rules)])


class Configuration:
    """A YAML file with its comments."""

    def __init__(self, text: str):
        self.text, self.lines, self.top = text, text.splitlines(), yaml.compose(text)

    def entries(self, node: yaml.Node | None) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """The keys of a mapping in block style, with their values."""
        if not isinstance(node, yaml.MappingNode) or node.flow_style:
            return {}
        return {key.value: (key, value) for key, value in node.value}

    def written(self, value: yaml.Node) -> str:
        """A value as it stands there, in one line; nothing of a mapping in block style."""
        if self.entries(value):
            return ""
        if isinstance(value, yaml.SequenceNode) and not value.flow_style:
            return f"[{', '.join(map(self.written, value.value))}]"
        return " ".join(self.text[value.start_mark.index : value.end_mark.index].split())

    def comment(self, key: yaml.Node) -> str | None:
        """The comment above a key; empty where the line above has it for both, ``None`` where there is none."""
        row = key.start_mark.line - 1
        found: list[str] = []
        while self.lines[row].strip().startswith("#"):
            found = self.lines[row].strip(" #").split() + found
            row -= 1
        return " ".join(found) or ("" if self.lines[row].strip() else None)


def keys(schema: dict[str, Any], configuration: Configuration) -> Iterator[Key]:
    """All keys, in the order of the schema. Raises UserError for one whose meaning is said nowhere."""

    def below(rules: dict[str, Any], node: yaml.Node | None, name: str) -> Iterator[Key]:
        entries = configuration.entries(node)
        for part, part_rules in rules.get("properties", {}).items():
            key, value = entries.get(part, (None, None))
            yield from one(part_rules, key, value, f"{name}.{part}".lstrip("."))
        each = rules.get("additionalProperties")
        if isinstance(each, dict) and "properties" in each:
            named = [value for _key, value in entries.values()]
            yield from below(each, named[0] if named else None, f"{name}.<name>")

    def one(rules: dict[str, Any], key: yaml.Node | None, value: yaml.Node | None, name: str) -> Iterator[Key]:
        reference = rules.get("$ref", "").rpartition("/")[2]
        if reference:
            rules = schema["$defs"][reference] | rules
        meaning = configuration.comment(key) if key else None
        meaning = meaning or rules.get("description", meaning)
        if meaning is None:
            raise UserError(f"{name}: config.yaml has no comment above it, the schema no description; write one")
        elsewhere = reference == SETTINGS and name != f"finetune.{SETTINGS}"
        allowed = f"keys of `finetune.{SETTINGS}`" if elsewhere else in_words(rules)
        yield Key(name, allowed, configuration.written(value) if value else "", meaning)
        if not elsewhere:
            yield from below(rules, value, name)

    yield from below(schema, configuration.top, "")


def table(found: list[Key]) -> str:
    """The keys as Markdown, a table for each section."""
    text, section = HEAD, ""
    for key in found:
        if key.name.split(".")[0] != section:
            section = key.name.split(".")[0]
            text += f"\n## {section}\n\n| key | what it may be | default | meaning |\n|---|---|---|---|\n"
        default = f"`{key.default}`" if key.default else ""
        text += f"| `{key.name}` | {key.allowed} | {default} | {key.meaning} |\n"
    return text


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="config.yaml")
    parser.add_argument("--schema", type=Path, required=True, help="its schema (YAML)")
    parser.add_argument("--out", type=Path, required=True, help="reference to write (Markdown)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    options = build_parser().parse_args(argv)
    found = keys(yaml.safe_load(options.schema.read_text()), Configuration(options.config.read_text()))
    write_text(options.out, table(list(found)))


if __name__ == "__main__":
    sys.exit(main())
