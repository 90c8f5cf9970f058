"""What sections and keys are made of: the base class of all sections, and the types of values."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A mapping of the configuration. An unknown key is an error, and so is a value of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


def key(
    default: Any = ...,
    meaning: str = "",
    *,
    unit: str | None = None,
    paper: str | None = None,
    source: str | None = None,
    reruns: bool = True,
    **bounds: Any,
) -> Any:
    """One key: its default, what it means, and where its value comes from.

    ``paper``: the paper's value, in words. ``source``: where that is written. ``reruns``: whether another value makes
    finished work run again; false for keys that say how something is computed, not what comes out. ``bounds`` are
    pydantic's: ``ge``, ``gt``, ``le``, ``lt``, ``min_length``, ``alias``, ``default_factory``.
    """
    extra = {"unit": unit, "paper": paper, "source": source, "reruns": reruns}
    if "default_factory" not in bounds:
        bounds["default"] = default
    return Field(description=meaning, json_schema_extra=extra, **bounds)


def matches(pattern: str, must: str) -> Any:
    """A text that matches a pattern; ``must`` says in words what the pattern asks for."""
    return Annotated[str, Field(pattern=pattern, json_schema_extra={"must": must})]


Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(gt=0)]
Patterns = Annotated[list[str], Field(min_length=1)]
Name = matches(
    r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", "begin with a letter or digit and contain only letters, digits, dots, dashes and _"
)
# Snakemake fills in what is in braces; programs take what begins with a dash for an option.
Plain = matches(
    r"^([^-{}\r\n][^{}\r\n]*)?$",
    "be one line without braces that does not begin with a dash (of a path, write ./-name)",
)
