"""Contigs of a genome under the names of other sources."""

import re
from collections.abc import Iterable, Mapping

from workflow_scripts.common.contigs import other_name

CHROMOSOME = re.compile(r"\bchromosome ([0-9A-Z]\w{0,4})\b")
MITOCHONDRION = re.compile(r"\bmitochondri")
PARTIAL = re.compile(r"scaffold|contig|unlocali[sz]ed|unplaced|patch|alternate")
SHOWN = 3  # contigs of a genome that an error names


def chromosome_of(header: str) -> str:
    """The chromosome that the header of a whole chromosome names, as those of NCBI do; else nothing."""
    if PARTIAL.search(header):
        return ""
    if found := CHROMOSOME.search(header):
        return found[1]
    return "MT" if MITOCHONDRION.search(header) else ""


def missing_contig(contig: str, genome: str, names: Iterable[str], chromosomes: Mapping[str, str]) -> str:
    """What is wrong with a contig that the genome lacks, and the one that may be meant.

    ``names``: the contigs of the genome. ``chromosomes``: what :func:`chromosome_of` says of some of them.
    """
    names = list(names)
    if other := other_name(contig, names, chromosomes):
        offer = f"it has {other!r}; if that is the same sequence, use its name"
    else:
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        offer = f"it has {', '.join(names[:SHOWN])}{more}; give the genome that was used"
    return f"contig {contig!r} is not in {genome}: {offer}"
