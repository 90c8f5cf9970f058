"""config/config.yaml: the default configuration, each key with its meaning, unit, the paper's value and source.

The keys of a section have their comments where it occurs first; other sections of its kind are written compactly.
"""

import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.fields import Section, keys_of
from workflow_scripts.settings.reference import explained, meaning, origin, plain, section_in, shown
from workflow_scripts.settings.yaml_text import in_yaml

WIDTH = 120
HEAD = """\
# The configuration of a full run, with the paper's values (Zhou et al., DNABERT-2, ICLR 2024).
# Made by `make keys` from workflow_scripts/settings; do not edit. Write what differs into a file of your own and add it
# with --configfile mine.yaml; a key that it leaves out has the value of this file. keys.md says what each key may be.
"""


def config_file() -> str:
    """The text of config.yaml."""
    return HEAD + "\n".join(_File().section(Configuration(), 0)) + "\n"


def comment(text: str, indent: int) -> list[str]:
    """A text as lines of comment. A line of it that is indented, an item of a list, stays so."""
    lines = []
    for line in text.split("\n"):
        item = line.startswith(" ")
        begin = " " * indent + ("#   " if item else "# ")
        following = begin + "  " if item else begin
        lines += textwrap.wrap(line.strip(), WIDTH, initial_indent=begin, subsequent_indent=following)
    return lines


def key_comment(field: FieldInfo, indent: int) -> list[str]:
    """The comment above a key; the paper's value has a line of its own where one line does not hold all."""
    whole = comment(explained(field), indent)
    return whole if len(whole) == 1 else comment(f"{meaning(field)}\n{origin(field)}".strip(), indent)


def item(name: str, field: FieldInfo) -> str:
    """A key in a list of keys that are not set."""
    default = plain(field.default)
    known = not field.is_required() and default is not None
    return f"  {name} (default {in_yaml(default)}): {explained(field)}" if known else f"  {name}: {explained(field)}"


def compact(name: str, value: Any, indent: int) -> list[str]:
    """A key with a plain value: in one line, or the parts of its list or mapping in lines of their own."""
    begin = f"{' ' * indent}{name}:"
    line = f"{begin} {in_yaml(value)}"
    if isinstance(value, dict) and len(line) > WIDTH:
        return [begin, *(line for part, below in value.items() for line in compact(in_yaml(part), below, indent + 2))]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [begin, *(f"{' ' * indent}  - {in_yaml(part)}" for part in value)]
    return [line]


class _File:
    """Remembers the sections whose keys have their comments already."""

    def __init__(self) -> None:
        self.known: set[type[Section]] = set()

    def section(self, section: Section, indent: int) -> Iterator[str]:
        """The keys of a section, each below its comment, and at the end those that are not set."""
        self.known.add(type(section))
        others = []
        for attribute, name, field in keys_of(section):
            if not shown(section, attribute):
                others.append(item(name, field))
                continue
            value = getattr(section, attribute)
            yield from [""] if indent == 0 else []
            yield from key_comment(field, indent)
            yield from self.entry_keys(field, value, indent)
            yield from self.entry(name, value, indent)
        if others:
            yield from [""] if indent == 0 else []
            yield from comment("\n".join(["Not set here:", *others]), indent)

    def entry_keys(self, field: FieldInfo, value: Any, indent: int) -> Iterator[str]:
        """Comments on the keys of a section of which there is none yet, or several in a list."""
        kind, _ = section_in(field, "")
        if kind and kind not in self.known and (isinstance(value, list) or not value):
            self.known.add(kind)
            yield from comment("\n".join(item(name, below) for _, name, below in keys_of(kind)), indent)

    def entry(self, name: str, value: Any, indent: int) -> Iterator[str]:
        """A key with its value."""
        if isinstance(value, Section) and type(value) not in self.known:
            yield f"{' ' * indent}{name}:"
            yield from self.section(value, indent + 2)
        elif isinstance(value, dict) and any(isinstance(part, Section) for part in value.values()):
            yield f"{' ' * indent}{name}:"
            for part, below in value.items():
                yield from self.entry(part, below, indent + 2)
        else:
            yield from compact(name, plain(value), indent)
