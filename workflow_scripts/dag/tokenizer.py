"""The stage ``tokenizer``: what its rules ask for."""

from workflow_scripts.common import bpe_memory
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.rule_values import Wildcards, option
from workflow_scripts.settings.configuration import Configuration


class Tokenizers:
    """The tokenizers of a configuration, and the inputs, params and resources of their rules."""

    def __init__(self, settings: Configuration, genomes: Genomes) -> None:
        self.seed = settings.seed
        self.settings = settings.tokenizer
        self.genomes = genomes
        # Those in whose tokens the corpus is encoded, because a model is trained on it.
        self.encoding = sorted({model.tokenizer for model in settings.pretrain.values() if model.tokenizer})

    def training_options(self, wildcards: Wildcards) -> list[str]:
        """The settings of a tokenizer as options of its training."""
        settings = self.settings[wildcards.tokenizer].model_dump(exclude={"reverse_complement"}, exclude_none=True)
        return [word for key in sorted(settings) for word in option(f"--{key.replace('_', '-')}", settings[key])]

    def corpus_table(self, wildcards: Wildcards) -> list[str]:
        """The table with the groups of the genomes, which training reads only if the sample is limited by group."""
        return ["results/genomes/corpus.tsv"] if self.settings[wildcards.tokenizer].sample_group_bases else []

    def corpus_option(self, wildcards: Wildcards) -> list[str]:
        return option("--corpus", *self.corpus_table(wildcards))

    def training_megabytes(self, wildcards: Wildcards, attempt: int) -> int:
        """Memory of a training, by the sizes of the genomes and of the sample, and of the Snakemake that runs a job."""
        settings = self.settings[wildcards.tokenizer]
        bases = sum(self.genomes.sizes.values())
        sampled = min(bases, settings.sample_bases or bases)
        needed = bpe_memory.needed_bytes(sampled, settings.vocab_size or 0) / 1e6
        return int(1.1 * needed) + attempt * 600

    def encoding_options(self, wildcards: Wildcards) -> list[str]:
        """What the tokens are, and which chunks are reversed: options of the encoding."""
        settings = self.settings[wildcards.tokenizer]
        reverse = option("--reverse-complement", settings.reverse_complement or None)
        seed = option("--seed", self.seed if reverse else None)
        return [*option("--kind", settings.kind), *option("--k", settings.k), *reverse, *seed]
