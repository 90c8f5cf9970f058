"""Encode the chunks of one genome into a token shard.

Three files result: ``--tokens``, a uint16 array with the tokens of all chunks one after the other, without special
tokens; ``--index``, a structured array with one row a chunk (start: int64 offset into the tokens, length: int32,
validation: bool); and ``--counts``, what came in and what went out.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, write_json
from workflow_scripts.common.progress import Progress
from workflow_scripts.tokenizer import chunks

INDEX = np.dtype([("start", "<i8"), ("length", "<i4"), ("validation", "?")])
HEADER_BYTES = 128


class TokenFile:
    """A .npy file of uint16 written as a stream: the header is completed when the number of tokens is known."""

    def __init__(self, path: Path):
        self.handle = path.open("wb")
        self.handle.write(bytes(HEADER_BYTES))
        self.tokens = 0

    def append(self, ids: np.ndarray) -> None:
        self.handle.write(ids.astype("<u2").tobytes())
        self.tokens += len(ids)

    def close(self) -> None:
        self.handle.seek(0)
        np.lib.format.write_array_header_1_0(
            self.handle, {"descr": "<u2", "fortran_order": False, "shape": (self.tokens,)}
        )
        assert self.handle.tell() == HEADER_BYTES
        self.handle.close()


def encoded(path: Path, tokenizer: Tokenizer) -> Iterator[tuple[list[np.ndarray], np.ndarray, int]]:
    """Yield, batch by batch, the ids of each chunk, the validation flags, and the number of bases."""
    for sequences, validation in chunks.batches(path):
        encodings = tokenizer.encode_batch_fast(sequences, add_special_tokens=False)
        ids = [np.array(encoding.ids, dtype=np.uint16) for encoding in encodings]
        yield ids, validation, sum(map(len, sequences))


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=Path, required=True, help="chunk file, ACCESSION.parquet")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--tokens", type=Path, required=True, help="token shard to write (.npy)")
    parser.add_argument("--index", type=Path, required=True, help="index of the chunks to write (.npy)")
    parser.add_argument("--counts", type=Path, required=True, help="counts to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    if tokenizer.get_vocab_size() > 2**16:
        raise UserError(f"{args.tokenizer}: {tokenizer.get_vocab_size()} tokens do not fit 16 bits; at most 65536")
    unknown_id = tokenizer.token_to_id("[UNK]")
    lengths, flags, bases, unknown = [], [], 0, 0
    with atomic(args.tokens) as temporary, Progress(None, "base", f"encoding {args.chunks.stem}") as progress:
        stream = TokenFile(temporary)
        for ids, validation, count in encoded(args.chunks, tokenizer):
            for chunk in ids:
                stream.append(chunk)
                unknown += int((chunk == unknown_id).sum())
            lengths.extend(map(len, ids))
            flags.append(validation)
            bases += count
            progress.step(count)
        stream.close()
    index = np.zeros(len(lengths), dtype=INDEX)
    index["length"] = lengths
    index["start"] = np.cumsum(index["length"], dtype=np.int64) - index["length"]
    if flags:
        index["validation"] = np.concatenate(flags)
    with atomic(args.index) as temporary, temporary.open("wb") as handle:
        np.save(handle, index)
    write_json(
        args.counts,
        {
            "accession": chunks.accession_of(args.chunks),
            "chunks": len(index),
            "bases": bases,
            "tokens": int(index["length"].sum()),
            "validation_tokens": int(index["length"][index["validation"]].sum()),
            "unknown": unknown,
        },
    )


if __name__ == "__main__":
    sys.exit(main())
