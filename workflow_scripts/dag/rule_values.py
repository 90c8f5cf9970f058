"""Values that the rules of every stage are given: options of a command line, JSON, resources that grow."""

import json
from collections.abc import Callable
from typing import Any, Protocol


class Wildcards(Protocol):
    """The wildcards of a job, each by its name."""

    def __getattr__(self, name: str, /) -> str: ...


def option(flag: str, *values: object) -> list[str]:
    """The words of a command-line option; none without a value: an empty word would vanish in the shell."""
    words = [str(value) for value in values if value not in (None, "")]
    return [flag, *words] if words else []


def as_json(value: Any) -> str:
    """Compact text that is the same for equal values, so that it reruns a rule only when a value has changed."""
    return json.dumps(value, sort_keys=True)


def growing(amount: int) -> Callable[[Wildcards, int], int]:
    """A resource function: ``amount`` in the first attempt, twice as much in the second, and so on."""

    def resource(wildcards: Wildcards, attempt: int) -> int:
        return attempt * amount

    return resource
