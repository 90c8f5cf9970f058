"""Time and memory of BPE training and encoding on real DNA, compared with other libraries.

In:  a folder of genomes (FASTA, plain or gzipped), such as REAL_DATA/genomes. A corpus larger than the genomes is
     filled with copies in which a tenth of the bases is drawn again at random, with a fixed seed.
Out: a table on standard output, one row per run: million bases, wall seconds, CPU seconds of all cores, wall seconds
     per million bases, peak memory, bytes per base.

Training times are those of whole programs, from the start of Python to the written tokenizer; compilation happens once
and is done beforehand. Encoding is timed in this process, in CPU seconds on one core.

    python benchmarks/tokenizer.py train --genomes $REAL_DATA/genomes --mbp 10 200 --threads 2
    python benchmarks/tokenizer.py encode --genomes $REAL_DATA/genomes --mbp 10
    python benchmarks/tokenizer.py overflow

The peers sentencepiece and rustbpe are not part of the environment; --peers names a Python that has them.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numba
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tokenizers

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from workflow_scripts.common.files import open_text  # noqa: E402
from workflow_scripts.common.randomness import generator  # noqa: E402
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS  # noqa: E402
from workflow_scripts.tokenizer import bpe  # noqa: E402
from workflow_scripts.tokenizer.bpe_encoder import Encoder  # noqa: E402

LENGTH = 1000
MUTATED = 0.1
ROWS = 20_000  # chunks written at a time
BASES = np.frombuffer(b"ACGT", np.uint8)


@dataclass(frozen=True)
class Run:
    """Cost of one program: wall seconds, CPU seconds of all cores, and peak memory in bytes."""

    seconds: float
    cpu: float
    memory: int


def measured(command: list[str], threads: int) -> Run:
    """Run a program to its end. Raises CalledProcessError if it fails."""
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "PYTHONPATH": str(REPOSITORY)}
    started = time.monotonic()
    process = subprocess.Popen(command, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Run(time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def real_chunks(folder: Path) -> np.ndarray:
    """All chunks of the genomes in a folder, shuffled with a fixed seed: [chunks, LENGTH] ASCII codes."""
    chunks: list[str] = []
    for path in sorted(folder.glob("*/*.fa.gz")):
        with open_text(path) as handle:
            for record in handle.read().split(">"):
                sequence = "".join(record.split("\n")[1:]).upper()
                chunks += re.findall(f"[ACGT]{{{LENGTH}}}", sequence)
    letters = np.frombuffer("".join(chunks).encode(), np.uint8)
    return generator("benchmark").permutation(letters.reshape(-1, LENGTH))


def corpus(real: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """``count`` chunks in batches: the real ones, then copies with a share MUTATED of their bases drawn again."""
    for first in range(0, count, ROWS):
        numbers = np.arange(first, min(first + ROWS, count))
        rows = real[numbers % len(real)].copy()
        random = generator("benchmark", first)
        drawn = (random.random(rows.shape, np.float32) < MUTATED) & (numbers >= len(real))[:, None]
        rows[drawn] = random.choice(BASES, int(drawn.sum()))
        yield rows


def write_corpus(real: np.ndarray, count: int, folder: Path) -> tuple[Path, Path]:
    """Write the corpus as a chunk file and as lines of text."""
    table, text = folder / f"{count}.parquet", folder / f"{count}.txt"
    schema = pa.schema([("start", pa.int64()), ("end", pa.int64()), ("sequence", pa.string()), ("split", pa.string())])
    with pq.ParquetWriter(table, schema, compression="zstd") as writer, text.open("wb") as lines:
        for rows in corpus(real, count):
            starts = np.arange(len(rows)) * LENGTH
            sequences = [row.tobytes().decode() for row in rows]
            columns = [starts, starts + LENGTH, sequences, ["train"] * len(rows)]
            writer.write_table(pa.table(columns, schema=schema))
            lines.write("".join(f"{sequence}\n" for sequence in sequences).encode())
    return table, text


def row(name: str, mbp: int, run: Run) -> str:
    """A table row."""
    cells = [
        name,
        f"{mbp:,}",
        f"{run.seconds:.1f}",
        f"{run.cpu:.1f}",
        f"{run.seconds / mbp:.3f}",
        f"{run.memory / 1e9:.2f}",
    ]
    return "| " + " | ".join([*cells, f"{run.memory / mbp / 1e6:.1f}"]) + " |"


def train(args: argparse.Namespace, real: np.ndarray) -> None:
    """Print one row for each size and trainer."""
    kept = tempfile.TemporaryDirectory()
    os.environ["NUMBA_CACHE_DIR"] = kept.name
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        table, _ = write_corpus(real, 10, Path(folder))
        first, second = (measured(train_command(table, args.threads), args.threads) for _ in range(2))
    print(f"compilation, once: {first.seconds - second.seconds:.1f} s\n")
    print("| trainer | Mbp | wall s | CPU s | s/Mbp | GB | bytes/base |\n|---|---|---|---|---|---|---|", flush=True)
    for mbp in args.mbp:
        with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
            table, text = write_corpus(real, mbp * 1_000_000 // LENGTH, Path(folder))
            for trainer in args.trainers:
                command = [str(args.peers), str(Path(__file__).parent / "train_peer.py"), trainer, str(text)]
                if trainer == "workflow":
                    command = train_command(table, args.threads)
                print(row(trainer, mbp, measured(command, args.threads)), flush=True)


def train_command(table: Path, threads: int) -> list[str]:
    """Command line of the workflow's training program."""
    options = ["--kind", "bpe", "--chunks", str(table), "--threads", str(threads), "--out", str(table.parent / "out")]
    return [sys.executable, "-m", "workflow_scripts.tokenizer.train_tokenizer", *options]


def encode(args: argparse.Namespace, real: np.ndarray) -> None:
    """Print the speed of the encoder and of encode_batch_fast on one thread each, and whether the ids agree."""
    path = args.genomes.parent / "published_model" / "tokenizer.json"
    library = tokenizers.Tokenizer.from_file(str(path))
    encoder = Encoder(library, path)
    encoder.encode(["ACGT"])
    print("| bases | encoder, Mbp/s | encode_batch_fast, Mbp/s | ids |\n|---|---|---|---|")
    count = args.mbp[0] * 1_000_000 // LENGTH
    drawn = BASES[generator("benchmark", "random").integers(0, 4, (count, LENGTH), np.uint8)]
    for name, rows in (("real", np.concatenate(list(corpus(real, count)))), ("random", drawn)):
        sequences = [row.tobytes().decode() for row in rows]
        started = time.process_time()
        ids, _ = encoder.encode(sequences)
        ours = time.process_time() - started
        started = time.process_time()
        encodings = library.encode_batch_fast(sequences, add_special_tokens=False)
        theirs = time.process_time() - started
        expected = np.concatenate([encoding.ids for encoding in encodings])
        same = "equal" if np.array_equal(ids, expected) else "DIFFERENT"
        mbp = rows.size / 1e6
        print(f"| {name}, {mbp:,.0f} Mbp | {mbp / ours:.1f} | {mbp / theirs:.1f} | {same} |", flush=True)


def overflow() -> None:
    """Train on 2.2 million chunks of only A: more pairs than 32 bits can count. Takes 13.4 GB."""
    cells = np.full(2_200_000 * (LENGTH + 1) + 1, bpe.FIRST_BASE, dtype=np.uint16)
    cells[:: LENGTH + 1] = bpe.SEPARATOR
    words = [*SPECIAL_TOKENS, *bpe.BASES]
    for merge in bpe.merges(cells, 13, 2, 2):
        words.append(words[merge.left] + words[merge.right])
        print(f"{words[-1]}: {merge.frequency:,}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "encode", "overflow"], help="the benchmark to run")
    parser.add_argument("--genomes", type=Path, help="folder with files GROUP/NAME.fa.gz")
    parser.add_argument("--mbp", type=int, nargs="+", default=[10], help="corpus sizes in million bases")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--trainers",
        nargs="+",
        default=["workflow", "tokenizers"],
        help="trainers to compare; also sentencepiece, rustbpe",
    )
    parser.add_argument(
        "--peers", type=Path, default=Path(sys.executable), help="Python interpreter that has the other trainers"
    )
    parser.add_argument("--scratch", type=Path, help="folder for the temporary corpora")
    args = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {args.threads} threads")
    print(f"Python {platform.python_version()}, numba {numba.__version__}, tokenizers {tokenizers.__version__}\n")
    if args.what == "overflow":
        overflow()
    else:
        {"train": train, "encode": encode}[args.what](args, real_chunks(args.genomes))


if __name__ == "__main__":
    sys.exit(main())
