"""The names that one contig has in different sources: chr1 of UCSC, 1 of Ensembl, NC_000001.11 of RefSeq."""

import re
from collections.abc import Iterable, Mapping

# https://www.ncbi.nlm.nih.gov/datasets/genome/GCF_000001405.40: versions differ between assemblies, numbers do not
HUMAN = {f"nc_{number:06}": str(number) for number in range(1, 23)}
HUMAN |= {"nc_000023": "x", "nc_000024": "y", "nc_012920": "mt"}
CHROMOSOME = re.compile(r"\bchromosome ([0-9A-Z]\w{0,4})\b")
MITOCHONDRION = re.compile(r"\bmitochondri")
PARTIAL = re.compile(r"scaffold|contig|unlocali[sz]ed|unplaced|patch|alternate")
SHOWN = 3  # contigs of a genome that an error names


def chromosome_of(description: str) -> str:
    """The chromosome that the header of a whole chromosome names, as those of NCBI do; else nothing."""
    if PARTIAL.search(description):
        return ""
    if found := CHROMOSOME.search(description):
        return found[1]
    return "MT" if MITOCHONDRION.search(description) else ""


def plain_name(name: str) -> str:
    """The name without what is a habit of its source, equal for all names of a chromosome."""
    lower = name.casefold()
    plain = HUMAN.get(lower.partition(".")[0]) or re.sub("^(chromosome|chrom|chr)_?", "", lower)
    return "mt" if plain in ("m", "mito") else plain


def missing_contig(contig: str, genome: str, names: Iterable[str], chromosomes: Mapping[str, str]) -> str:
    """What is wrong with a contig that the genome lacks, and the one that may be meant.

    ``names``: the contigs of the genome. ``chromosomes``: what :func:`chromosome_of` says of some of them.
    """
    names, wanted = list(names), plain_name(contig)
    if similar := [name for name in names if wanted in (plain_name(name), plain_name(chromosomes.get(name, name)))]:
        offer = f"it has {similar[0]!r}; if that is the same sequence, use its name"
    else:
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        offer = f"it has {', '.join(names[:SHOWN])}{more}; give the genome that was used"
    return f"contig {contig!r} is not in {genome}: {offer}"
