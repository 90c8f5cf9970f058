"""Cost of thousands of small genomes: the work itself, the processes around it, and Snakemake around those.

In:  a folder of gzipped FASTA files, whose bases are cut into the requested number of small genomes. A web server on
     this machine serves them in NCBI's layout: folders, md5checksums.txt, gzip.
Out: a table on standard output, and with --out in a file: wall and CPU seconds per genome of three methods
     - one process: a plain loop over all genomes that downloads, verifies and chunks, in one Python (the peer);
     - two processes per genome: the workflow's two programs, one after the other, for the first 200 genomes;
     - Snakemake: `snakemake genomes` with the cap on downloads;
     with the ratio to the plain loop, the largest number of simultaneous downloads at the server, and the largest
     share of the FASTA that was on disk at one time.
"""

import argparse
import gzip
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.machine import machine  # noqa: E402
from workflow_scripts.common.files import write_text  # noqa: E402
from workflow_scripts.genomes.chunk_genome import Cut, cut_genome  # noqa: E402
from workflow_scripts.genomes.contigs import read_fasta  # noqa: E402
from workflow_scripts.genomes.download_genome import fetch_genome  # noqa: E402

CUT = Cut(length=1000, min_contig=1000, seed=42, validation_fraction=0.005, validation_block=100)
LINE = 80
SAMPLE = 200  # genomes; the processes cost the same for each


@dataclass
class Cost:
    """Cost of one method: wall and CPU seconds, peak of simultaneous downloads, peak bytes of FASTA on disk."""

    name: str
    genomes: int
    wall: float
    processor: float
    most_downloads: int
    most_fasta: int | None = None


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder and counts the simultaneous downloads of genomes."""

    now = most = 0
    counting = threading.Lock()

    def do_GET(self):
        genome = self.path.endswith(".gz")
        with Handler.counting:
            Handler.now += genome
            Handler.most = max(Handler.most, Handler.now)
        try:
            super().do_GET()
        finally:
            with Handler.counting:
                Handler.now -= genome

    def log_message(self, *_):
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve ``folder`` on this machine; yields the server's address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def pieces(data: Path, count: int, bases: int) -> Iterator[bytes]:
    """``count`` different pieces of ``bases`` bases from the FASTA files below ``data``."""
    left = count
    for path in sorted(data.rglob("*.fa.gz")):
        letters = b"".join(contig.sequence for contig in read_fasta(path))
        for start in range(0, len(letters) - bases + 1, bases):
            if not left:
                return
            left -= 1
            yield letters[start : start + bases]
    if left:
        raise SystemExit(
            f"error: {data}: has {count - left} pieces of {bases:,} bases, not {count}; "
            "use smaller values of --genomes or --bases"
        )


def write_mirror(data: Path, mirror: Path, count: int, bases: int) -> list[str]:
    """Write the small genomes in NCBI's layout; returns the rows of a species table."""
    rows = []
    for number, letters in enumerate(pieces(data, count, bases)):
        digits = f"{number:09d}"
        accession = f"GCF_{digits}.1"
        folder = mirror / "genomes/all/GCF" / digits[:3] / digits[3:6] / digits[6:] / f"{accession}_piece"
        folder.mkdir(parents=True)
        lines = b"\n".join(letters[start : start + LINE] for start in range(0, len(letters), LINE))
        packed = gzip.compress(b">NC_%d.1 piece\n%s\n" % (number, lines), mtime=0)
        (folder / f"{folder.name}_genomic.fna.gz").write_bytes(packed)
        (folder / "md5checksums.txt").write_text(f"{hashlib.md5(packed).hexdigest()}  ./{folder.name}_genomic.fna.gz\n")
        url = f"https://ftp.ncbi.nlm.nih.gov/{folder.relative_to(mirror)}"
        rows.append(f"{accession}\tPiece {number}\tviral\tPiece\t{bases}\t{url}")
    return rows


def measured(name: str, genomes: int, work: Callable[[], None], fasta: Path | None = None) -> Cost:
    """Run ``work`` on ``genomes`` genomes and watch the files in ``fasta`` at the same time."""
    Handler.most, most, stop = 0, 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not stop.wait(0.1):
            most = max(most, folder_bytes(fasta))

    watcher = threading.Thread(target=watch if fasta else stop.wait)
    watcher.start()
    before, started = processor_seconds(), time.perf_counter()
    work()
    wall, processor = time.perf_counter() - started, processor_seconds() - before
    stop.set()
    watcher.join()
    cost = Cost(name, genomes, wall, processor, Handler.most, most if fasta else None)
    print(cost, file=sys.stderr, flush=True)
    return cost


def processor_seconds() -> float:
    """CPU seconds of this process and its finished children, including the small share of the web server."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def folder_bytes(folder: Path) -> int:
    """Bytes of the gzipped FASTA files in a folder, including partial ones; files deleted meanwhile are skipped."""
    total = 0
    for entry in os.scandir(folder) if folder.is_dir() else ():
        if ".fna.gz" in entry.name:
            try:
                total += entry.stat().st_size
            except FileNotFoundError:
                continue
    return total


def in_one_process(rows: list[str], address: str, out: Path) -> None:
    with (out / "log").open("w") as log, redirect_stderr(log):
        for row in rows:
            accession, *_, url = row.split("\t")
            fasta = out / f"{accession}.fna.gz"
            fetch_genome(accession, url, address, None, fasta)
            cut_genome(fasta, accession, CUT, out / f"{accession}.parquet")
            fasta.unlink()


def in_two_processes_each(rows: list[str], address: str, out: Path) -> None:
    for row in rows:
        accession, *_, url = row.split("\t")
        fasta = str(out / f"{accession}.fna.gz")
        download = ["--accession", accession, "--url", url, "--mirror", address, "--fasta", fasta]
        run_script("download_genome", *download, "--out", str(out / f"{accession}.record.json"))
        cut = ["--length", "1000", "--min-contig", "1000", "--seed", "42"]
        cut += ["--validation-fraction", "0.005", "--validation-block", "100"]
        files = ["--chunks", str(out / f"{accession}.parquet"), "--counts", str(out / f"{accession}.json")]
        run_script("chunk_genome", "--fasta", fasta, "--accession", accession, *cut, *files)
        Path(fasta).unlink()


def run_script(name: str, *arguments: str) -> None:
    command = [sys.executable, "-m", f"workflow_scripts.genomes.{name}", *arguments]
    subprocess.run(command, cwd=REPOSITORY, check=True, stderr=subprocess.DEVNULL)


def under_snakemake(rows: list[str], address: str, out: Path, cores: int, downloads: int) -> None:
    table = out / "species.tsv"
    header = "accession\torganism\tgroup\tgenus\tgenome_size_bp\turl"
    table.write_text("\n".join([header, *rows]) + "\n")
    command = [Path(sys.executable).with_name("snakemake"), "genomes", "--cores", cores, "--scheduler", "greedy"]
    command += ["--resources", f"downloads={downloads}", "--quiet", "all", "--directory", out]
    overlay = out / "overlay.yaml"
    overlay.write_text(f"genomes: {{corpus: {table}, mirror: '{address}'}}\n")
    command += ["--configfile", overlay]
    subprocess.run(list(map(str, command)), cwd=REPOSITORY, check=True)


def table_of(costs: list[Cost], count: int, bases: int, total: int, cores: int, downloads: int) -> str:
    """The results as a Markdown table, with the machine they were measured on."""
    lines = [
        f"{count:,} genomes of {bases:,} bases, {total:,} bytes of gzip, from a web server on the same machine. "
        f"Snakemake uses {cores} cores and at most {downloads} downloads at a time. {machine()}.",
        "",
        "| method | s per genome | CPU s per genome | CPU ratio to the loop | peak downloads | peak FASTA on disk |",
        "|---|---|---|---|---|---|",
    ]
    plain = costs[0].processor / costs[0].genomes
    for cost in costs:
        on_disk = "" if cost.most_fasta is None else f"{100 * cost.most_fasta / total:.1f}% of all"
        lines.append(
            f"| {cost.name} | {cost.wall / cost.genomes:.3f} | {cost.processor / cost.genomes:.3f} | "
            f"{cost.processor / cost.genomes / plain:.0f} | {cost.most_downloads} | {on_disk} |"
        )
    return "\n".join(lines) + "\n"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    real_data = os.environ.get("REAL_DATA")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(real_data, "genomes") if real_data else None,
        help="folder with *.fa.gz files below it; default: $REAL_DATA/genomes",
    )
    parser.add_argument("--genomes", type=int, default=2000, help="number of small genomes")
    parser.add_argument("--bases", type=int, default=60_000, help="bases per genome")
    parser.add_argument("--cores", type=int, default=2, help="cores for Snakemake")
    parser.add_argument("--downloads", type=int, default=4, help="cap on simultaneous downloads")
    parser.add_argument("--out", type=Path, help="also write the table to this Markdown file")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if args.data is None:
        raise SystemExit("error: --data is missing; give a folder with gzipped FASTA files, or set REAL_DATA")
    scratch = Path(tempfile.mkdtemp(prefix="downloads."))
    try:
        rows = write_mirror(args.data, scratch / "mirror", args.genomes, args.bases)
        total = sum(path.stat().st_size for path in (scratch / "mirror").rglob("*.gz"))
        folders = [scratch / name for name in ("one", "two", "snakemake")]
        for folder in folders:
            folder.mkdir()
        with served(scratch / "mirror") as address:
            under = partial(under_snakemake, rows, address, folders[2], args.cores, args.downloads)
            some = rows[:SAMPLE]
            costs = [
                measured("plain loop in one process", len(rows), partial(in_one_process, rows, address, folders[0])),
                measured(
                    "two processes per genome", len(some), partial(in_two_processes_each, some, address, folders[1])
                ),
                measured("Snakemake", len(rows), under, folders[2] / "results/genomes/fasta"),
            ]
    finally:
        shutil.rmtree(scratch)
    text = table_of(costs, args.genomes, args.bases, total, args.cores, args.downloads)
    print(text)
    if args.out:
        write_text(args.out, text)


if __name__ == "__main__":
    main()
