"""The policy for letters (letters.py) as a part of tokenizer.json, so that every program that loads it follows it.

A normalizer rewrites each lower-case nucleotide code to upper case, and U to T. Every letter is replaced by one letter,
so the places of tokens in the text stay right; upper-case text is not changed, so neither are its ids.
"""

import json
from typing import Any

from tokenizers import normalizers

from workflow_scripts.common.letters import IUPAC, canonical


def letter_normalizers() -> list[normalizers.Normalizer]:
    """A replacement for each letter that is not canonical; the library has no upper-casing normalizer."""
    return [
        normalizers.Replace(letter, canonical(letter))
        for letter in IUPAC + IUPAC.lower()
        if letter != canonical(letter)
    ]


def with_letters(tokenizer: dict[str, Any]) -> dict[str, Any]:
    """The content of a tokenizer.json with the normalizers of letters before its own; unchanged if it has them."""
    ours = json.loads(normalizers.Sequence(letter_normalizers()).__getstate__())
    found = tokenizer.get("normalizer")
    steps = found["normalizers"] if found and found["type"] == "Sequence" else [found] if found else []
    if steps[: len(ours["normalizers"])] == ours["normalizers"]:
        return tokenizer
    return tokenizer | {"normalizer": ours | {"normalizers": ours["normalizers"] + steps}}
