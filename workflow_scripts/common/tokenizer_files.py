"""The files of a tokenizer directory as every version of the libraries reads them.

What is added to a tokenizer.json, ours or from the hub, changes no id: the letters of tokenizer_letters.py, merges that
old versions read, and a decoder that spells the sequence.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from workflow_scripts.common.files import read_json, write_text
from workflow_scripts.common.tokenizer_letters import with_letters

JOINED = {"type": "Fuse"}
"""The decoder that joins tokens without blanks; without a decoder the library puts a blank between them."""


def portable(tokenizer: dict[str, Any]) -> dict[str, Any]:
    """The content of a tokenizer.json with merges as "A C", and with a decoder if it is BPE without one.

    tokenizers before 0.20 (transformers before 4.45) do not read the pairs that later versions write.
    """
    model = tokenizer["model"]
    if "merges" not in model:
        return tokenizer
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return tokenizer | {"model": model | {"merges": merges}, "decoder": tokenizer.get("decoder") or JOINED}


def write_tokenizer(content: dict[str, Any], path: Path) -> None:
    """Write a tokenizer.json that every version reads."""
    write_text(path, json.dumps(portable(content), indent=2, ensure_ascii=False))


def save_tokenizer(tokenizer: Tokenizer, path: Path) -> None:
    """Write a tokenizer of the library."""
    write_tokenizer(json.loads(tokenizer.to_str()), path)


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy a tokenizer.json, from the hub perhaps, with the normalizers of letters."""
    write_tokenizer(with_letters(read_json(source)), target)
