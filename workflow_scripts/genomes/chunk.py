"""Cut a genome into chunks of unambiguous bases and split them into training and validation.

In:  a FASTA file.
Out: a parquet table of chunks and a JSON file of counts that add up to the bases read.

Source: the paper (section 4.1) drops every sequence that holds N and keeps A, C, G and T alone; segments of
1,000 bp are the authors' word (issue 124 of their repository). The filter of short contigs and the rule of
the split are this workflow's.

Chunks are cut end to end from each run of ACGT, so they never overlap. Neighbouring chunks share repeats and
genes, so blocks of neighbours go to one side of the split whole.

Table columns: contig, start, end (0-based, half-open), sequence (upper case), soft_masked (share of lower
case, which marks repeats in NCBI's files), split (train or validation).

Counts, in bases unless said otherwise; bases = kept_bases + the four dropped_*:
  contigs               records in the file
  bases                 all of them
  kept_bases            in chunks
  dropped_N             N in contigs that are long enough
  dropped_other         other ambiguity codes there (R, Y, ...)
  dropped_short_contig  whole contigs shorter than --min-contig
  dropped_tail          ends of ACGT runs that do not fill a chunk
  chunks, train_chunks, validation_chunks   numbers of chunks
  soft_masked           lower case among kept_bases
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.lib.stride_tricks import sliding_window_view

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, write_json
from workflow_scripts.common.progress import Progress
from workflow_scripts.common.randomness import stable_hash
from workflow_scripts.genomes.fasta import read_fasta

ROW_GROUP_BASES = 1 << 24  # of a part at most, of a row group at most twice: what is held beside the contig
LOWER_CASE_BIT = 0x20  # in ASCII the one difference between a letter's two cases
DROPPED = ("dropped_N", "dropped_other", "dropped_short_contig", "dropped_tail")
COUNTS = (
    "contigs",
    "bases",
    "kept_bases",
    *DROPPED,
    "chunks",
    "train_chunks",
    "validation_chunks",
    "soft_masked",
)
SCHEMA = pa.schema(
    [
        ("contig", pa.dictionary(pa.int32(), pa.string())),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("sequence", pa.string()),
        ("soft_masked", pa.float32()),
        ("split", pa.string()),
    ]
)


@dataclass(frozen=True)
class Cut:
    """How a genome is cut and split: lengths in bases, ``validation_block`` in chunks."""

    length: int
    min_contig: int
    seed: int
    validation_fraction: float
    validation_block: int

    def __post_init__(self):
        if self.length < 1:
            raise UserError(f"--length {self.length}: a chunk has at least one base")
        if self.validation_block < 1:
            raise UserError(f"--validation-block {self.validation_block}: a block has at least one chunk")
        if not 0 <= self.validation_fraction < 1:
            raise UserError(f"--validation-fraction {self.validation_fraction}: must be at least 0 and below 1")


@dataclass(frozen=True)
class Part:
    """Some chunks of one contig.

    ``starts`` (n,), ``bases`` (n, length) upper-case letters, ``lower`` (n,) how many of them were lower case,
    ``validation`` (n,) whether a chunk is held out.
    """

    contig: str
    starts: np.ndarray
    bases: np.ndarray
    lower: np.ndarray
    validation: np.ndarray


def cut_runs(sequence: bytes, length: int) -> tuple[np.ndarray, int]:
    """Cut each run of ACGT into windows of ``length``, from its first base on.

    Returns their starts, (n,) int64 and ascending, and how many bases at the runs' ends fill none.
    """
    runs = np.array([run.span() for run in re.finditer(rb"[ACGTacgt]+", sequence)], dtype=np.int64).reshape(-1, 2)
    windows, tails = np.divmod(runs[:, 1] - runs[:, 0], length)
    before = np.cumsum(windows) - windows
    ordinal = np.arange(windows.sum()) - np.repeat(before, windows)  # of a window in its run
    return np.repeat(runs[:, 0], windows) + ordinal * length, int(tails.sum())


def in_validation(accession: str, contig: str, starts: np.ndarray, cut: Cut) -> np.ndarray:
    """(n,) bool: whether the block that a chunk starts in is held out, from the seed and the names alone."""
    blocks, block_of = np.unique(starts // (cut.length * cut.validation_block), return_inverse=True)
    threshold = cut.validation_fraction * 2**64
    held_out = [stable_hash(cut.seed, accession, contig, block) < threshold for block in blocks]
    return np.array(held_out, dtype=bool)[block_of]


def contig_parts(
    contig: str, sequence: bytes, starts: np.ndarray, validation: np.ndarray, length: int
) -> Iterator[Part]:
    """Copy the chunks out of a contig, a bounded number of them at a time."""
    step = max(1, ROW_GROUP_BASES // length)
    for first in range(0, len(starts), step):
        some = slice(first, first + step)
        letters = sliding_window_view(np.frombuffer(sequence, np.uint8), length)[starts[some]]
        lower = np.count_nonzero(letters & LOWER_CASE_BIT, axis=1)
        yield Part(contig, starts[some], letters & ~np.uint8(LOWER_CASE_BIT), lower, validation[some])


def genome_parts(fasta: Path, accession: str, cut: Cut, counts: Counter) -> Iterator[Part]:
    """Read and cut a genome contig by contig; add to ``counts`` what becomes of every base."""
    with Progress(None, "base", f"cutting {accession}") as progress:
        for contig, sequence in read_fasta(fasta):
            progress.step(len(sequence), contig)
            counts.update(contigs=1, bases=len(sequence))
            if len(sequence) < cut.min_contig:
                counts.update(dropped_short_contig=len(sequence))
                continue
            starts, tail = cut_runs(sequence, cut.length)
            validation = in_validation(accession, contig, starts, cut)
            held_out = int(np.count_nonzero(validation))
            counts.update(
                dropped_N=sequence.count(b"N") + sequence.count(b"n"),
                dropped_other=len(sequence.translate(None, b"ACGTNacgtn")),
                dropped_tail=tail,
                chunks=len(starts),
                train_chunks=len(starts) - held_out,
                validation_chunks=held_out,
            )
            for part in contig_parts(contig, sequence, starts, validation, cut.length):
                counts.update(kept_bases=part.bases.size, soft_masked=int(part.lower.sum()))
                yield part


def row_groups(parts: Iterable[Part], length: int) -> Iterator[pa.Table]:
    """Gather parts into tables of about ROW_GROUP_BASES: many small contigs make few row groups."""
    gathered: list[Part] = []
    bases = 0
    for part in parts:
        gathered.append(part)
        bases += part.bases.size
        if bases + length > ROW_GROUP_BASES:
            yield to_table(gathered, length)
            gathered, bases = [], 0
    if gathered:
        yield to_table(gathered, length)


def to_table(parts: list[Part], length: int) -> pa.Table:
    """One table of SCHEMA from some parts, in their order."""
    starts = np.concatenate([part.starts for part in parts])
    letters = np.concatenate([part.bases for part in parts])
    lower = np.concatenate([part.lower for part in parts])
    validation = np.concatenate([part.validation for part in parts])
    contig_of = np.repeat(np.arange(len(parts)), [len(part.starts) for part in parts])
    offsets = np.arange(len(starts) + 1, dtype=np.int32) * np.int32(length)
    columns = {
        "contig": pa.array([part.contig for part in parts]).take(pa.array(contig_of)).dictionary_encode(),
        "start": starts,
        "end": starts + length,
        # the letters already lie end to end: no Python string is made for a chunk
        "sequence": pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets), pa.py_buffer(letters)),
        "soft_masked": (lower / length).astype(np.float32),
        "split": np.where(validation, "validation", "train"),
    }
    return pa.table(columns, schema=SCHEMA)


def chunk_genome(fasta: Path, accession: str, cut: Cut, chunks: Path) -> dict:
    """Write the table of a genome's chunks; returns its counts."""
    counts = Counter(dict.fromkeys(COUNTS, 0))
    with atomic(chunks) as temporary:
        # sequences hardly repeat: a dictionary of them would be as large as they are
        with pq.ParquetWriter(temporary, SCHEMA, compression="zstd", use_dictionary=["contig", "split"]) as writer:
            for table in row_groups(genome_parts(fasta, accession, cut, counts), cut.length):
                writer.write_table(table, row_group_size=len(table))
        assert counts["bases"] == counts["kept_bases"] + sum(counts[reason] for reason in DROPPED), counts
        assert counts["kept_bases"] == counts["chunks"] * cut.length, counts
    return {"accession": accession, **counts}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", required=True, type=Path, help="the genome, plain or gzipped")
    parser.add_argument("--accession", required=True, help="the genome's name; part of what decides the split")
    parser.add_argument("--length", required=True, type=int, help="bases in a chunk (paper: 1000)")
    parser.add_argument("--min-contig", required=True, type=int, help="drop contigs of fewer bases than this")
    parser.add_argument("--seed", required=True, type=int, help="seed of the split")
    parser.add_argument(
        "--validation-fraction", required=True, type=float, help="share of blocks held out, 0 to below 1"
    )
    parser.add_argument("--validation-block", required=True, type=int, help="neighbouring chunks that share a side")
    parser.add_argument("--chunks", required=True, type=Path, help="the table to write (.parquet)")
    parser.add_argument("--counts", required=True, type=Path, help="the counts to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    cut = Cut(args.length, args.min_contig, args.seed, args.validation_fraction, args.validation_block)
    write_json(args.counts, chunk_genome(args.fasta, args.accession, cut, args.chunks))


if __name__ == "__main__":
    sys.exit(main())
