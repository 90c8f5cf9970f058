"""The definitions of keys in words: what a key may be, its default, its meaning; for keys.md and for --help."""

import textwrap
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticUndefined
from pydantic_core.core_schema import DictSchema, NullableSchema, WithDefaultSchema

from workflow_scripts.settings.fields import Section, bare, fact, keys_of
from workflow_scripts.settings.fit_settings import FitSettings
from workflow_scripts.settings.yaml_text import in_yaml

FIT_SETTINGS = "finetune.settings"  # where the keys of a layer of fit settings are listed
NONE = (None, PydanticUndefined)  # the defaults of keys that have none


def plain(value: Any) -> Any:
    """A value as a configuration holds it: a section is a mapping of the keys that are written."""
    if isinstance(value, Section):
        written = {name: getattr(value, attribute) for attribute, name, _ in keys_of(value) if shown(value, attribute)}
        return {name: plain(part) for name, part in written.items()}
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def shown(section: Section, attribute: str) -> bool:
    """Whether a key of a default section is written: one that was set, of a section without any each with a value.

    Fit settings are layers, in which nothing is written but what was set.
    """
    if section.model_fields_set or isinstance(section, FitSettings):
        return attribute in section.model_fields_set
    return getattr(section, attribute) is not None


class Key(NamedTuple):
    """A key by its full name, such as ``pretrain.<name>.training.steps``."""

    name: str
    allowed: str
    default: str
    meaning: str


class Schema(GenerateJsonSchema):
    """The JSON schema of a section: a key is a value or is left out, never null; defaults of sections are their own."""

    def nullable_schema(self, schema: NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> dict[str, Any]:
        if isinstance(schema.get("default"), Section | dict | None):
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def dict_schema(self, schema: DictSchema) -> dict[str, Any]:
        made = super().dict_schema(schema)
        return made | {"additionalProperties": False} if "patternProperties" in made else made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def meaning(field: FieldInfo) -> str:
    """What a key means, with its unit."""
    unit = fact(field, "unit")
    return f"{field.description} Unit: {unit}." if unit else field.description or ""


def origin(field: FieldInfo) -> str:
    """The paper's value of a key, with its source; empty for a key that the paper does not have."""
    paper, source = fact(field, "paper"), fact(field, "source")
    return f"Paper: {paper} ({source})." if source else f"Paper: {paper}." if paper else ""


def explained(field: FieldInfo) -> str:
    """The meaning of a key with its unit, the paper's value and its source."""
    return f"{meaning(field)} {origin(field)}".strip()


def allowed(section: type[Section], name: str) -> str:
    """What the value of a key may be."""
    schema = section.model_json_schema(by_alias=True, schema_generator=Schema)
    rules = schema["properties"][name]
    if "enum" in rules:
        return " or ".join(f"`{value}`" for value in rules["enum"])
    if "const" in rules:
        return f"`{rules['const']}`"
    if "$ref" in rules:
        return "mapping"
    if "anyOf" in rules:
        return "text or mapping"
    words = {"boolean": "`true` or `false`", "string": "text", "object": "mapping", "array": "list"}
    if rules["type"] in words:
        return words[rules["type"]]
    bounds = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    return " ".join([rules["type"], *(f"{word} {rules[bound]:g}" for bound, word in bounds.items() if bound in rules)])


def keys(section: type[Section], name: str = "") -> Iterator[Key]:
    """All keys of a section and of those below it, whose names begin with ``name``."""
    for _, part, field in keys_of(section):
        full = f"{name}.{part}".lstrip(".")
        inner, below = section_in(field, full)
        elsewhere = inner is FitSettings and full != FIT_SETTINGS
        words = f"keys of `{FIT_SETTINGS}`" if elsewhere and below == full else allowed(section, part)
        default = plain(field.get_default())
        below_it = isinstance(default, dict) and default and inner and not elsewhere
        yield Key(full, words, "" if default in NONE or below_it else in_yaml(default), explained(field))
        if inner and not elsewhere:
            yield from keys(inner, below)


def section_in(field: FieldInfo, name: str) -> tuple[type[Section] | None, str]:
    """The section that a key is or holds several of, and what the names of its keys begin with."""
    kind = bare(field.annotation)
    if get_origin(kind) in (dict, list):
        name += ".<name>" if get_origin(kind) is dict else "[]"
        kind = bare(get_args(kind)[-1])
    return (kind if isinstance(kind, type) and issubclass(kind, Section) else None), name


def keys_help(section: type[Section]) -> str:
    """The keys of a section for --help: name, default, meaning."""
    lines = []
    for _, name, field in keys_of(section):
        lines.append(f"  {name} (default: {in_yaml(plain(field.get_default()))})")
        lines += textwrap.wrap(explained(field), 112, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return "\n".join(lines)
