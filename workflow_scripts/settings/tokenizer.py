"""Section ``tokenizer``: tokenizers by name."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field

from workflow_scripts.settings.fields import Count, Omittable, Positive, Section, Share, key
from workflow_scripts.settings.names import TokenizerKind


class Tokenizer(Section):
    """A tokenizer: a BPE vocabulary that is trained on the corpus, or a fixed one."""

    kind: TokenizerKind = key(
        ...,
        "bpe is trained on the corpus; the others are fixed and need only k: kmer_overlapping (DNABERT), kmer (side by "
        "side, Nucleotide Transformer), nucleotide (k: 1).",
        paper="BPE",
        source="released tokenizer.json",
    )
    k: Omittable[Annotated[int, Field(ge=1, le=7)]] = key(None, "Length of a token. Not for bpe.", unit="bases")
    vocab_size: Omittable[Annotated[int, Field(ge=10, le=65536)]] = key(
        None,
        "Size of the vocabulary, special tokens included. Needed for bpe.",
        paper="4,096",
        source="released tokenizer.json",
    )
    min_frequency: Omittable[Positive] = key(
        None,
        "A pair of tokens that occurs less often is not merged. Needed for bpe.",
        paper="2",
        source="author's script, issue 74 of the original repository",
    )
    sample_bases: Omittable[Count] = key(
        None,
        "Training chunks to train on at most; 0 is all. Needed for bpe. Training is exact on what it sees and takes "
        "3.25 bytes of memory a base: a node with 64 GB holds 19,000,000,000 bases, one with 256 GB 78,000,000,000; "
        "all 190,000,000,000 of the 850 genomes take 620 GB, and 10,000,000,000 take 33 GB.",
        unit="bases",
        paper="not stated",
    )
    sample_genome_bases: Count = key(0, "Of these, chunks of one genome at most; 0 is no limit.", unit="bases")
    sample_group_bases: Count = key(0, "Of these, chunks of one group of genomes at most; 0 is no limit.", unit="bases")
    reverse_complement: Share = key(
        0.0, "Share of the chunks that are encoded as their reverse complement, drawn by the seed.", paper="none"
    )


BPE4096 = Tokenizer(
    kind="bpe",
    vocab_size=4096,
    min_frequency=2,
    sample_bases=10_000_000_000,
    sample_genome_bases=0,
    sample_group_bases=0,
    reverse_complement=0.0,
)
"""The paper's tokenizer."""


def tokenizer_errors(tokenizers: Mapping[str, Tokenizer]) -> Iterator[str]:
    """Keys that the kind of a tokenizer needs and that are missing."""
    for name, tokenizer in tokenizers.items():
        needed = ("vocab_size", "min_frequency", "sample_bases") if tokenizer.kind == "bpe" else ("k",)
        if missing := [part for part in needed if getattr(tokenizer, part) is None]:
            yield f"config tokenizer.{name}: {', '.join(missing)} missing; see config/keys.md"
