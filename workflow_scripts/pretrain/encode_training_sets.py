"""Encode the training sets of GUE into a token shard for further pre-training.

In:  train.csv of each data set (one or two sequences, and a label, which is ignored) and the model's tokenizer. Files
     with other names are refused, so that no other split is trained on.
Out: a shard like the tokenizer stage's: ``--tokens``, a uint16 array of the tokens of all sequences, and ``--index``,
     one row per sequence (start: int64, length: int32, validation: bool, always false). ``--counts``: sequences and
     bases read, tokens and unknown tokens written.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, digest, write_json
from workflow_scripts.common.labelled_csv import labelled_rows

INDEX = np.dtype([("start", "<i8"), ("length", "<i4"), ("validation", "?")])


def sequences(path: Path) -> Iterator[str]:
    """All sequences of a training set, first and second of a pair in turn. Raises UserError with file and line."""
    if path.name != "train.csv":
        raise UserError(f"{path}: only train.csv may be trained on; remove {path.name}")
    with path.open(newline="") as handle:
        _header, *rows = labelled_rows(handle, str(path))
        for _place, row in rows:
            yield from row[:-1]


def encoded(tokenizer: Tokenizer, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Tokens of all texts without special tokens (uint16), and their index."""
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]
    index = np.zeros(len(ids), dtype=INDEX)
    index["length"] = [len(row) for row in ids]
    index["start"] = np.cumsum(index["length"], dtype=np.int64) - index["length"]
    return np.array([token for row in ids for token in row], dtype="<u2"), index


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, nargs="+", required=True, help="train.csv of each data set")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json of the model")
    parser.add_argument("--tokens", type=Path, required=True, help="token shard to write (.npy)")
    parser.add_argument("--index", type=Path, required=True, help="index of the sequences to write (.npy)")
    parser.add_argument("--counts", type=Path, required=True, help="counts to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    if tokenizer.get_vocab_size() > 2**16:
        raise UserError(f"{args.tokenizer}: {tokenizer.get_vocab_size()} tokens do not fit 16 bits; use at most 65536")
    texts = {str(path): list(sequences(path)) for path in args.train}
    tokens, index = encoded(tokenizer, [text for rows in texts.values() for text in rows])
    for path, array in ((args.tokens, tokens), (args.index, index)):
        with atomic(path) as temporary, temporary.open("wb") as handle:
            np.save(handle, array)
    write_json(
        args.counts,
        {
            "sequences": {path: len(rows) for path, rows in texts.items()},
            "bases": sum(len(text) for rows in texts.values() for text in rows),
            "tokens": len(tokens),
            "unknown": int((tokens == tokenizer.token_to_id("[UNK]")).sum()),
            "sha256": [digest(args.tokens), digest(args.index)],
        },
    )


if __name__ == "__main__":
    sys.exit(main())
