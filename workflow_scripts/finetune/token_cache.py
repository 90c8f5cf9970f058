"""The tokens of data sets, kept for all fits of models with the same tokenizer.

The library encodes overlapping k-mers at a tenth of a megabase a second, the largest data sets of the benchmark have a
hundred megabases and more, and every seed and method needs the same tokens.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError

from workflow_scripts.common import checkpoints
from workflow_scripts.common.files import digest
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.finetune.datasets import Rows, Tokens
from workflow_scripts.inference.encoding import Encoded, Encoder, other_strand

SHARES = ("truncated", "unknown")
"""The figures of Encoded that are kept with the tokens."""


def tokens_of(csv: Path, rows: Rows, encoder: Encoder, max_tokens: int, both_strands: bool, cache: Path) -> Tokens:
    """The tokens of the rows of ``csv``, from the folder ``cache`` or computed and put there.

    A file there is named by the hash of all it depends on: rows, tokenizer, limit, strands, and its format. One that
    cannot be read is computed again.
    """
    path = cache / f"{stable_hash(digest(csv), encoder.fingerprint, max_tokens, both_strands, SHARES):016x}.safetensors"
    try:
        return Tokens(read(path), rows.labels)
    except FileNotFoundError:
        pass
    except (SafetensorError, OSError) as error:
        print(f"{path}: not readable ({error}); tokenising {csv} again", file=sys.stderr, flush=True)
    texts = [*rows.texts, *map(other_strand, rows.texts)] if both_strands else rows.texts
    encoded = encoder.encode(texts, max_tokens)
    write(path, encoded)
    return Tokens(encoded, rows.labels)


def write(path: Path, encoded: Encoded) -> None:
    """Write ids and types, concatenated, and the length of each text."""
    arrays = {
        "ids": np.concatenate(encoded.ids).astype(np.int32),
        "lengths": np.array([len(ids) for ids in encoded.ids]),
    }
    if encoded.types is not None:
        arrays["types"] = np.concatenate(encoded.types).astype(np.uint8)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    checkpoints.write(path, tensors, {name: repr(getattr(encoded, name)) for name in SHARES})


def read(path: Path) -> Encoded:
    """Read what :func:`write` has written. Raises SafetensorError or OSError if it is not as it was written."""
    metadata, tensors = checkpoints.read(path)
    ends = np.cumsum(tensors["lengths"].numpy())[:-1]
    ids, types = tensors["ids"].numpy(), tensors.get("types")
    return Encoded(
        ids=np.split(ids, ends),
        types=None if types is None else np.split(types.numpy(), ends),
        truncated=float(metadata["truncated"]),
        unknown=float(metadata["unknown"]),
    )
