"""Counts of every base of a genome: kept, or dropped and why.

  contigs               records in the file
  renamed_contigs       records with a name that an earlier record has
  bases                 letters of all records
  kept_bases            distinct bases of the genome in at least one kept chunk
  dropped_N             N in contigs that pass the filters of contigs
  dropped_other         other ambiguity codes in these contigs (R, Y, ...)
  dropped_short_contig  whole contigs that are too short
  dropped_organelle     whole contigs of mitochondria, plastids and other organelles
  dropped_plasmid       whole plasmids
  dropped_tail          in no window: ends of ACGT runs, and runs shorter than a chunk
  dropped_repeat        in windows with too much lower case
  dropped_border        in training windows that share a base with a validation window
  dropped_duplicate     in windows that duplicate another window of the corpus
  dropped_cap           in windows above the cap of a genome or a group
  chunks                windows kept, the sum of train_chunks and validation_chunks
  soft_masked           lower-case letters, summed over the kept chunks (as a share: of chunks x length)

They must add up: bases = kept_bases + all dropped_*, and chunks = train_chunks + validation_chunks. The filters are
applied in the order above; a base counts as dropped by the filter that removed the last window over it. If windows
overlap, a base in several chunks is one kept base.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json

DROPPED = (
    "dropped_N",
    "dropped_other",
    "dropped_short_contig",
    "dropped_organelle",
    "dropped_plasmid",
    "dropped_tail",
    "dropped_repeat",
    "dropped_border",
    "dropped_duplicate",
    "dropped_cap",
)
COUNTS = (
    "contigs",
    "renamed_contigs",
    "bases",
    "kept_bases",
    *DROPPED,
    "chunks",
    "train_chunks",
    "validation_chunks",
    "soft_masked",
)


def check_sums(name: str, counts: Mapping[str, int]) -> None:
    """Raise UserError if the counts of ``name`` do not add up."""
    if counts["bases"] != counts["kept_bases"] + sum(counts[reason] for reason in DROPPED):
        raise UserError(f"{name}: {counts['bases']:,} bases are not the sum of kept and dropped bases; cut it again")
    if counts["chunks"] != counts["train_chunks"] + counts["validation_chunks"]:
        raise UserError(f"{name}: {counts['chunks']:,} chunks are not the sum of train and validation; cut it again")


def covered_bases(starts: np.ndarray, length: int) -> int:
    """Number of distinct bases in windows of ``length`` bases at ``starts``, (n,) and ascending."""
    if not len(starts):
        return 0
    return int(np.minimum(np.diff(starts), length).sum()) + length


def read_genome_json(path: Path, accession: str, keys: Iterable[str]) -> dict[str, Any]:
    """Read the JSON object of a genome, with its ``accession`` and ``keys``.

    Raises UserError if the file is missing, has other content, or is of another genome.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; download and cut {accession} first")
    try:
        value = read_json(path)
    except ValueError as error:  # errors of UTF-8 and of JSON
        raise UserError(f"{path}: not JSON ({error}); remove it and run again") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: a {type(value).__name__} where an object is expected; remove it and run again")
    missing = [key for key in ("accession", *keys) if key not in value]
    if missing:
        raise UserError(f"{path}: {', '.join(missing)} missing; remove it and run again")
    if value["accession"] != accession:
        raise UserError(f"{path}: is of {value['accession']}, not of {accession}; remove it and run again")
    return value
