"""What becomes of every base of a genome: the names of the counts, and the law that they add up.

  contigs               records in the file
  renamed_contigs       of them, those whose name had stood there before
  bases                 letters of all records
  kept_bases            distinct bases of the genome in at least one kept chunk
  dropped_N             N in contigs that pass the filters of contigs
  dropped_other         other ambiguity codes there (R, Y, ...)
  dropped_short_contig  whole contigs that are too short
  dropped_organelle     whole contigs of mitochondria, plastids and the like
  dropped_plasmid       whole plasmids
  dropped_tail          in no window: ends of ACGT runs, and runs shorter than a chunk
  dropped_repeat        in windows with too much lower case
  dropped_border        in training windows that share a base with a validation window
  dropped_duplicate     in windows that another window of the corpus repeats
  dropped_cap           in windows above the cap of a genome or a group
  chunks                windows kept; train_chunks and validation_chunks are those of either side
  soft_masked           lower-case letters, summed over the kept chunks (their share: of chunks x length)

The law: bases = kept_bases + all dropped_*, and chunks = train_chunks + validation_chunks. The filters work in the
order above; a base counts as dropped by the filter that took the last window over it. Where windows overlap, a
base that several chunks hold is one kept base.
"""

from collections.abc import Mapping

import numpy as np

from workflow_scripts.common.errors import UserError

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
    """Raise UserError when the counts of ``name`` break the law."""
    if counts["bases"] != counts["kept_bases"] + sum(counts[reason] for reason in DROPPED):
        raise UserError(f"{name}: {counts['bases']:,} bases are not the kept and dropped ones together; cut it again")
    if counts["chunks"] != counts["train_chunks"] + counts["validation_chunks"]:
        raise UserError(f"{name}: {counts['chunks']:,} chunks are not train and validation together; cut it again")


def covered_bases(starts: np.ndarray, length: int) -> int:
    """How many distinct bases lie in windows of ``length`` bases at ``starts``, (n,) and ascending."""
    if not len(starts):
        return 0
    return int(np.minimum(np.diff(starts), length).sum()) + length
