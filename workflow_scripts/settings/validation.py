"""Values checked against a section: every mistake at once, one line each with key, value and remedy."""

import difflib
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, TypeVar, get_args, get_origin

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from workflow_scripts.common.errors import UserError
from workflow_scripts.settings.fields import MUST, Section, bare, keys_of
from workflow_scripts.settings.yaml_text import in_yaml

S = TypeVar("S", bound=Section)
WANTED = {  # pydantic's type of a mistake -> what is wanted
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
GIVEN = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}
BOUNDS = {  # pydantic's type of a mistake -> how the value is wrong, and the bound that it gives
    "greater_than_equal": ("is less than the minimum of", "ge"),
    "less_than_equal": ("is greater than the maximum of", "le"),
    "greater_than": ("is not greater than", "gt"),
}
YES, NO = ("true", "yes", "on"), ("false", "no", "off")
LONGEST = 100  # letters of a value that a line quotes


def parsed(text: str, place: str) -> Any:
    """What a JSON text holds. Raises UserError; ``place`` is the option that the text came by."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise UserError(f"{place}: not JSON ({error})") from None


def read_json(section: type[S], text: str, place: str) -> S:
    """The section that a JSON text holds. Raises UserError with a line for each mistake."""
    return read(section, parsed(text, place), place)


def read(section: type[S], values: Any, place: str) -> S:
    """The section with these values. Raises UserError with a line for each mistake; ``place`` is what each names."""
    try:
        return section.model_validate(values, by_name=False)
    except ValidationError as error:
        raise UserError("\n".join(_lines(error, section, place))) from None


def mistakes_in(section: type[Section], values: Any, place: str) -> list[str]:
    """A line for each value that the section does not allow; ``place`` is what each names, such as "config"."""
    try:
        section.model_validate(values, by_name=False)
    except ValidationError as error:
        return list(_lines(error, section, place))
    return []


def _lines(error: ValidationError, section: type[Section], place: str) -> Iterator[str]:
    missing: dict[tuple[str | int, ...], list[str]] = {}
    for mistake in error.errors(include_url=False):
        path = mistake["loc"]
        if mistake["type"] == "missing":
            missing.setdefault(path[:-1], []).append(str(path[-1]))
        elif mistake["type"] in ("extra_forbidden", "invalid_key"):
            yield f"{_where(place, path[:-1])}: unknown key {path[-1]!r}; {_hint(section, path)}"
        elif path[-1:] == ("[key]",):
            yield f"{_where(place, path[:-2])}: {_in_words(mistake)}"
        else:
            yield f"{_where(place, path)}: {_in_words(mistake)}"
    for path, names in missing.items():
        yield f"{_where(place, path)}: {', '.join(names)} missing; see config/keys.md"


def _where(place: str, path: Iterable[str | int]) -> str:
    """A place with the path to a value, such as ``config finetune.runs[1].models``."""
    dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f"{place} {dotted.lstrip('.')}".strip()


def _hint(section: type[Section], path: tuple[str | int, ...]) -> str:
    """The known key that is like the last one of a path, or all that its section knows."""
    known = sorted(name for _, name, _ in keys_of(_section_at(section, path[:-1])))
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"


def _section_at(section: type[Section], path: Iterable[str | int]) -> type[Section]:
    """The section that lies below another."""
    here: Any = section
    for part in path:
        if get_origin(here) in (dict, list):
            here = bare(get_args(here)[-1])
        else:
            here = next(bare(field.annotation) for _, name, field in keys_of(here) if name == part)
    return here


def _in_words(mistake: ErrorDetails) -> str:
    """What is wrong with a value."""
    value, kind, facts = mistake["input"], mistake["type"], mistake.get("ctx", {})
    if value is None:
        return "empty; give a value, or leave the key out"
    if kind in WANTED:
        return f"{_quoted(value)} is {_given(value)}, not {WANTED[kind]}{_remedy(value, WANTED[kind])}"
    if kind in BOUNDS:
        relation, bound = BOUNDS[kind]
        return f"{_quoted(value)} {relation} {facts[bound]:g}"
    if kind == "literal_error":
        known = ", ".join(re.findall("'([^']*)'", facts["expected"]))
        return f"{_quoted(value)} is not one of {known}"
    if kind in ("string_too_short", "too_short") or (kind == "string_pattern_mismatch" and value == ""):
        return "empty; a value is needed"
    if kind == "string_pattern_mismatch":
        return f"{_quoted(value)} must {MUST[facts['pattern']]}"
    if kind == "finite_number":
        return f"{value} is not a finite number"
    return mistake["msg"]


def _quoted(value: Any) -> str:
    text = repr(value) if isinstance(value, str | float | list | dict) else in_yaml(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _given(value: Any) -> str:
    return next((words for kind, words in GIVEN.items() if isinstance(value, kind)), f"a {type(value).__name__}")


def _remedy(value: Any, wanted: str) -> str:
    """How to write a value that is only written wrongly: 3e-5, which YAML takes for text, or a list of one."""
    if wanted in ("an integer", "a number") and isinstance(value, str | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number, whole = float(value), int(float(value))  # ValueError or OverflowError unless it is finite
            if wanted == "a number":
                return f"; write {in_yaml(number)}"
            if number == whole:
                return f"; write {whole}"
    if wanted == "true or false" and str(value).lower() in YES + NO:
        return f"; write {in_yaml(str(value).lower() in YES)} without quotes"
    if wanted == "a list" and not isinstance(value, dict):
        return f"; write [{in_yaml(value)}]"
    if wanted == "text" and not isinstance(value, list | dict):
        return f'; write "{in_yaml(value)}"'
    return ""
