"""Write the final table of a genome's chunks, which are the chosen windows, and update its counts.

In:  a genome's table of windows and their counts (chunk_genome), and the choice among them (select_chunks).
Out: the table of chunks, in the same order and without fingerprints, and the counts with dropped_duplicate and
     dropped_cap.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, digest, write_json
from workflow_scripts.genomes.accounting import COUNTS, check_sums, covered_bases, read_genome_json
from workflow_scripts.genomes.chunk_tables import (
    DUPLICATE,
    FINGERPRINT,
    KEEP,
    accession_of,
    number_array,
    open_windows,
    open_writer,
)

CONTIG_DISTANCE = 1 << 40  # bases between the starts of contigs on a common axis: more than any contig has
COLUMNS = ["contig", "start", "end", "soft_masked", "split"]


def axis_places(windows: pa.Table) -> np.ndarray:
    """Start of each window on a common axis of all contigs: (n,) int64, ascending."""
    contigs = windows["contig"].combine_chunks().indices.to_numpy()
    return contigs.astype(np.int64) * CONTIG_DISTANCE + windows["start"].to_numpy()


def updated_counts(windows: pa.Table, choice: np.ndarray, counts: dict[str, Any]) -> dict[str, Any]:
    """The counts after the choice, (n,) uint8, among the n windows (COLUMNS) of ``counts``."""
    length = windows["end"][0].as_py() - windows["start"][0].as_py() if len(windows) else 0
    places, kept = axis_places(windows), choice == KEEP
    before = covered_bases(places, length)
    unique = covered_bases(places[choice != DUPLICATE], length)
    after = covered_bases(places[kept], length)
    if before != counts["kept_bases"] or len(windows) != counts["chunks"]:
        raise UserError(f"{counts['accession']}: the counts do not belong to these windows; cut the genome again")
    held_out = int(np.count_nonzero(pc.equal(windows["split"], "validation").to_numpy() & kept))
    lower = np.rint(windows["soft_masked"].to_numpy().astype(np.float64) * length).astype(np.int64)
    chunks = int(np.count_nonzero(kept))
    updated = counts | {
        "kept_bases": after,
        "dropped_duplicate": before - unique,
        "dropped_cap": unique - after,
        "chunks": chunks,
        "train_chunks": chunks - held_out,
        "validation_chunks": held_out,
        "soft_masked": int(lower[kept].sum()),
    }
    check_sums(counts["accession"], updated)
    return updated


def keep_windows(windows: pq.ParquetFile, choice: np.ndarray, chunks: Path) -> None:
    """Copy the kept windows, one row group at a time, without their fingerprints."""
    names = [name for name in windows.schema_arrow.names if name != FINGERPRINT.name]
    schema = pa.schema([windows.schema_arrow.field(name) for name in names], windows.schema_arrow.metadata)
    first = 0
    with open_writer(chunks, schema) as writer:
        for number in range(windows.num_row_groups):
            group = windows.read_row_group(number, columns=names)
            kept = group.take(number_array(np.flatnonzero(choice[first : first + len(group)] == KEEP), pa.int64()))
            first += len(group)
            if len(kept):
                writer.write_table(kept, row_group_size=len(kept))


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--windows", required=True, type=Path, help="the genome's table of windows (.parquet)")
    parser.add_argument("--choice", required=True, type=Path, help="the choice among them (.npy)")
    parser.add_argument("--counts", required=True, type=Path, help="the counts of the windows (.json)")
    parser.add_argument("--chunks", required=True, type=Path, help="the table to write (.parquet)")
    parser.add_argument("--new-counts", required=True, type=Path, help="the counts to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    choice = np.load(args.choice)
    with open_windows(args.windows) as windows:
        if len(choice) != windows.metadata.num_rows:
            raise UserError(
                f"{args.choice}: a choice among {len(choice):,} windows, but {args.windows} has "
                f"{windows.metadata.num_rows:,}; remove it and run again"
            )
        counts = read_genome_json(args.counts, accession_of(windows), COUNTS)
        counts = updated_counts(windows.read(columns=COLUMNS), choice, counts)
        with atomic(args.chunks) as temporary:
            keep_windows(windows, choice, temporary)
    write_json(args.new_counts, counts | {"sha256": digest(args.chunks)})


if __name__ == "__main__":
    sys.exit(main())
