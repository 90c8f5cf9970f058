"""Cut a genome into chunks of unambiguous bases and split them into training and validation.

In:  a FASTA file.
Out: a Parquet table of chunks, and a JSON file of counts that add up to the bases read (see accounting.py).

Source: the paper (section 4.1) drops every sequence with N and keeps only A, C, G and T; segments of 1,000 bp are
stated by the authors (issue 124 of their repository). Windows of 6,200 bp that share 200 (100 on each side) are those
of the Nucleotide Transformer. The other filters and the split are specific to this workflow.

Windows are within a run of ACGT: the first one starts at its first base, each next one ``length - overlap`` bases
later. Neighbouring chunks share repeats and genes, so whole blocks of neighbours go to one side of the split. If
windows overlap, training windows that share a base with a validation window are dropped.

Table columns: contig, start, end (0-based, half-open), sequence (upper case), soft_masked (share of lower case, which
marks repeats in NCBI's files), split (train or validation), and fingerprint if duplicates are to be found. A repeated
name of a contig gets a number: the second chr1 is chr1#2. The accession is in the table's metadata.
"""

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, digest, write_json
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.common.progress import Progress
from workflow_scripts.genomes.accounting import COUNTS, check_sums, covered_bases
from workflow_scripts.genomes.chunk_tables import (
    FINGERPRINT,
    SCHEMA,
    fingerprints,
    name_array,
    number_array,
    open_writer,
    string_array,
)
from workflow_scripts.genomes.contigs import Contig, read_fasta, replicon
from workflow_scripts.settings.genomes import Genomes
from workflow_scripts.settings.names import DUPLICATES, REPLICONS

ROW_GROUP_BASES = 1 << 24  # size of a row group and of a batch of small contigs
LOWER_CASE_BIT = np.uint8(0x20)  # the only difference between upper and lower case in ASCII
RUN = re.compile(rb"[ACGTacgt]+")
SEPARATOR = b"\n"  # between contigs; never a letter of one
DEFAULTS = Genomes()


@dataclass(frozen=True)
class Cut:
    """How a genome is filtered, cut and split: lengths in bases, ``validation_block`` in windows."""

    length: int
    min_contig: int
    seed: int
    validation_fraction: float
    validation_block: int
    overlap: int = DEFAULTS.chunk.overlap
    max_soft_masked: float = DEFAULTS.chunk.max_soft_masked
    exclude: tuple[str, ...] = tuple(DEFAULTS.exclude)
    duplicates: str = DEFAULTS.duplicates

    def __post_init__(self) -> None:
        if self.length < 1:
            raise UserError(f"--length {self.length}: must be at least 1")
        if not 0 <= self.overlap < self.length:
            raise UserError(f"--overlap {self.overlap}: must be at least 0 and less than --length {self.length}")
        if not 0 <= self.max_soft_masked <= 1:
            raise UserError(f"--max-soft-masked {self.max_soft_masked}: must be between 0 and 1")
        if self.validation_block < 1:
            raise UserError(f"--validation-block {self.validation_block}: must be at least 1")
        if not 0 <= self.validation_fraction <= 1:
            raise UserError(f"--validation-fraction {self.validation_fraction}: must be between 0 and 1")

    @property
    def step(self) -> int:
        """Bases from the start of one window to the start of the next."""
        return self.length - self.overlap

    @property
    def schema(self) -> pa.Schema:
        """The schema of the table of chunks."""
        return SCHEMA if self.duplicates == "keep" else SCHEMA.append(FINGERPRINT)


@dataclass
class Batch:
    """Contigs end to end, a separator after each, so that many small ones are as fast as one large one.

    ``begins``: position in ``sequence`` of each of ``names``.
    """

    sequence: bytearray = field(default_factory=bytearray)
    names: list[str] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)

    def add(self, name: str, sequence: bytearray) -> None:
        """Append a contig; the letters of the first one are not copied."""
        self.names.append(name)
        self.begins.append(len(self.sequence))
        if self.sequence:
            self.sequence += sequence
        else:
            self.sequence = sequence
        self.sequence += SEPARATOR


@dataclass(frozen=True)
class Windows:
    """Windows of a batch, in its order; every array is (n,).

    ``places``: start in the batch; ``contigs``: index of the contig; ``starts``: start in the contig; ``lower``:
    number of lower-case letters; ``validation``: whether the window is held out.
    """

    places: np.ndarray
    contigs: np.ndarray
    starts: np.ndarray
    lower: np.ndarray
    validation: np.ndarray

    def where(self, chosen: np.ndarray | slice) -> "Windows":
        """The chosen windows; ``chosen``: (n,) bool, or a slice."""
        return Windows(*(getattr(self, array.name)[chosen] for array in fields(self)))


def unused_name(name: str, used: dict[str, int]) -> str:
    """``name``, or if it is used the name with the next number from 2 on; ``used``: last number of each name."""
    number, unused = used.get(name, 0), name
    while unused in used:
        number += 1
        unused = f"{name}#{number}"
    used[name], used[unused] = number, 1
    return unused


def drop_reason(contig: Contig, cut: Cut) -> str | None:
    """The count that a wholly dropped contig belongs to; None if the contig is kept."""
    if len(contig.sequence) < cut.min_contig:
        return "dropped_short_contig"
    kind = replicon(contig.description) if cut.exclude else None
    return f"dropped_{kind}" if kind in cut.exclude else None


def read_batches(fasta: Path, accession: str, cut: Cut, counts: Counter[str]) -> Iterator[Batch]:
    """Read a genome and drop whole contigs; a batch is one large contig, or small ones of up to ROW_GROUP_BASES."""
    used: dict[str, int] = {}
    batch = Batch()
    with Progress(None, "base", f"cutting {accession}") as progress:
        for contig in read_fasta(fasta):
            size = len(contig.sequence)
            progress.step(size, contig.name)
            counts["contigs"] += 1
            counts["bases"] += size
            name = unused_name(contig.name, used)
            counts["renamed_contigs"] += name != contig.name
            if reason := drop_reason(contig, cut):
                counts[reason] += size
                continue
            if len(batch.sequence) + size > ROW_GROUP_BASES and batch.names:
                yield batch
                batch = Batch()
            batch.add(name, contig.sequence)
            if size > ROW_GROUP_BASES:
                del contig  # frees this large contig before the next one is read
                yield batch
                batch = Batch()
    if batch.names:
        yield batch


def find_windows(sequence: bytearray, length: int, overlap: int) -> tuple[np.ndarray, int]:
    """The windows of every run of ACGT.

    Returns their starts, (n,) int64 and ascending, and the number of bases in all runs.
    """
    spans = chain.from_iterable(run.span() for run in RUN.finditer(sequence))
    runs = np.fromiter(spans, dtype=np.int64).reshape(-1, 2)
    sizes = runs[:, 1] - runs[:, 0]
    windows = np.maximum((sizes - overlap) // (length - overlap), 0)
    before = np.cumsum(windows) - windows
    ordinal = np.arange(windows.sum()) - np.repeat(before, windows)  # number of a window in its run
    return np.repeat(runs[:, 0], windows) + ordinal * (length - overlap), int(sizes.sum())


def window_letters(sequence: bytearray, places: np.ndarray, length: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Copy windows, about ROW_GROUP_BASES at a time; yields their slice, and their letters (windows, length)."""
    at_once = max(1, ROW_GROUP_BASES // length)
    for first in range(0, len(places), at_once):
        part = slice(first, first + at_once)
        yield part, sliding_window_view(np.frombuffer(sequence, np.uint8), length)[places[part]]


def count_lower(sequence: bytearray, places: np.ndarray, length: int) -> np.ndarray:
    """Number of lower-case letters of each window, (n,) int64."""
    lower = np.zeros(len(places), np.int64)
    for part, letters in window_letters(sequence, places, length):
        lower[part] = ((letters & LOWER_CASE_BIT) >> 5).sum(axis=1, dtype=np.int32)
    return lower


def in_validation(accession: str, names: list[str], contigs: np.ndarray, starts: np.ndarray, cut: Cut) -> np.ndarray:
    """(n,) bool: whether the block in which a window starts is held out; depends only on the seed and the names."""
    blocks = starts // (cut.step * cut.validation_block)
    new = np.ones(len(starts), dtype=bool)
    new[1:] = (np.diff(contigs) != 0) | (np.diff(blocks) != 0)
    threshold = cut.validation_fraction * 2**64
    held_out = [
        stable_hash(cut.seed, accession, names[contig], block) < threshold
        for contig, block in zip(contigs[new].tolist(), blocks[new].tolist(), strict=True)
    ]
    return np.array(held_out, dtype=bool)[np.cumsum(new) - 1]


def touches_validation(places: np.ndarray, validation: np.ndarray, length: int) -> np.ndarray:
    """(n,) bool: whether a training window shares a base with a validation window."""
    held_out = np.concatenate([[-length], places[validation], [np.iinfo(np.int64).max]])
    following = np.searchsorted(held_out, places, side="right")
    near = (places - held_out[following - 1] < length) | (held_out[following] - places < length)
    return near & ~validation


def cut_batch(batch: Batch, accession: str, cut: Cut, counts: Counter[str]) -> Windows:
    """The kept windows of a batch; adds every base to ``counts``."""
    places, in_runs = find_windows(batch.sequence, cut.length, cut.overlap)
    missing = batch.sequence.count(b"N") + batch.sequence.count(b"n")
    counts["dropped_N"] += missing
    counts["dropped_other"] += len(batch.sequence) - len(batch.names) * len(SEPARATOR) - in_runs - missing
    counts["dropped_tail"] += in_runs - covered_bases(places, cut.length)

    contigs = np.searchsorted(batch.begins, places, side="right") - 1
    starts = places - np.array(batch.begins)[contigs]
    lower = count_lower(batch.sequence, places, cut.length)
    validation = in_validation(accession, batch.names, contigs, starts, cut)
    windows = Windows(places, contigs, starts, lower, validation)
    windows = drop(windows, windows.lower / cut.length > cut.max_soft_masked, "dropped_repeat", cut, counts)
    if cut.overlap:
        near = touches_validation(windows.places, windows.validation, cut.length)
        windows = drop(windows, near, "dropped_border", cut, counts)

    held_out = int(np.count_nonzero(windows.validation))
    counts["kept_bases"] += covered_bases(windows.places, cut.length)
    counts["chunks"] += len(windows.places)
    counts["train_chunks"] += len(windows.places) - held_out
    counts["validation_chunks"] += held_out
    counts["soft_masked"] += int(windows.lower.sum())
    return windows


def drop(windows: Windows, mask: np.ndarray, reason: str, cut: Cut, counts: Counter[str]) -> Windows:
    """The windows outside of ``mask``, (n,) bool; counts the bases that no window covers any more."""
    kept = windows.where(~mask)
    counts[reason] += covered_bases(windows.places, cut.length) - covered_bases(kept.places, cut.length)
    return kept


def batch_tables(batch: Batch, windows: Windows, cut: Cut) -> Iterator[pa.Table]:
    """The chunks of a batch as tables of ``cut.schema``."""
    names, sides = name_array(batch.names), name_array(["train", "validation"])
    for chosen, letters in window_letters(batch.sequence, windows.places, cut.length):
        letters &= ~LOWER_CASE_BIT
        part = windows.where(chosen)
        columns = [
            names.take(number_array(part.contigs, pa.int64())).dictionary_encode(),
            number_array(part.starts, pa.int64()),
            number_array(part.starts + cut.length, pa.int64()),
            string_array(letters, np.full(len(letters), cut.length)),
            number_array(part.lower / cut.length, pa.float32()),
            sides.take(number_array(part.validation, pa.int8())),
        ]
        if cut.duplicates != "keep":
            columns.append(number_array(fingerprints(letters, cut.duplicates == "reverse_complement"), pa.uint64()))
        yield pa.Table.from_arrays(columns, schema=cut.schema)


def cut_genome(fasta: Path, accession: str, cut: Cut, chunks: Path) -> dict[str, Any]:
    """Write the table of a genome's chunks; returns its counts."""
    counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    schema = cut.schema.with_metadata({"accession": accession})
    with atomic(chunks) as temporary:
        with open_writer(temporary, schema) as writer:
            for batch in read_batches(fasta, accession, cut, counts):
                windows = cut_batch(batch, accession, cut, counts)
                for table in batch_tables(batch, windows, cut):
                    writer.write_table(table, row_group_size=len(table))
                del batch  # frees it before the next contig is read
        check_sums(accession, counts)
    if counts["renamed_contigs"]:
        print(f"{accession}: {counts['renamed_contigs']:,} contigs with repeated names are numbered", file=sys.stderr)
    return {"accession": accession, **counts}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fasta", required=True, type=Path, help="the genome, plain or gzipped")
    parser.add_argument("--accession", required=True, help="the genome's name, on which the split depends")
    parser.add_argument("--length", required=True, type=int, help="bases of a chunk (paper: 1000)")
    parser.add_argument(
        "--overlap", type=int, default=Cut.overlap, help="bases that neighbouring windows share (paper: 0)"
    )
    parser.add_argument("--min-contig", required=True, type=int, help="drop contigs with fewer bases")
    parser.add_argument(
        "--max-soft-masked",
        type=float,
        default=Cut.max_soft_masked,
        help="drop windows with a larger share of lower case",
    )
    parser.add_argument(
        "--exclude",
        nargs="*",
        choices=REPLICONS,
        default=Cut.exclude,
        help="drop contigs of these kinds, according to their headers",
    )
    parser.add_argument(
        "--duplicates",
        choices=DUPLICATES,
        default=Cut.duplicates,
        help="duplicates that a later step removes; exact and reverse_complement add fingerprints to the table",
    )
    parser.add_argument("--seed", required=True, type=int, help="seed of the split")
    parser.add_argument("--validation-fraction", required=True, type=float, help="share of blocks held out, 0 to 1")
    parser.add_argument(
        "--validation-block", required=True, type=int, help="number of neighbouring windows that are held out together"
    )
    parser.add_argument("--chunks", required=True, type=Path, help="the table to write (.parquet)")
    parser.add_argument("--counts", required=True, type=Path, help="the counts to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    cut = Cut(
        length=args.length,
        min_contig=args.min_contig,
        seed=args.seed,
        validation_fraction=args.validation_fraction,
        validation_block=args.validation_block,
        overlap=args.overlap,
        max_soft_masked=args.max_soft_masked,
        exclude=tuple(args.exclude),
        duplicates=args.duplicates,
    )
    counts = cut_genome(args.fasta, args.accession, cut, args.chunks)
    write_json(args.counts, counts | {"sha256": digest(args.chunks)})


if __name__ == "__main__":
    sys.exit(main())
