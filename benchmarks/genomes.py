"""Cost of cutting a genome into chunks, compared with a plain Biopython script that does the same.

In:  a folder of gzipped FASTA files of real genomes.
Out: a table on standard output, and with --out in a file: CPU seconds (user and system, one thread), peak memory and
     bytes per base of both programs, each run as a complete process, on
     - a bacterium as downloaded;
     - all genomes repeated to 10, 100 and 1,000 Mbp (the cost per base must not grow);
     - a draft of many short contigs, and one contig of 250 Mbp, cut and joined from the same genomes.

Both programs read the gzip, keep runs of A, C, G and T, cut them into chunks of 1,000 bases, record the share of lower
case, split blocks of chunks, and write Parquet with zstd. The workflow's program also does the accounting. The chunks
of both are compared column by column. The fastest of --repeats runs counts.
"""

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from isal import igzip  # noqa: E402

from benchmarks.machine import cost, machine  # noqa: E402
from workflow_scripts.common.files import write_text  # noqa: E402
from workflow_scripts.genomes.contigs import read_fasta  # noqa: E402

LENGTH, SEED, FRACTION, BLOCK = 1000, 42, 0.005, 100
COLUMNS = ["contig", "start", "end", "sequence", "soft_masked", "split"]
LINE = 80
MEGA = 1_000_000
PLAIN = "import sys; from benchmarks.genomes import plain_chunks; plain_chunks(sys.argv[1], sys.argv[2])"


def plain_chunks(fasta: str, chunks: str) -> None:
    """The peer: a straightforward script, without the accounting."""
    import gzip
    import re
    from functools import cache

    import pandas as pd
    from Bio import SeqIO

    from workflow_scripts.common.hashing import stable_hash

    @cache
    def side(contig: str, block: int) -> str:
        return "validation" if stable_hash(SEED, "G", contig, block) < FRACTION * 2**64 else "train"

    rows = []
    with gzip.open(fasta, "rt") as handle:
        for record in SeqIO.parse(handle, "fasta"):
            sequence = str(record.seq)
            for run in re.finditer("[ACGTacgt]+", sequence):
                for start in range(run.start(), run.end() - LENGTH + 1, LENGTH):
                    piece = sequence[start : start + LENGTH]
                    lower = sum(piece.count(letter) for letter in "acgt")
                    split = side(record.id, start // (LENGTH * BLOCK))
                    rows.append((record.id, start, start + LENGTH, piece.upper(), lower / LENGTH, split))
    pd.DataFrame(rows, columns=COLUMNS).to_parquet(chunks, compression="zstd")


@dataclass(frozen=True)
class Cost:
    """Cost of one program on one input: CPU seconds, peak memory in bytes, bytes of the table it wrote."""

    processor: float
    peak: int
    written: int


def measure(command: list[str], chunks: Path, repeats: int) -> Cost:
    """Run a command ``repeats`` times on one thread: least CPU seconds, largest peak memory."""
    runs = [cost(command) for _ in range(repeats)]
    return Cost(min(runs)[0], max(peak for _, peak in runs), chunks.stat().st_size)


def by_the_workflow(fasta: Path, chunks: Path, repeats: int) -> Cost:
    options = {
        **{"fasta": fasta, "accession": "G", "length": LENGTH, "min-contig": 0, "seed": SEED},
        **{"validation-fraction": FRACTION, "validation-block": BLOCK},
        **{"chunks": chunks, "counts": chunks.with_suffix(".json")},
    }
    command = ["-m", "workflow_scripts.genomes.chunk_genome"]
    command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
    return measure(command, chunks, repeats)


def by_the_plain_script(fasta: Path, chunks: Path, repeats: int) -> Cost:
    return measure(["-c", PLAIN, str(fasta), str(chunks)], chunks, repeats)


def content(chunks: Path) -> dict[str, str]:
    """A digest of each column's values."""
    import numpy as np
    import pyarrow.parquet as pq

    digests = {name: hashlib.sha256() for name in COLUMNS}
    with pq.ParquetFile(chunks) as table:
        for batch in table.iter_batches(4096, columns=COLUMNS):
            for name, digest in digests.items():
                values = batch[name].to_pylist()
                if name == "soft_masked":  # the workflow stores four bytes, pandas eight
                    values = np.array(values, dtype=np.float32).tolist()
                digest.update("".join(f"{value}\n" for value in values).encode())
    return {name: digest.hexdigest() for name, digest in digests.items()}


def records(genomes: list[Path]) -> Iterator[tuple[str, bytes]]:
    """The contigs of all genomes in an endless cycle, under unique names."""
    for number, path in enumerate(cycle(genomes)):
        for place, contig in enumerate(read_fasta(path)):
            yield f"{number}_{place}_{contig.name}", bytes(contig.sequence)


def repeated(genomes: list[Path], bases: int) -> Iterator[tuple[str, bytes]]:
    """Records with ``bases`` bases in total."""
    for name, sequence in records(genomes):
        yield name, sequence[:bases]
        bases -= len(sequence)
        if bases <= 0:
            return


def draft(genomes: list[Path], bases: int, contig: int = 1200) -> Iterator[tuple[str, bytes]]:
    """The same bases in contigs of ``contig`` bases."""
    for name, sequence in repeated(genomes, bases):
        for first in range(0, len(sequence), contig):
            yield f"{name}_{first}", sequence[first : first + contig]


def joined(genomes: list[Path], bases: int) -> Iterator[tuple[str, bytes]]:
    """The same bases in one contig."""
    yield "joined", b"".join(sequence for _, sequence in repeated(genomes, bases))


def write_fasta(path: Path, contigs: Iterator[tuple[str, bytes]]) -> int:
    """Write a gzipped FASTA; returns the number of contigs."""
    count = 0
    with igzip.open(path, "wb") as out:
        for name, sequence in contigs:
            count += 1
            lines = [sequence[first : first + LINE] for first in range(0, len(sequence), LINE)]
            out.write(b"\n".join([f">{name}".encode(), *lines, b""]))
    return count


def compare(name: str, fasta: Path, bases: int, contigs: int, repeats: int) -> str:
    """One table row. Exits if the two programs cut different chunks."""
    ours, theirs = fasta.with_name("workflow.parquet"), fasta.with_name("plain.parquet")
    here, there = by_the_workflow(fasta, ours, repeats), by_the_plain_script(fasta, theirs, repeats)
    if content(ours) != content(theirs):
        raise SystemExit(f"error: {name}: the two programs cut different chunks")
    print(f"{name}: {there.processor / here.processor:.2f} times", file=sys.stderr)
    cells = [
        *[name, f"{bases / MEGA:,.1f}", f"{contigs:,}", f"{here.processor:.2f}", f"{there.processor:.2f}"],
        *[f"**{there.processor / here.processor:.2f}**", f"{1e9 * here.processor / bases:.1f}"],
        *[f"{here.peak / MEGA:,.0f}", f"{there.peak / MEGA:,.0f}"],
        *[f"{size / bases:.3f}" for size in (fasta.stat().st_size, here.written, there.written)],
    ]
    return "| " + " | ".join(cells) + " |"


def made_up(genomes: list[Path], largest: int) -> dict[str, tuple[Callable, int]]:
    """The inputs made from real genomes: the function that makes one, and its number of bases."""
    sizes = [size for size in (10, 100, 1000) if size <= largest]
    cases: dict[str, tuple[Callable, int]] = {f"all genomes, {size:,} Mbp": (repeated, size * MEGA) for size in sizes}
    cases["draft, contigs of 1,200"] = (draft, min(largest, 100) * MEGA)
    cases["one contig"] = (joined, min(largest, 250) * MEGA)
    return cases


HEAD = """\
Cost of cutting genomes into chunks: the workflow compared with a plain Biopython script. CPU seconds of the whole
process on one thread, the fastest of {repeats} runs; peak memory in MB; sizes in bytes per base. {hardware}.

| input | Mbp | contigs | workflow s | plain s | ratio | workflow ns/base | workflow MB | plain MB \
| gzip | chunks | plain chunks |
|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    real_data = os.environ.get("REAL_DATA")
    parser.add_argument(
        "--genomes",
        type=Path,
        default=Path(real_data, "genomes") if real_data else None,
        help="folder with *.fa.gz files below it; default: $REAL_DATA/genomes",
    )
    parser.add_argument("--bacterium", default="GCF_000742135.1.fa.gz", help="file name of the genome in the first row")
    parser.add_argument("--largest", type=int, default=1000, help="skip inputs of more Mbp than this")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each program on each input")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    genomes = sorted(args.genomes.rglob("*.fa.gz")) if args.genomes else []
    bacterium = next((path for path in genomes if path.name == args.bacterium), None)
    if bacterium is None:
        raise SystemExit(f"error: --genomes: no {args.bacterium} found; give a folder that has it, or set REAL_DATA")
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        fasta = Path(scratch) / "genome.fa.gz"
        fasta.write_bytes(bacterium.read_bytes())
        sizes = [len(contig.sequence) for contig in read_fasta(fasta)]
        lines.append(
            compare(f"bacterium {args.bacterium.split('.fa')[0]}", fasta, sum(sizes), len(sizes), args.repeats)
        )
        for name, (contigs, bases) in made_up(genomes, args.largest).items():
            count = write_fasta(fasta, contigs(genomes, bases))
            lines.append(compare(name, fasta, bases, count, args.repeats))
    hardware = machine("numpy", "pyarrow", "isal", "biopython", "pandas")
    text = HEAD.format(repeats=args.repeats, hardware=hardware) + "\n".join(lines) + "\n"
    print(text)
    if args.out:
        write_text(args.out, text)


if __name__ == "__main__":
    main()
