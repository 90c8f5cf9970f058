"""Section ``genomes``: from a table of species to chunks. The checks of the table itself are in ``corpora``."""

from collections.abc import Iterator
from typing import Literal

from workflow_scripts.common.addresses import NCBI
from workflow_scripts.settings.fields import Count, Plain, Positive, Section, Share, UniqueList, key
from workflow_scripts.settings.names import Duplicates, Replicon

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

    length: Positive = key(
        1000,
        "Length of a chunk.",
        unit="bases",
        paper="1,000; Nucleotide Transformer 6,200",
        source="author, issue 124 of the original repository",
    )
    overlap: Count = key(
        0,
        "Overlap of neighbouring chunks.",
        unit="bases",
        paper="0; Nucleotide Transformer 200, 100 on each side",
        source="author, issue 124 of the original repository",
    )
    min_contig: Count = key(1000, "Shorter contigs are dropped.", unit="bases", paper="not stated")
    max_soft_masked: Share = key(
        1.0,
        "Chunks with a larger share of soft-masked bases (repeats, in lower case) are dropped; 1 keeps all.",
        paper="not stated",
    )


class Validation(Section):
    """What is held out to measure the masked-LM loss."""

    fraction: Share = key(0.005, "Share of the corpus that is held out.", paper="not stated")
    block: Positive = key(
        100, "Neighbouring chunks that are held out or trained on together, so that no gene is in both.", unit="chunks"
    )
    genomes: UniqueList[str] = key([], "Accessions of genomes that are held out completely.")


class Genomes(Section):
    """From a table of species to chunks: which genomes, from where, what is left out, what is held out."""

    corpus: Plain = key(
        "nt850",
        "The corpus: nt850, dnabert2_135, or the path of your own species table (config/README.md).\n"
        "  nt850: 850 species, a documented draw with the groups and numbers of the Nucleotide Transformer's corpus, "
        "whose own list is not available; the paper compares with models trained on that corpus;\n"
        "  dnabert2_135: the paper's own, the 135 names that it printed, where assemblies could be found for them.",
        paper="135 species, 32.49 billion bases; only the names were published",
        source="section 4.1, by its summaries",
        min_length=1,
    )
    mirror: Plain = key(
        NCBI, f"What replaces {NCBI} in the addresses of the tables: another host, or a local folder.", min_length=1
    )
    keep_fasta: bool = key(
        False,
        "true: keep the downloaded FASTA files after they are chunked. The 850 genomes are about 54 GB of gzip "
        "(estimated).",
    )
    exclude: UniqueList[Replicon] = key(
        [],
        "Sequences to leave out, recognized by their headers: organelle, plasmid.",
        paper="not stated; whole genomes",
        source="author, issue 124 of the original repository",
    )
    chunk: Chunk = key(Chunk(), "How genomes are cut.")
    duplicates: Duplicates = key(
        "keep",
        "Copies of a chunk within and across genomes: keep them, drop all but the first of exact copies, or of those "
        "that are equal on either strand (reverse_complement). With this or a cap the chunks are on the disk twice, "
        "before and after the selection, so that another selection downloads nothing again.",
        paper="not stated",
    )
    max_genome_bases: Count = key(
        0,
        "Cap that balances the corpus: chunks of a genome at most, drawn evenly over the genome; 0 is no cap.",
        unit="bases",
        paper="not stated",
    )
    max_group_bases: dict[Group, Positive] = key(
        {},
        "Caps per group, such as {vertebrate_mammalian: 20000000000}; the largest genomes of a group are cut first.",
        unit="bases",
        paper="not stated",
    )
    validation: Validation = key(Validation(), "What is held out to measure the masked-LM loss.")


def genome_errors(genomes: Genomes) -> Iterator[str]:
    """Values that do not fit together."""
    chunk = genomes.chunk
    if chunk.overlap >= chunk.length:
        yield f"config genomes.chunk.overlap: {chunk.overlap} must be less than the length, {chunk.length}"
