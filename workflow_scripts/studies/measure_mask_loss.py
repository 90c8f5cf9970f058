"""Measure the loss of a masked language model on [MASK] places of held-out chunks, chunk by chunk.

In:  a model directory, its tokenizer directory, and the token shards of the genomes.
Out: a Parquet file with one row per chunk and window: ``accession``, ``chunk`` (its number in the genome), ``block``
     (neighbouring held-out chunks have one number), ``window`` (tokens that the model reads at once), ``masked``
     (tokens), ``nats`` (loss of the model on them), ``unigram_nats`` (of the frequencies of the training tokens), and
     ``hidden_bases``.

Every chosen token becomes [MASK]; none is replaced by another or left. The choice depends on the seed and the chunk
only: models with the same tokenizer, and windows of any length, have the same places to predict. A model reads a chunk
in windows of consecutive tokens between [CLS] and [SEP].

``hidden_bases`` makes tokenizers comparable. It counts, over the masked tokens, the bases that no unmasked token
covers. A BPE token or a 6-mer side by side hides all its bases; an overlapping k-mer hides none if it is masked alone,
and one if it is in the middle of a masked run of k.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.nn import functional

from workflow_scripts.common import gpus
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.species_table import genome_files
from workflow_scripts.common.token_shards import CLS, PAD, SEP
from workflow_scripts.inference.masking import MASK
from workflow_scripts.inference.network import device_here
from workflow_scripts.inference.spelling import hidden_bases
from workflow_scripts.model import DnaBert2ForMaskedLM
from workflow_scripts.settings.names import SEED
from workflow_scripts.studies import vocabularies
from workflow_scripts.studies.measures import contiguous_mask
from workflow_scripts.studies.study_options import device
from workflow_scripts.studies.vocabularies import Vocabulary

SHARE = 0.15
BATCH = 16_384  # tokens that pass through the model at once


@dataclass(frozen=True)
class Sampling:
    """What is measured of each genome: at most ``count`` chunks, masked in runs of ``run`` tokens.

    ``cut``: only the first tokens of a chunk are read, and chunks with fewer are left out; 0 reads all of every chunk.
    """

    count: int
    run: int
    seed: int
    cut: int = 0


@dataclass(frozen=True)
class Chunk:
    """A held-out chunk: its tokens, which of them are masked, and the bases that each masked one hides."""

    accession: str
    number: int
    block: int
    ids: np.ndarray
    chosen: np.ndarray
    hidden: np.ndarray


def held_out(shard: Path, vocabulary: Vocabulary, sampling: Sampling) -> Iterator[Chunk]:
    """The validation chunks of a shard that are measured, spread evenly over it."""
    tokens, index = np.load(shard, mmap_mode="r"), np.load(shard.with_suffix(".index.npy"))
    numbers = np.flatnonzero(index["validation"] & (index["length"] >= max(sampling.cut, 1)))
    blocks = np.cumsum(np.diff(numbers, prepend=-1) > 1)
    wanted = min(sampling.count, len(numbers))
    for place in np.linspace(0, len(numbers) - 1, wanted).astype(int):
        number, row = int(numbers[place]), index[numbers[place]]
        length = sampling.cut or row["length"]
        ids = np.asarray(tokens[row["start"] : row["start"] + length], dtype=np.int64)
        random = generator(sampling.seed, "study loss", shard.stem, number)
        chosen = contiguous_mask(len(ids), SHARE, sampling.run, random)
        hidden = hidden_bases(*vocabulary.spelling.spans(ids), ~chosen)[chosen]
        yield Chunk(shard.stem, number, int(blocks[place]), ids, chosen, hidden)


def token_frequencies(shards: list[Path], size: int) -> np.ndarray:
    """Negative logarithms of the shares of the training tokens, [size]; each token is counted once more than seen."""
    counts = np.ones(size)
    for shard in shards:
        index = np.load(shard.with_suffix(".index.npy"))
        training = np.repeat(~index["validation"], index["length"])
        counts += np.bincount(np.load(shard, mmap_mode="r")[training], minlength=size)
    return -np.log(counts / counts.sum())


def windows(chunks: list[Chunk], window: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(Number of the chunk, tokens, masked or not) of every window of every chunk, in order."""
    for number, chunk in enumerate(chunks):
        for start in range(0, len(chunk.ids), window):
            yield number, chunk.ids[start : start + window], chunk.chosen[start : start + window]


@torch.no_grad()
def nats(model: DnaBert2ForMaskedLM, chunks: list[Chunk], window: int) -> np.ndarray:
    """The loss of the model summed over the masked tokens of each chunk, [chunks]."""
    device, parts = model.device, list(windows(chunks, window))
    sums = np.zeros(len(chunks))
    size = max(BATCH // (window + 2), 1)
    with Progress(len(parts), "window", f"windows of {window:,} tokens") as progress:
        for first in range(0, len(parts), size):
            batch = parts[first : first + size]
            rows = np.full((len(batch), window + 2), PAD)
            masked = np.zeros(rows.shape, dtype=bool)
            for line, (_, ids, chosen) in enumerate(batch):
                rows[line, : len(ids) + 2] = [CLS, *ids, SEP]
                masked[line, 1 : len(ids) + 1] = chosen
            labels = torch.from_numpy(rows[masked]).to(device)
            inputs = torch.from_numpy(np.where(masked, MASK, rows)).to(device)
            logits = model.masked_logits(inputs, (inputs != PAD).long(), torch.from_numpy(masked).to(device))
            losses = functional.cross_entropy(logits.float(), labels, reduction="none").double().cpu().numpy()
            owners = np.array([number for number, _, _ in batch])[np.nonzero(masked)[0]]
            np.add.at(sums, owners, losses)
            progress.step(len(batch))
    return sums


def measure(
    model: DnaBert2ForMaskedLM, vocabulary: Vocabulary, shards: list[Path], sizes: list[int], sampling: Sampling
) -> pa.Table:
    """The rows of the result; ``sizes`` are the windows. Raises UserError if no chunk is long enough."""
    chunks = [chunk for shard in shards for chunk in held_out(shard, vocabulary, sampling)]
    if not chunks:
        raise UserError(
            f"{shards[0].parent}: no held-out chunk of {max(sampling.cut, 1)} tokens; raise genomes.chunk.length or "
            "genomes.validation.fraction"
        )
    frequencies = token_frequencies(shards, len(vocabulary.words))
    rows: list[dict[str, Any]] = []
    for window in sizes:
        for chunk, loss in zip(chunks, nats(model, chunks, window), strict=True):
            places = {"accession": chunk.accession, "chunk": chunk.number, "block": chunk.block, "window": window}
            unigram = float(frequencies[chunk.ids[chunk.chosen]].sum())
            sums = {"masked": int(chunk.chosen.sum()), "nats": float(loss), "unigram_nats": unigram}
            rows.append(places | sums | {"hidden_bases": int(chunk.hidden.sum())})
    return pa.Table.from_pylist(rows)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="model directory of this workflow")
    parser.add_argument("--tokenizer", type=Path, required=True, help="directory of its tokenizer, with stats.json")
    parser.add_argument(
        "--tokens", type=Path, nargs="+", required=True, help="token shards, NAME.npy each, or a folder of them"
    )
    parser.add_argument("--species", type=Path, help="species table: only its genomes are read from a folder")
    parser.add_argument("--windows", type=int, nargs="+", required=True, help="tokens that the model reads at once")
    parser.add_argument("--chunks", type=int, default=32, help="chunks of a genome, at most (default: %(default)s)")
    parser.add_argument("--run", type=int, default=1, help="tokens that are masked together (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the masks (default: %(default)s)")
    device(parser)
    parser.add_argument("--out", type=Path, required=True, help="file to write (.parquet)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    gpus.claim_or_hide(args.gpus)
    shards = genome_files(args.tokens, ".npy", args.species)
    model = DnaBert2ForMaskedLM.from_pretrained(args.model).eval()
    model.to(device_here())
    # with several windows each must read the same tokens
    cut = max(args.windows) if len(args.windows) > 1 else 0
    sampling = Sampling(args.chunks, args.run, args.seed, cut)
    table = measure(model, vocabularies.load(args.tokenizer), shards, args.windows, sampling)
    with atomic(args.out) as temporary:
        pq.write_table(table, temporary)


if __name__ == "__main__":
    sys.exit(main())
