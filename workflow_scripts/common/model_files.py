"""The files of a model of the Hugging Face hub that are fetched: configuration, weights and tokenizer, nothing else.

Uses only the standard library, because the plan of a run reads it too.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatch

VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json")
"""The files in which a tokenizer keeps its words; one that is code may have none."""
TOKENIZER_FILES = (
    *(*VOCABULARIES, "merges.txt"),
    *("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
)
DESCRIPTION = ("config.json", *TOKENIZER_FILES)
SAFE = ("*.safetensors", "model.safetensors.index.json")
PICKLED = ("pytorch_model*.bin", "pytorch_model.bin.index.json")


def is_commit(revision: str) -> bool:
    """Whether a revision is a commit, and no branch or tag, which may move."""
    return re.fullmatch("[0-9a-f]{40}", revision) is not None


def patterns(code: bool, weights: Iterable[str] = (*SAFE, *PICKLED)) -> list[str]:
    """Patterns of the files, with those of the model's own Python ``code`` if wanted."""
    return [*DESCRIPTION, *weights, *(["*.py"] if code else [])]


def chosen(names: Iterable[str], code: bool) -> list[str]:
    """Those of the names at the top level that are fetched: safetensors where there are some, else pickled weights."""
    names = [name for name in names if "/" not in name]
    weights = SAFE if any(fnmatch(name, "*.safetensors") for name in names) else PICKLED
    wanted = patterns(code, weights)
    return sorted(name for name in names if any(fnmatch(name, pattern) for pattern in wanted))
