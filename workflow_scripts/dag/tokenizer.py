"""The stage ``tokenizer``: what its rules ask for."""

from pathlib import Path

from workflow_scripts.common import bpe_memory
from workflow_scripts.common.files import read_json
from workflow_scripts.dag.file_digests import digests, tidy
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.rule_values import Wildcards, option
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.pretrain import vocabulary_of


class Tokenizers:
    """The tokenizers of a configuration, and the inputs, params and resources of their rules."""

    def __init__(self, settings: Configuration, genomes: Genomes) -> None:
        self.seed = settings.seed
        self.settings = settings.tokenizer
        self.genomes = genomes
        self.pretrained = settings.pretrain
        # Those in whose tokens the corpus is encoded, because a model is trained on it.
        trained = [name for name, model in settings.pretrain.items() if model.data != "gue"]
        self.encoding = sorted({vocabulary_of(name, settings.pretrain) for name in trained})

    def file(self, wildcards: Wildcards) -> str:
        """The file of a tokenizer; that of a model that starts from a directory is in that directory."""
        if wildcards.tokenizer in self.settings:
            return f"results/tokenizer/{wildcards.tokenizer}/tokenizer.json"
        return tidy(f"{self.pretrained[wildcards.tokenizer].start}/tokenizer.json")

    def foreign_content(self, wildcards: Wildcards) -> list[str]:
        """The digest of a tokenizer in a user's directory."""
        return [] if wildcards.tokenizer in self.settings else digests([self.file(wildcards)])

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
        if wildcards.tokenizer not in self.settings:
            return kind_options(Path(self.file(wildcards)))
        settings = self.settings[wildcards.tokenizer]
        reverse = option("--reverse-complement", settings.reverse_complement or None)
        seed = option("--seed", self.seed if reverse else None)
        return [*option("--kind", settings.kind), *option("--k", settings.k), *reverse, *seed]


def kind_options(path: Path) -> list[str]:
    """The kind of the tokenizer in a file, as options of the encoding, which refuses a file that is of no kind."""
    model = read_json(path)["model"]
    if model["type"] != "WordLevel":
        return option("--kind", "bpe")
    words = [word for word in model["vocab"] if not word.startswith("[")]
    k = max(map(len, words), default=1)
    if k == 1:
        return option("--kind", "nucleotide")
    return [*option("--kind", "kmer" if "A" in words else "kmer_overlapping"), *option("--k", k)]
