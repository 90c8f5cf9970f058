"""Encode the chunks of one genome into a token shard.

In:  the chunk file of the genome, and a tokenizer.json.
Out: ``--tokens``, a uint16 array of the tokens of all chunks end to end, without special tokens; ``--index``, a
     structured array with one row per chunk (start: int64 offset into the tokens, length: int32, validation: bool,
     reverse: bool); and ``--counts``, the numbers of chunks, bases and tokens.

A share of the chunks can be encoded as their reverse complement. The choice depends only on (seed, accession) and is
recorded in the index. Letters that are no base are unknown to the tokenizer and are counted.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from workflow_scripts.common import chunk_reader, kmer_tokenizers
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, digest, write_json
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.common.special_tokens import UNKNOWN
from workflow_scripts.settings.names import SEED, TOKENIZER_KINDS
from workflow_scripts.settings.tokenizer import BPE4096
from workflow_scripts.tokenizer.bpe_encoder import Encoder

INDEX = np.dtype([("start", "<i8"), ("length", "<i4"), ("validation", "?"), ("reverse", "?")])
HEADER_BYTES = 128

Encode = Callable[[list[str]], tuple[np.ndarray, np.ndarray]]
"""From sequences to their ids end to end (uint16), and the number of ids of each sequence."""


class TokenFile:
    """A .npy file of uint16 that is written as a stream; the header is written last, when the size is known."""

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


def load_encoder(path: Path, kind: str, k: int) -> Encode:
    """The encoding function of a tokenizer file. Raises UserError if it is of another kind or has too many ids."""
    tokenizer = Tokenizer.from_file(str(path))
    if tokenizer.get_vocab_size() > 2**16:
        raise UserError(f"{path}: {tokenizer.get_vocab_size()} tokens do not fit 16 bits; use at most 65536")
    if kind == "bpe":
        return Encoder(tokenizer, path).encode
    if tokenizer.get_vocab() != kmer_tokenizers.build(kind, k).get_vocab():
        raise UserError(f"{path}: not a tokenizer of kind {kind} with k {k}; remove it and run again")
    return partial(kmer_tokenizers.encode, kind=kind, k=k)


def encode_parallel(
    sequences: list[str], encode: Encode, pool: ThreadPoolExecutor, threads: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Encode an equal part of the sequences on each thread; returns the result of ``encode`` of each part, in order."""
    size = -(-len(sequences) // threads)
    return list(pool.map(encode, (sequences[first : first + size] for first in range(0, len(sequences), size))))


def read_oriented(path: Path, share: float, seed: int) -> Iterator[tuple[list[str], np.ndarray, np.ndarray]]:
    """Yield sequences, a ``share`` of them reverse-complemented, validation flags, and flags of the reversed ones."""
    random = generator(seed, "reverse complement", chunk_reader.accession_of(path))
    for sequences, validation in chunk_reader.read_batches(path):
        reverse = random.random(len(sequences)) < share
        pairs = zip(sequences.to_pylist(), reverse, strict=True)
        yield [reverse_complement(text) if reversed_ else text for text, reversed_ in pairs], validation, reverse


def write_tokens(args: argparse.Namespace, encode: Encode, path: Path) -> tuple[np.ndarray, dict[str, int]]:
    """Write the tokens of all chunks to ``path``; returns the index, and counts of bases and unknown letters."""
    rows, bases, unknown = [np.zeros(0, dtype=INDEX)], 0, 0
    stream = TokenFile(path)
    with (
        ThreadPoolExecutor(args.threads) as pool,
        Progress(None, "base", f"encoding {args.chunks.stem}") as progress,
    ):
        for sequences, validation, reverse in read_oriented(args.chunks, args.reverse_complement, args.seed):
            parts = encode_parallel(sequences, encode, pool, args.threads)
            for ids, _ in parts:
                stream.append(ids)
                unknown += int(np.count_nonzero(ids == UNKNOWN))
            row = np.zeros(len(sequences), dtype=INDEX)
            row["length"] = np.concatenate([lengths for _, lengths in parts])
            row["validation"], row["reverse"] = validation, reverse
            rows.append(row)
            letters = sum(map(len, sequences))
            bases += letters
            progress.step(letters)
    stream.close()
    index = np.concatenate(rows)
    index["start"] = np.cumsum(index["length"], dtype=np.int64) - index["length"]
    return index, {"bases": bases, "unknown": unknown}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=Path, required=True, help="chunk file, ACCESSION.parquet")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer.json")
    parser.add_argument("--kind", choices=TOKENIZER_KINDS, required=True, help="kind of the tokenizer")
    parser.add_argument("--k", type=int, default=1, help="length of the k-mers")
    parser.add_argument(
        "--reverse-complement",
        type=float,
        default=BPE4096.reverse_complement,
        help="share of reverse-complemented chunks, 0 to 1",
    )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the choice of these chunks")
    parser.add_argument("--threads", type=int, default=1, help="number of threads")
    parser.add_argument("--tokens", type=Path, required=True, help="token shard to write (.npy)")
    parser.add_argument("--index", type=Path, required=True, help="index of the chunks to write (.npy)")
    parser.add_argument("--counts", type=Path, required=True, help="counts to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    encode = load_encoder(args.tokenizer, args.kind, args.k)
    with atomic(args.tokens) as temporary:
        index, letters = write_tokens(args, encode, temporary)
    with atomic(args.index) as temporary, temporary.open("wb") as handle:
        np.save(handle, index)
    write_json(
        args.counts,
        {
            "accession": chunk_reader.accession_of(args.chunks),
            "chunks": len(index),
            "tokens": int(index["length"].sum()),
            "validation_tokens": int(index["length"][index["validation"]].sum()),
            "reverse_complemented": int(index["reverse"].sum()),
            **letters,
            "sha256": [digest(args.tokens), digest(args.index)],
        },
    )


if __name__ == "__main__":
    sys.exit(main())
