"""Does a small model learn DNA? What a [MASK] costs it on real genomes, next to predictors that are no neural network.

In:  a folder of real genomes with their manifest.tsv (id, group, file, bp), by default that of REAL_DATA.
Out: a table on standard output, and with --out in a file: loss, accuracy and bits per base of [MASK] places at each
     validation, and those of the predictors of inference/reference_predictors.py on the same places. The workflow's
     own programs train the model from raw FASTA with the settings of config/laptop.yaml: chunks, vocabulary, tokens,
     pre-training.

Validation rows come from blocks of 20 chunks that are held out of every genome. Genomes that are near-copies of others
here are left out, because a copy in the training chunks would not be held out.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.machine import machine  # noqa: E402
from workflow_scripts.common.files import read_json, read_table, write_text  # noqa: E402
from workflow_scripts.genomes import chunk_genome  # noqa: E402
from workflow_scripts.pretrain import pretrain_model  # noqa: E402
from workflow_scripts.tokenizer import encode_genome, train_tokenizer  # noqa: E402

SEED = 42
# Alignment blocks under a single name, a plant, three million bases of satellite from one centromere; and pieces of
# the same C. elegans, MERS, SARS-CoV-2 and primate sequences as others that stay.
LEFT_OUT = {
    *("chicken_galGal3_axt_blocks", "a_thaliana_braker", "human_chr8_cen"),
    *("c_elegans_III_1Mb", "c_elegans_WS282_1pct", "sars_cov_2_NC_045512", "cgp_rheMac3", "orangutan_MT"),
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


def prepare(folder: Path, genomes: list[dict[str, str]], vocab_size: int, scratch: Path) -> list[Path]:
    """Make chunks, vocabulary and tokens of the genomes; returns the token files."""
    files = []
    for row in genomes:
        files.append(scratch / f"{row['id']}.parquet")
        split = {"validation_fraction": 0.02, "validation_block": 20, "seed": SEED}
        places = {"fasta": folder / row["file"], "chunks": files[-1], "counts": scratch / "counts.json"}
        run(chunk_genome.main, *options(accession=row["id"], length=1000, min_contig=1000, **split, **places))
    size = {"vocab_size": vocab_size, "sample_bases": 60_000_000}
    run(train_tokenizer.main, *options(kind="bpe", seed=SEED, out=scratch, **size), "--chunks", *files)
    for path in files:
        places = {"tokens": path.with_suffix(".npy"), "index": path.with_suffix(".index.npy")}
        places["counts"] = scratch / "counts.json"
        run(encode_genome.main, *options(kind="bpe", chunks=path, tokenizer=scratch / "tokenizer.json", **places))
    return [path.with_suffix(".npy") for path in files]


def settings(steps: int) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Size of the vocabulary, architecture and training of config/laptop.yaml, with another number of steps."""
    laptop = yaml.safe_load((REPOSITORY / "config/laptop.yaml").read_text())
    model = laptop["pretrain"]["dnabert2"]
    training = model["training"] | {
        **{"steps": steps, "warmup_steps": min(model["training"]["warmup_steps"], steps // 10), "seed": SEED},
        **{"validate_every": max(steps // 10, 1), "log_every": max(steps // 50, 1)},
    }
    return laptop["tokenizer"]["bpe4096"]["vocab_size"], model["architecture"], training


def learned(
    folder: Path, genomes: list[dict[str, str]], steps: int, scratch: Path
) -> tuple[list[dict[str, Any]], dict[str, Any], float]:
    """The log and the summary of a model trained on the genomes, and the seconds of its training."""
    vocab_size, architecture, training = settings(steps)
    tokens = prepare(folder, genomes, vocab_size, scratch)
    places = {"tokenizer": scratch, "state": scratch / "state", "out": scratch / "model"}
    sizes = {"architecture": json.dumps(architecture), "training": json.dumps(training)}
    started = time.monotonic()
    run(pretrain_model.main, *options(name="small", **places, **sizes), "--tokens", *tokens)
    seconds = time.monotonic() - started
    log = [json.loads(line) for line in (scratch / "model" / "log.jsonl").open()]
    return log, read_json(scratch / "model" / "summary.json"), seconds


def report(log: list[dict[str, Any]], summary: dict[str, Any], seconds: float, bases: int) -> str:
    """The table of the model's validations, and of the other predictors on the same places."""
    rows = [entry for entry in log if "mask_loss" in entry]
    cost = [entry["tokens_per_second"] for entry in log if "loss" in entry]
    references = summary["references"]
    per_token = summary["mask_loss"] / summary["mask_bits_per_base"]  # nats of a bit per base
    losses = {"frequencies of the training tokens (also: copying the input)": references["unigram_loss"]}
    losses |= {
        f"these, and a Markov model of order {order} on both sides": loss
        for order, loss in enumerate(references["both_sides_loss"], start=1)
    }
    bits = {
        f"Markov model of order {order}, from the left, told where tokens end": value
        for order, value in enumerate(references["markov_bits_per_base"])
    }
    copy = references["copy"]
    bits[f"copying what follows the same {copy['k']} bases in the row, else the best Markov model"] = copy[
        "bits_per_base"
    ]
    lines = [
        f"A model of {summary['parameters']:,} parameters (config/laptop.yaml), trained on {bases / 1e6:,.1f} Mbp of "
        f"real genomes for {seconds / 60:.1f} minutes at {np.median(cost):,.0f} tokens per second. {machine('torch')}.",
        "",
        "All figures are of places that show [MASK], on held-out blocks.",
        "",
        "| step | loss, nats per token | accuracy | bits per base | accuracy at unchanged places (copying) |",
        "|---|---|---|---|---|",
        *(
            f"| {row['step']:,} | {row['mask_loss']:.4f} | {row['mask_accuracy']:.3f} "
            f"| {row['mask_bits_per_base']:.4f} | {row['unchanged_accuracy']:.3f} |"
            for row in rows
        ),
        *(f"| {name} | {loss:.4f} | | {loss / per_token:.4f} | |" for name, loss in losses.items()),
        *(f"| {name} | | | {value:.4f} | |" for name, value in bits.items()),
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
    parser.add_argument("--steps", type=int, default=2000, help="optimiser steps, of 32 x 128 tokens")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if args.genomes is None or not (args.genomes / "manifest.tsv").is_file():
        raise SystemExit("error: --genomes: no manifest.tsv found; give a folder that has it, or set REAL_DATA")
    genomes = chosen(args.genomes, args.bases)
    with tempfile.TemporaryDirectory() as scratch:
        log, summary, seconds = learned(args.genomes, genomes, args.steps, Path(scratch))
    text = report(log, summary, seconds, sum(int(row["bp"]) for row in genomes))
    print(text)
    if args.out:
        write_text(args.out, text)


if __name__ == "__main__":
    main()
