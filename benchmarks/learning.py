"""Does a small model learn DNA? Its bits per base on real genomes, compared with an order-3 Markov model and 1.95 bits.

In:  a folder of real genomes with their manifest.tsv (id, group, file, bp), by default that of REAL_DATA.
Out: a table on standard output, and with --out in a file: loss, accuracy and bits per base at each validation, for a
     model of 4 layers of width 256. The workflow's own programs train it from raw FASTA: chunks, vocabulary, tokens,
     pre-training in bfloat16. The last row has the bits per base of the Markov model on the same bases.

The bases are those of the masked validation tokens. The Markov model is counted on the training chunks and predicts
each base from the three before it, if they are known. The pre-trained model sees the tokens on both sides, but no base
of the token that it predicts. The default number of steps takes half an hour on two free cores.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from tokenizers import Tokenizer  # noqa: E402

from benchmarks.machine import machine  # noqa: E402
from workflow_scripts.common import chunk_reader  # noqa: E402
from workflow_scripts.common.files import read_table, write_text  # noqa: E402
from workflow_scripts.common.sequences import BASE_CODES  # noqa: E402
from workflow_scripts.genomes import chunk_genome  # noqa: E402
from workflow_scripts.pretrain import batches, pretrain_model  # noqa: E402
from workflow_scripts.settings.pretrain import read_training  # noqa: E402
from workflow_scripts.tokenizer import encode_genome  # noqa: E402
from workflow_scripts.tokenizer import train_tokenizer as vocabulary  # noqa: E402

ORDER, MARK, SEED = 3, 1.95, 42
# Alignment blocks under a single name, a plant, and three million bases of satellite from one centromere.
LEFT_OUT = ("chicken_galGal3_axt_blocks", "a_thaliana_braker", "human_chr8_cen")
ARCHITECTURE = {
    **{"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 8, "intermediate_size": 1024},
    **{"hidden_dropout_prob": 0.0, "initializer_range": 0.04},
}


def run(main: Callable[[list[str]], int], *arguments: object) -> None:
    """Run one of the workflow's programs."""
    if main([str(argument) for argument in arguments]):
        raise SystemExit("error: a program of the workflow failed; see its message above")


def options(**values: object) -> Iterator[object]:
    for name, value in values.items():
        yield f"--{name.replace('_', '-')}"
        yield value


def chosen(folder: Path, bases: int) -> list[dict[str, str]]:
    """Genomes of the manifest, smallest first, at most ``bases`` bases of each group."""
    rows = [row for row in read_table(folder / "manifest.tsv") if row["id"] not in LEFT_OUT]
    taken, kept = {}, []
    for row in sorted(rows, key=lambda row: int(row["bp"])):
        taken[row["group"]] = taken.get(row["group"], 0) + int(row["bp"])
        if taken[row["group"]] <= bases:
            kept.append(row)
    return kept


def prepare(folder: Path, genomes: list[dict[str, str]], scratch: Path) -> list[Path]:
    """Make chunks, vocabulary and tokens of the genomes; returns the chunk files."""
    files = []
    for row in genomes:
        files.append(scratch / f"{row['id']}.parquet")
        split = {"validation_fraction": 0.02, "validation_block": 20, "seed": SEED}
        places = {"fasta": folder / row["file"], "chunks": files[-1], "counts": scratch / "counts.json"}
        run(chunk_genome.main, *options(accession=row["id"], length=1000, min_contig=1000, **split, **places))
    run(
        vocabulary.main,
        *options(kind="bpe", vocab_size=4096, sample_bases=60_000_000, seed=SEED, out=scratch),
        "--chunks",
        *files,
    )
    for path in files:
        places = {"tokens": path.with_suffix(".npy"), "index": path.with_suffix(".index.npy")}
        places["counts"] = scratch / "counts.json"
        run(encode_genome.main, *options(kind="bpe", chunks=path, tokenizer=scratch / "tokenizer.json", **places))
    return files


def markov(files: list[Path]) -> list[np.ndarray]:
    """Bits of each base after each context of 0 to ORDER bases, from counts on the training chunks plus one.

    Table k has shape [4^k, 4].
    """
    counts = [np.ones((4**order, 4)) for order in range(ORDER + 1)]
    for path in files:
        for sequences, validation in chunk_reader.read_batches(path):
            for sequence, held_out in zip(sequences.to_pylist(), validation, strict=True):
                if not held_out:
                    bases = BASE_CODES[np.frombuffer(sequence.encode(), dtype=np.uint8)]
                    for order, table in enumerate(counts):
                        windows = np.lib.stride_tricks.sliding_window_view(bases, order + 1)
                        keys = windows @ 4 ** np.arange(order, -1, -1)
                        table += np.bincount(keys, minlength=table.size).reshape(table.shape)
    return [-np.log2(table / table.sum(axis=1, keepdims=True)) for table in counts]


def markov_bits(tables: list[np.ndarray], words: list[str], batch: tuple[np.ndarray, np.ndarray]) -> float:
    """Bits per base of the masked tokens of a batch, each base predicted from those before it in its row."""
    bits, count = 0.0, 0
    for inputs, labels in zip(*batch, strict=True):
        row = np.where(labels == batches.IGNORED, inputs, labels)
        tokens = [words[token] for token in row[row > batches.MASK]]
        masked = (labels != batches.IGNORED)[row > batches.MASK]
        bases = BASE_CODES[np.frombuffer("".join(tokens).encode(), dtype=np.uint8)].tolist()
        ends = np.cumsum([0, *map(len, tokens)]).tolist()
        for (start, end), predicted in zip(pairwise(ends), masked, strict=True):
            for place in range(start, end) if predicted else ():
                order = min(place, ORDER)
                context = sum(base * 4**power for power, base in enumerate(reversed(bases[place - order : place])))
                bits, count = bits + tables[order][context, bases[place]], count + 1
    return bits / count


def settings(steps: int) -> dict:
    """Training settings: batches of 64 x 128 tokens; two cores need about 20 minutes for the default steps."""
    return {
        **{"steps": steps, "warmup_steps": steps // 15, "batch_size": 64, "micro_batch_size": 64, "seed": SEED},
        **{"learning_rate": 1e-3, "precision": "bf16", "validation_sequences": 512, "checkpoint_every": 200},
        **{"validate_every": max(steps // 10, 1), "log_every": max(steps // 50, 1)},
    }


def pretrain(files: list[Path], training: dict, scratch: Path) -> list[dict]:
    """Train the model; returns its log."""
    places = {"tokenizer": scratch, "state": scratch / "state", "out": scratch / "model"}
    sizes = {"architecture": json.dumps(ARCHITECTURE), "training": json.dumps(training)}
    tokens = [path.with_suffix(".npy") for path in files]
    run(pretrain_model.main, *options(name="small", **places, **sizes), "--tokens", *tokens)
    return [json.loads(line) for line in (scratch / "model" / "log.jsonl").open()]


def learned(folder: Path, genomes: list[dict[str, str]], steps: int, scratch: Path) -> tuple[list[dict], float, float]:
    """The log of a model trained on the genomes, the Markov model's bits per base, and the training seconds."""
    training = settings(steps)
    files = prepare(folder, genomes, scratch)
    started = time.monotonic()
    log = pretrain(files, training, scratch)
    seconds = time.monotonic() - started
    vocabulary_of = Tokenizer.from_file(str(scratch / "tokenizer.json")).get_vocab()
    words = sorted(vocabulary_of, key=vocabulary_of.get)
    corpus = batches.Corpus([(path.with_suffix(".npy"), path.with_suffix(".index.npy")) for path in files])
    batch = batches.validation_batch(corpus, read_training(json.dumps(training)), len(words))
    return log, markov_bits(markov(files), words, batch), seconds


def report(log: list[dict], bits: float, seconds: float, bases: int) -> str:
    """The table, and how many bits the last row is below the Markov model and below MARK."""
    rows = [entry for entry in log if "validation_loss" in entry]
    cost = [entry["tokens_per_second"] for entry in log if "loss" in entry]
    last = rows[-1]["bits_per_base"]
    lines = [
        f"A model of 4 layers of width 256, trained on {bases / 1e6:,.1f} Mbp of real genomes for {seconds / 60:.1f} "
        f"minutes at {np.median(cost):,.0f} tokens per second. {machine('torch')}.",
        "",
        "| step | validation loss | accuracy | bits per base |",
        "|---|---|---|---|",
        *(
            f"| {row['step']:,} | {row['validation_loss']:.3f} | {row['validation_accuracy']:.3f} "
            f"| {row['bits_per_base']:.4f} |"
            for row in rows
        ),
        f"| order-{ORDER} Markov model on the same bases | | | {bits:.4f} |",
        "",
        f"Bits per base gained over the Markov model: {bits - last:+.4f}; over {MARK}: {MARK - last:+.4f}.",
    ]
    return "\n".join(lines) + "\n"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    real_data = os.environ.get("REAL_DATA")
    default = Path(real_data, "genomes") if real_data else None
    parser.add_argument(
        "--genomes", type=Path, default=default, help="folder with manifest.tsv; default: $REAL_DATA/genomes"
    )
    parser.add_argument(
        "--bases", type=int, default=15_000_000, help="maximum number of bases of each group of genomes"
    )
    parser.add_argument("--steps", type=int, default=1500, help="optimiser steps of 64 x 128 tokens")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if args.genomes is None or not (args.genomes / "manifest.tsv").is_file():
        raise SystemExit("error: --genomes: no manifest.tsv found; give a folder that has it, or set REAL_DATA")
    genomes = chosen(args.genomes, args.bases)
    with tempfile.TemporaryDirectory() as scratch:
        log, bits, seconds = learned(args.genomes, genomes, args.steps, Path(scratch))
    text = report(log, bits, seconds, sum(int(row["bp"]) for row in genomes))
    print(text)
    if args.out:
        write_text(args.out, text)


if __name__ == "__main__":
    main()
