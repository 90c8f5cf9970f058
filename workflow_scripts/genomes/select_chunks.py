"""Choose windows of the whole corpus: one of each set of duplicates, and no more than the caps allow.

In:  the species table, and a folder with the windows and counts of each of its genomes: ``{accession}.parquet`` and
     ``{accession}.json`` (chunk_genome). Files of other genomes in the folder are ignored.
Out: one file per genome, ``{accession}.npy``: (n,) uint8 in the order of its windows: 0 keep, 1 duplicate,
     2 over a cap.

Duplicates are windows with equal fingerprints, if the tables have fingerprints. The first one is kept, in the order of
the species table and then of the genome's file, so no copy of a validation window remains in training. The probability
that any two different ones of n windows share a fingerprint of 64 bits is about n^2 / 2^65: 0.001 for 190 million.

Caps are in bases of chunks (number times length). After the removal of duplicates they are met by random subsets, which
depend only on the seed and the accession; training and validation are reduced alike. A group above its cap is levelled:
its largest genomes are reduced first, all to the same size.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.species_table import read_species
from workflow_scripts.genomes.accounting import COUNTS, read_genome_json
from workflow_scripts.genomes.chunk_tables import DUPLICATE, FINGERPRINT, KEEP, OVER_CAP, accession_of, open_windows

PASSES = 16  # over the fingerprints, each sorts one sixteenth: 15 bytes of memory per window instead of 40


@dataclass(frozen=True)
class Genome:
    """A genome's table of windows: their number, their ``length`` in bases (0 if there are none), and fingerprints."""

    accession: str
    group: str
    path: Path
    windows: int
    length: int
    fingerprinted: bool


def read_genome(folder: Path, accession: str, group: str) -> Genome:
    """Read the metadata of a genome's table of windows.

    Raises UserError if it is missing, of another genome, or does not match the counts.
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
        raise UserError(f"{path}: {genome.windows:,} windows, but the counts say {chunks:,}; cut it again")
    return genome


def read_genomes(species: list[dict[str, str]], folder: Path) -> list[Genome]:
    """The genomes in the order of the species table. Raises UserError if their tables were cut differently."""
    genomes = [read_genome(folder, row["accession"], row["group"]) for row in species]
    if len({genome.length for genome in genomes if genome.windows}) > 1:
        raise UserError(f"{folder}: tables with windows of different lengths; cut all genomes with the same --length")
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


def is_repeated(fingerprints: np.ndarray) -> np.ndarray:
    """(n,) bool: whether an earlier element of ``fingerprints``, (n,) uint64, is the same."""
    seen = np.zeros(len(fingerprints), dtype=bool)
    lowest_byte = fingerprints.view(np.uint8)[::8]
    for number in range(PASSES):
        places = np.flatnonzero(lowest_byte % PASSES == number)
        values = fingerprints[places]
        order = np.argsort(values, kind="stable")
        values, places = values[order], places[order]
        seen[places[1:]] = values[1:] == values[:-1]
    return seen


def common_level(sizes: list[int], cap: int) -> int:
    """The largest size to which all larger ones can be reduced so that the sum is at most ``cap``."""
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
    """Number of its ``sizes`` windows that each genome may keep; caps are in bases."""
    length = max(genome.length for genome in genomes) or 1
    allowed = [size if genome_cap is None else min(size, genome_cap // length) for size in sizes]
    for group, cap in group_caps.items():
        members = [number for number, genome in enumerate(genomes) if genome.group == group]
        level = common_level([allowed[number] for number in members], cap // length)
        for number in members:
            allowed[number] = min(allowed[number], level)
    return allowed


def cut_to(choice: np.ndarray, allowed: int, seed: int, accession: str) -> None:
    """Mark a random subset of the kept windows in ``choice``, (n,) uint8, as over a cap, so that ``allowed`` remain."""
    kept = np.flatnonzero(choice == KEEP)
    if len(kept) > allowed:
        order = generator(seed, "cap", accession).permutation(len(kept))
        choice[kept[order[allowed:]]] = OVER_CAP


def choose(genomes: list[Genome], genome_cap: int | None, group_caps: dict[str, int], seed: int) -> list[np.ndarray]:
    """The choice of every genome, (windows,) uint8 each."""
    choice = np.zeros(sum(genome.windows for genome in genomes), dtype=np.uint8)
    if all(genome.fingerprinted for genome in genomes):
        choice[is_repeated(read_fingerprints(genomes))] = DUPLICATE
    choices = np.split(choice, np.cumsum([genome.windows for genome in genomes])[:-1])
    sizes = [int(np.count_nonzero(part == KEEP)) for part in choices]
    allowed = allowed_windows(genomes, sizes, genome_cap, group_caps)
    for genome, part, count in zip(genomes, choices, allowed, strict=True):
        cut_to(part, count, seed, genome.accession)
    return choices


def read_caps(values: list[str], groups: set[str]) -> dict[str, int]:
    """Caps by group from ``group=N``. Raises UserError for a group that is not in ``groups``."""
    caps: dict[str, int] = {}
    for value in values:
        group, _, number = value.rpartition("=")
        if not group or not number.isdecimal():
            raise UserError(f"--max-group-bases {value}: must be group=number of bases")
        if group not in groups:
            known = ", ".join(sorted(groups))
            raise UserError(f"--max-group-bases {value}: no such group; the species table has {known}")
        if group in caps:
            raise UserError(f"--max-group-bases {value}: a second cap of the same group; give only one")
        caps[group] = int(number)
    return caps


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--species", required=True, type=Path, help="species table; its order decides which duplicate is kept"
    )
    parser.add_argument(
        "--windows",
        required=True,
        type=Path,
        help="folder of windows ({accession}.parquet) and counts (.json)",
    )
    parser.add_argument("--max-genome-bases", type=int, help="largest number of bases in the chunks of a genome")
    parser.add_argument(
        "--max-group-bases",
        nargs="+",
        default=[],
        metavar="GROUP=N",
        help="largest number of bases in the chunks of a group",
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
