"""What sections and keys are made of: the base class of all sections, and the types of values."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

T = TypeVar("T")


class Section(BaseModel):
    """A mapping of the configuration. An unknown key is an error, and so is a value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True, allow_inf_nan=False)


def key(
    default: Any = ...,
    meaning: str = "",
    *,
    unit: str | None = None,
    paper: str | None = None,
    source: str | None = None,
    reruns: bool = True,
    records: bool = False,
    **bounds: Any,
) -> Any:
    """One key: its default (none for a key that is required), what it means, and where its value comes from.

    ``paper``: the paper's value, in words. ``source``: where that is written. ``reruns``: whether another value makes
    finished work run again; false for keys that say how something is computed, not what comes out. ``records``: whether
    the key only changes what is logged; another value reruns finished work, but an unfinished run resumes. ``bounds``
    are pydantic's: ``ge``, ``gt``, ``le``, ``lt``, ``min_length``, ``alias``.
    """
    facts = {"unit": unit, "paper": paper, "source": source, "reruns": reruns and None, "records": records or None}
    extra: dict[str, JsonValue] = {name: fact for name, fact in facts.items() if fact is not None}
    return Field(default=default, description=meaning, json_schema_extra=extra, **bounds)


def keys_of(section: type[Section] | Section) -> Iterator[tuple[str, str, FieldInfo]]:
    """The keys of a section: the attribute, the key as it is written in a configuration, and its definition."""
    model = section if isinstance(section, type) else type(section)
    for attribute, field in model.model_fields.items():
        yield attribute, field.alias or attribute, field


def fact(field: FieldInfo, name: str) -> Any:
    """A fact about a key, by the name of its argument of ``key``: unit, paper, source, reruns or records; else None."""
    extra = field.json_schema_extra
    return extra.get(name) if isinstance(extra, dict) else None


def bare(annotation: Any) -> Any:
    """The type that an annotation is about: without bounds, and without None where a key may be left out."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    return annotation


MUST: dict[str, str] = {}
"""Pattern -> what it asks for, in words, for the line that refuses a value."""


def matches(pattern: str, must: str) -> Any:
    """What a text must match; ``must`` says in words what the pattern asks for."""
    MUST[pattern] = must
    return Field(pattern=pattern)


def _given(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("empty", "empty")
    return value


def _unique(values: list[T]) -> list[T]:
    for place, value in enumerate(values):
        if value in values[:place]:
            raise PydanticCustomError("repeated", "{value} is listed twice", {"value": repr(value)})
    return values


Omittable = Annotated[T | None, BeforeValidator(_given)]
"""A key that may be left out, and is then None; a written one needs a value."""
UniqueList = Annotated[list[T], AfterValidator(_unique), Field(json_schema_extra={"uniqueItems": True})]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Patterns = Annotated[list[str], Field(min_length=1)]
Name = Annotated[
    str,
    matches(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]*$",
        "begin with a letter or digit and contain only letters, digits, dots, dashes and underscores",
    ),
]
# Snakemake fills in what is in braces; programs take what begins with a dash for an option.
Plain = Annotated[
    str,
    matches(
        r"^([^-{}\r\n][^{}\r\n]*)?$",
        "be one line without braces that does not begin with a dash (of a path, write ./-name)",
    ),
]
