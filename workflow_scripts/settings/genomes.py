"""Section ``genomes``: from a table of species to chunks."""

from typing import Literal

from workflow_scripts.settings.fields import Count, Plain, Positive, Section, Share, key

Group = Literal[
    "bacteria",
    "fungi",
    "invertebrate",
    "protozoa",
    "vertebrate_mammalian",
    "vertebrate_other",
    "viral",
    "plant",
    "archaea",
]


class Chunk(Section):
    """How genomes are cut."""

    length: Positive = key(1000)
    overlap: Count = key(0)
    min_contig: Count = key(1000)
    max_soft_masked: Share = key(1.0)


class Validation(Section):
    """What is held out."""

    fraction: Share = key(0.005)
    block: Positive = key(100)
    genomes: list[str] = key([])


class Genomes(Section):
    """From a table of species to chunks: which genomes, from where, what is left out, what is held out."""

    corpus: Plain = key("nt850", min_length=1)
    mirror: Plain = key("https://ftp.ncbi.nlm.nih.gov", min_length=1)
    keep_fasta: bool = key(False)
    exclude: list[Literal["organelle", "plasmid"]] = key([])
    chunk: Chunk = key(Chunk())
    duplicates: Literal["keep", "exact", "reverse_complement"] = key("keep")
    max_genome_bases: Count = key(0)
    max_group_bases: dict[Group, Positive] = key({})
    validation: Validation = key(Validation())
