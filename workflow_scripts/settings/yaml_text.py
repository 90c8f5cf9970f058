"""Values as YAML in one line."""

import json
import re
from decimal import Decimal
from typing import Any

# what YAML reads as text without quotes
PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./ -]*(:[A-Za-z0-9_./-]+)*")
# what it reads as something else
WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}


def in_yaml(value: Any) -> str:
    """A value of text, numbers, booleans, lists and mappings in flow style, which YAML 1.1 reads back as the same."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return _decimal(value)
    if isinstance(value, str):
        plain = PLAIN.fullmatch(value) and value == value.strip() and value.lower() not in WORDS
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(in_yaml, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{in_yaml(name)}: {in_yaml(part)}" for name, part in value.items()) + "}"
    return str(value)


def _decimal(value: float) -> str:
    """A finite number with a point, without which YAML 1.1 takes 1e-6 for text; small ones by a power of ten."""
    if not 0 < abs(value) < 0.005:
        text = repr(value)
        return text if "e" not in text or "." in text else text.replace("e", ".0e")
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    first, *others = map(str, digits)
    return f"{'-' * sign}{first}.{''.join(others) or '0'}e{int(exponent) + len(others)}"
