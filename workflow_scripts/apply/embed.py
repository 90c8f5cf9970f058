"""Embed sequences or intervals: vectors of whole sequences, of their tokens, or of their bases, one part of the input.

In:  sequences (FASTA, CSV, TSV, parquet), or intervals (BED) with a genome; a model folder, fitted or not.
Out: ``--out`` (parquet), a row for each window, or for each token or base that belongs to it: the number of its record,
     the window's start and end in the record, the first base and the end of what the vector stands for, and the vector
     (float32). write_embeddings joins the parts.

``--layers``: 0 is the output of the embedding, n that of layer n, -1 that of the last; of several the mean. ``--pooling
mean`` is the mean over the tokens of a window, [CLS] and [SEP] included, ``first`` the vector of [CLS], ``token`` one
vector a token, ``base`` one a base, that of the token which covers it. A sequence that is longer than a window is read
in windows that overlap, and each token or base is taken from the window in which it is farthest from the edges.
``--both-strands`` is the mean with the reverse complement, whose bases are put back in order; tokens of one strand have
no counterpart on the other.

Padding and the other sequences of a batch do not change a vector beyond rounding. Finished blocks are kept: a killed
run goes on, and the results are the same bytes for any number of parts.
"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from workflow_scripts.apply import options
from workflow_scripts.apply.models import load_models
from workflow_scripts.apply.windows import Window
from workflow_scripts.common import gpus
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.inference.encoding import Text, canonical_texts, other_strand
from workflow_scripts.inference.predictor import Predictor

WINDOW = 1000
"""Bases at once of a model that has not been fitted: the length of the chunks that it was trained on."""
PLACES = ("record", "start", "end", "first", "last")
POOLINGS = ("mean", "first", "token", "base")


@dataclass(frozen=True)
class Embedder:
    """A model with the layers and the pooling that are wanted; a method for each kind of pooling."""

    model: Predictor
    layers: list[int]
    pooling: str
    both_strands: bool

    def schema(self) -> pa.Schema:
        """The columns of the results."""
        size = len(self.model.embed(["ACGTACGTACGT"], self.layers)[0])
        meaning = {
            "model": str(self.model.folder),
            "layers": self.layers,
            "pooling": self.pooling,
            "both_strands": self.both_strands,
        }
        columns = [*((name, pa.int64()) for name in PLACES), ("vector", pa.list_(pa.float32(), size))]
        return pa.schema(columns, metadata={"embeddings": json.dumps(meaning)})

    def rows(self, windows: list[Window]) -> pa.Table:
        """The rows of some windows, in the order of windows and, inside of each, of bases."""
        found = list(self._whole(windows) if self.pooling in ("mean", "first") else self._inside(windows))
        places = np.concatenate([place for place, _ in found])
        vectors = np.concatenate([vector for _, vector in found]).astype(np.float32)
        columns: dict[str, Any] = {name: places[:, number] for number, name in enumerate(PLACES)}
        columns["vector"] = pa.FixedSizeListArray.from_arrays(vectors.reshape(-1), vectors.shape[1])
        return pa.table(columns)

    def _whole(self, windows: list[Window]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of each window its place [1, 5] and its vector [1, size]."""
        vectors = self._strand_mean([window.sequence for window in windows])
        for window, vector in zip(windows, vectors, strict=True):
            yield np.array([[window.record, window.start, window.end, *window.own]]), vector[None]

    def _strand_mean(self, texts: list[Text]) -> np.ndarray:
        pooling: Literal["mean", "first"] = "first" if self.pooling == "first" else "mean"
        vectors = self.model.embed(texts, self.layers, pooling)
        if not self.both_strands:
            return vectors
        others = self.model.embed(list(map(other_strand, canonical_texts(texts))), self.layers, pooling)
        return (vectors + others) / 2

    def _inside(self, windows: list[Window]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of each window the places [rows, 5] and vectors [rows, size] of the tokens or bases that belong to it."""
        texts = [self._single(window) for window in windows]
        for window, (bounds, vectors) in zip(windows, self._parts(texts), strict=True):
            bounds = bounds + window.start
            mine = (bounds[:, 0] >= window.own[0]) & (bounds[:, 0] < window.own[1])
            whole = np.tile([window.record, window.start, window.end], (mine.sum(), 1))
            yield np.concatenate([whole, bounds[mine]], axis=1), vectors[mine]

    def _parts(self, texts: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Of each text first base and end [rows, 2], and vectors [rows, size], of its tokens or bases."""
        if self.pooling == "token":
            spans = self.model.encode(texts).spans or []
            for places, vectors in zip(spans, self.model.embed_tokens(texts, self.layers), strict=True):
                inside = places[:, 0] >= 0  # not [CLS] and [SEP]
                yield places[inside, 1:], vectors[inside]
            return
        found = self.model.embed_bases(texts, self.layers)
        if self.both_strands:
            others = self.model.embed_bases(list(map(reverse_complement, texts)), self.layers)
            found = [(one + other[::-1]) / 2 for one, other in zip(found, others, strict=True)]
        for vectors in found:
            starts = np.arange(len(vectors))
            yield np.stack([starts, starts + 1], axis=1), vectors

    def _single(self, window: Window) -> str:
        if isinstance(window.sequence, str):
            return window.sequence
        raise UserError(f"record {window.record + 1}: a pair has no places; embed it with --pooling mean or first")


def build_parser() -> ArgumentParser:
    parser = options.parser_of(__doc__)
    options.model_options(parser)
    options.input_options(parser, "sequences (FASTA, CSV, TSV, parquet) or intervals (BED)")
    options.window_options(parser, f"the longest training sequence of a fit, if it is known, else {WINDOW}")
    parser.add_argument("--layers", type=int, nargs="+", default=[-1], help="of several the mean (default: -1)")
    parser.add_argument("--pooling", choices=POOLINGS, default="mean", help="see above (default: %(default)s)")
    parser.add_argument("--both-strands", action="store_true", help="the mean over both strands")
    options.job_options(parser)
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if args.pooling == "token" and args.both_strands:
        raise UserError("--both-strands: the tokens of one strand have no counterpart on the other; embed bases")
    if len(args.model) > 1:
        raise UserError("--model: vectors of different models have no common axes; give one model")
    gpus.claim_or_hide(args.gpus)
    source = options.open_source(args)
    (model,) = load_models(args.model)
    embedder = Embedder(model, args.layers, args.pooling, args.both_strands)
    window = (model.record.window if model.record else 0) or WINDOW
    options.compute_windows(args, source, window, embedder.rows, embedder.schema())


if __name__ == "__main__":
    sys.exit(main())
