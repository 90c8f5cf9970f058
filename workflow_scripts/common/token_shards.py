"""Token shards of a corpus: memory-mapped chunks of token ids, and rows of one length made of them."""

import hashlib
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import digest
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS

CLS, SEP, PAD = (SPECIAL_TOKENS.index(token) for token in ("[CLS]", "[SEP]", "[PAD]"))


def raise_open_file_limit(files: int) -> None:
    """Let this process open ``files`` more files; each memory-mapped file counts as open.

    The usual soft limit is 1,024; a process may raise it up to the hard limit. Raises UserError if that is too low.
    """
    needed = files + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise UserError(
            f"ulimit -n: {hard} open files are allowed, {needed} are needed for the token shards; raise the limit"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class Corpus:
    """The token shards of a corpus, memory-mapped; chunks are numbered through all shards in the order given."""

    def __init__(self, shards: list[tuple[Path, Path]]):
        """``shards``: (tokens, index) files of each genome, as the tokenizer stage writes them."""
        raise_open_file_limit(2 * len(shards))
        self.tokens = [np.load(tokens, mmap_mode="r") for tokens, _ in shards]
        self.index = [np.load(index, mmap_mode="r") for _, index in shards]
        self.ends = np.cumsum([len(index) for index in self.index])
        self.training, self.validation = self._numbers(False), self._numbers(True)
        if not len(self.training):
            raise UserError(f"{shards[0][1]}: the corpus has no training chunks; check genomes.chunk")

    def _numbers(self, validation: bool) -> np.ndarray:
        """Numbers of the non-empty training or validation chunks; uint32, because there may be 10^8 of them."""
        parts = [
            np.flatnonzero((index["validation"] == validation) & (index["length"] > 0)) + (end - len(index))
            for index, end in zip(self.index, self.ends, strict=True)
        ]
        return np.concatenate([part.astype(np.uint32) for part in parts])

    def training_sample(self, size: int) -> np.ndarray:
        """Numbers of at most ``size`` training chunks, spread evenly."""
        places = np.linspace(0, len(self.training) - 1, min(size, len(self.training)))
        return self.training[places.astype(np.int64)]

    def chunk(self, number: int) -> np.ndarray:
        """Token ids of one chunk, without special tokens."""
        shard = int(np.searchsorted(self.ends, number, side="right"))
        row = self.index[shard][number - self.ends[shard]]
        return self.tokens[shard][row["start"] : row["start"] + row["length"]]

    def rows(self, chunks: np.ndarray, length: int, offsets: np.ndarray) -> np.ndarray:
        """Rows ``[CLS] tokens [SEP]`` padded to ``length``, shape [chunks, length], int64.

        Each row is a window of its chunk, centred on the token at the relative position ``offsets`` in [0, 1). A
        window that would reach beyond an end is moved to that end, so every token is seen at least half as often as
        the average token.
        """
        rows, fitting = np.full((len(chunks), length), PAD, dtype=np.int64), length - 2
        rows[:, 0] = CLS
        for row, number, offset in zip(rows, chunks, offsets, strict=True):
            tokens = self.chunk(number)
            begin = int(offset * len(tokens)) - fitting // 2
            begin = max(min(begin, len(tokens) - fitting), 0)
            piece = tokens[begin : begin + fitting]
            row[1 : 1 + len(piece)] = piece
            row[1 + len(piece)] = SEP
        return rows


def corpus_digest(shards: list[tuple[Path, Path]]) -> str:
    """SHA-256 over the bytes of all shards, in their order; the files are read in parallel."""
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(digest, [path for pair in shards for path in pair]))
    return hashlib.sha256("".join(digests).encode()).hexdigest()
