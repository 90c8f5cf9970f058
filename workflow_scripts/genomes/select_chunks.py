"""Choose among the windows of the whole corpus: one of each duplicate, and no more than the caps allow.

In:  the species table, and a folder with the table of its windows and their counts for each genome in it:
     ``{accession}.parquet`` and ``{accession}.json`` (chunk.py). Other genomes' files there are left out.
Out: one file a genome, ``{accession}.npy``: (n,) uint8 in the order of its windows: 0 keep, 1 duplicate,
     2 over a cap.

Duplicates are windows of equal fingerprints, where the tables have them. The first one is kept, in the order of
the species table and then of the genome's file; so no copy of a validation window stays in training. That any two
different windows of n share a fingerprint of 64 bits has a probability of about n^2 / 2^65: 0.001 for 190 million.

Caps are in bases of chunks (their number times their length). They are met by random subsets of what the search for
duplicates leaves, from the seed and the accession alone; training and validation are cut alike. A group above its
cap is levelled: its largest genomes are cut first, all to one size.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.species_table import read_species
from workflow_scripts.genomes.accounting import COUNTS
from workflow_scripts.genomes.chunk_tables import FINGERPRINT, SCHEMA
from workflow_scripts.genomes.summarize_corpus import read_genome_json

KEEP, DUPLICATE, OVER_CAP = 0, 1, 2
PASSES = 16  # over the fingerprints; each sorts one sixteenth, or 40 bytes a window were held, not 15


@dataclass(frozen=True)
class Genome:
    """A genome's table of windows: how many there are, their ``length`` in bases (0 for none), and its columns."""

    accession: str
    group: str
    path: Path
    windows: int
    length: int
    fingerprinted: bool


def open_windows(path: Path) -> pq.ParquetFile:
    """Open a genome's table of windows.

    Raises UserError where it is missing, or has not the columns and the accession that chunk.py writes.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such table; cut the genome first")
    try:
        windows = pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not a Parquet file ({error}); remove it and run again") from None
    schema = windows.schema_arrow
    if schema not in (SCHEMA, SCHEMA.append(FINGERPRINT)) or b"accession" not in (schema.metadata or {}):
        windows.close()
        raise UserError(
            f"{path}: not a table of windows by chunk.py (columns {', '.join(schema.names)}); remove it and run again"
        )
    return windows


def accession_of(windows: pq.ParquetFile) -> str:
    """The accession of the genome that the table of windows names."""
    return windows.schema_arrow.metadata[b"accession"].decode()


def read_genome(folder: Path, accession: str, group: str) -> Genome:
    """Read a genome's table of windows, but not its rows.

    Raises UserError where it is missing, another genome's, or not the one that the counts are of.
    """
    path = folder / f"{accession}.parquet"
    with open_windows(path) as windows:
        named = accession_of(windows)
        if named != accession:
            raise UserError(f"{path}: is of {named}, not of {accession}; remove it and run again")
        first = next(windows.iter_batches(1, columns=["start", "end"]), None)
        length = (first["end"][0].as_py() - first["start"][0].as_py()) if first else 0
        fingerprinted = FINGERPRINT.name in windows.schema_arrow.names
        genome = Genome(accession, group, path, windows.metadata.num_rows, length, fingerprinted)
    chunks = read_genome_json(folder / f"{accession}.json", accession, COUNTS)["chunks"]
    if genome.windows != chunks:
        raise UserError(f"{path}: {genome.windows:,} windows where the counts say {chunks:,}; cut it again")
    return genome


def read_genomes(species: list[dict[str, str]], folder: Path) -> list[Genome]:
    """The genomes in the species table's order; raises UserError where their tables were not cut alike."""
    genomes = [read_genome(folder, row["accession"], row["group"]) for row in species]
    if len({genome.length for genome in genomes if genome.windows}) > 1:
        raise UserError(f"{folder}: tables with windows of different lengths; cut all genomes alike")
    if len({genome.fingerprinted for genome in genomes}) > 1:
        raise UserError(f"{folder}: only some tables have fingerprints; cut all genomes with the same --duplicates")
    return genomes


def read_fingerprints(genomes: list[Genome]) -> np.ndarray:
    """The fingerprints of all genomes, end to end: (n,) uint64."""
    fingerprints = np.empty(sum(genome.windows for genome in genomes), dtype="<u8")
    first = 0
    for genome in genomes:
        column = pq.read_table(genome.path, columns=["fingerprint"])["fingerprint"]
        fingerprints[first : first + genome.windows] = column.to_numpy()
        first += genome.windows
    return fingerprints


def repeated(fingerprints: np.ndarray) -> np.ndarray:
    """(n,) bool: whether the same fingerprint, of (n,) uint64, stands anywhere before."""
    seen = np.zeros(len(fingerprints), dtype=bool)
    lowest_byte = fingerprints.view(np.uint8)[::8]
    for number in range(PASSES):
        places = np.flatnonzero(lowest_byte % PASSES == number)
        some = fingerprints[places]
        order = np.argsort(some, kind="stable")
        some, places = some[order], places[order]
        seen[places[1:]] = some[1:] == some[:-1]
    return seen


def common_level(sizes: list[int], cap: int) -> int:
    """The largest size to which all larger ones can be cut so that their sum is at most ``cap``."""
    left = cap
    ascending = sorted(sizes)
    for number, size in enumerate(ascending):
        share = left // (len(ascending) - number)
        if size > share:
            return share
        left -= size
    return ascending[-1]


def allowed_windows(
    genomes: list[Genome], sizes: list[int], genome_cap: int | None, group_caps: dict[str, int]
) -> list[int]:
    """How many of its ``sizes`` windows each genome may keep; caps in bases."""
    length = max(genome.length for genome in genomes) or 1
    allowed = [size if genome_cap is None else min(size, genome_cap // length) for size in sizes]
    for group, cap in group_caps.items():
        members = [number for number, genome in enumerate(genomes) if genome.group == group]
        level = common_level([allowed[number] for number in members], cap // length)
        for number in members:
            allowed[number] = min(allowed[number], level)
    return allowed


def cut_to(choice: np.ndarray, allowed: int, seed: int, accession: str) -> None:
    """Mark a random subset of what ``choice``, (n,) uint8, keeps as over the cap, so that ``allowed`` windows stay."""
    kept = np.flatnonzero(choice == KEEP)
    if len(kept) > allowed:
        order = generator(seed, "cap", accession).permutation(len(kept))
        choice[kept[order[allowed:]]] = OVER_CAP


def choose(genomes: list[Genome], genome_cap: int | None, group_caps: dict[str, int], seed: int) -> list[np.ndarray]:
    """The choice of every genome, (windows,) uint8 each."""
    choice = np.zeros(sum(genome.windows for genome in genomes), dtype=np.uint8)
    if all(genome.fingerprinted for genome in genomes):
        choice[repeated(read_fingerprints(genomes))] = DUPLICATE
    choices = np.split(choice, np.cumsum([genome.windows for genome in genomes])[:-1])
    sizes = [int(np.count_nonzero(part == KEEP)) for part in choices]
    allowed = allowed_windows(genomes, sizes, genome_cap, group_caps)
    for genome, part, count in zip(genomes, choices, allowed, strict=True):
        cut_to(part, count, seed, genome.accession)
    return choices


def read_caps(values: list[str], groups: set[str]) -> dict[str, int]:
    """Caps by group from ``group=N``; each of the ``groups`` may have one."""
    caps: dict[str, int] = {}
    for value in values:
        group, _, number = value.rpartition("=")
        if not group or not number.isdecimal():
            raise UserError(f"--max-group-bases {value}: must be group=number of bases")
        if group not in groups:
            known = ", ".join(sorted(groups))
            raise UserError(f"--max-group-bases {value}: no such group; the species table has {known}")
        if group in caps:
            raise UserError(f"--max-group-bases {value}: a second cap of the same group; give one")
        caps[group] = int(number)
    return caps


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--species", required=True, type=Path, help="table of genomes; its order decides who is first")
    parser.add_argument(
        "--windows", required=True, type=Path, help="folder of the windows ({accession}.parquet) and counts (.json)"
    )
    parser.add_argument("--max-genome-bases", type=int, help="bases of chunks that a genome keeps at most")
    parser.add_argument(
        "--max-group-bases", nargs="+", default=[], metavar="GROUP=N", help="bases that a group keeps at most"
    )
    parser.add_argument("--seed", required=True, type=int, help="seed of the random subsets")
    parser.add_argument("--out", required=True, type=Path, help="folder of the choices to write ({accession}.npy)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if args.max_genome_bases is not None and args.max_genome_bases < 0:
        raise UserError(f"--max-genome-bases {args.max_genome_bases}: must be at least 0")
    species = read_species(args.species)
    caps = read_caps(args.max_group_bases, {row["group"] for row in species})
    genomes = read_genomes(species, args.windows)
    choices = choose(genomes, args.max_genome_bases, caps, args.seed)
    for genome, choice in zip(genomes, choices, strict=True):
        with atomic(args.out / f"{genome.accession}.npy") as temporary, temporary.open("wb") as out:
            np.save(out, choice)
    total = np.sum([np.bincount(choice, minlength=3) for choice in choices], axis=0)
    print(
        f"{len(genomes):,} genomes, {total.sum():,} windows: {total[DUPLICATE]:,} duplicates, "
        f"{total[OVER_CAP]:,} over a cap, {total[KEEP]:,} kept",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
