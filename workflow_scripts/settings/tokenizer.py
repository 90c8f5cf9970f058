"""Section ``tokenizer``: tokenizers by name."""

from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.settings.fields import Count, Positive, Section, Share, key


class Tokenizer(Section):
    """A tokenizer: a BPE vocabulary that is trained on the corpus, or a fixed one."""

    kind: Literal["bpe", "kmer_overlapping", "kmer", "nucleotide"] = key()
    k: Annotated[int, Field(ge=1, le=7)] | None = key(None)
    vocab_size: Annotated[int, Field(ge=10, le=65536)] | None = key(None)
    min_frequency: Positive | None = key(None)
    sample_bases: Count | None = key(None)
    sample_genome_bases: Count = key(0)
    sample_group_bases: Count = key(0)
    reverse_complement: Share = key(0.0)
