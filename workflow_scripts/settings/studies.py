"""Section ``studies``: the claims of the paper that are tested, and the models that each test compares."""

from collections.abc import Collection, Iterator
from typing import Annotated, ClassVar

from pydantic import Field

from workflow_scripts.settings.fields import (
    Omittable,
    Patterns,
    Plain,
    Positive,
    Section,
    UniqueList,
    key,
    keys_of,
)
from workflow_scripts.settings.gue import Gue, dataset_errors

Models = Annotated[UniqueList[str], Field(min_length=1)]
DATASETS = "Data sets that they are fitted to, as in gue.datasets."


class Study(Section):
    """The models that a claim is tested on, and the data sets that they are fitted to."""

    roles: ClassVar[tuple[str, ...]] = ()
    """The keys that name models."""
    values: ClassVar[tuple[str, ...]] = ()
    """Other keys that the program takes as options."""
    fits: ClassVar[bool] = False
    """Whether fits of the models to data sets are read."""
    fits_only: ClassVar[bool] = False
    """Whether nothing else of the models is read, so that they may be entries of finetune.models too."""

    @property
    def models(self) -> list[str]:
        """All models of the study, in the order of its keys."""
        named = [getattr(self, role) for role in self.roles]
        return [model for value in named for model in ([value] if isinstance(value, str) else value)]

    @property
    def fit_models(self) -> list[str]:
        """The models whose fits are read."""
        return self.models if self.fits else []


class TokenizerAblation(Study):
    """Models that differ in their tokenizer only."""

    roles = ("bpe", "others", "sizes")
    fits = True
    bpe: str = key(..., "The model with BPE; all of this study are names of pretrain.")
    others: Models = key(..., "Models of other tokenizers, the one with overlapping k-mers first.")
    sizes: UniqueList[str] = key([], "Models with other sizes of the BPE vocabulary.")
    datasets: Patterns = key(..., DATASETS)


class SampleEfficiency(Study):
    """Fits to shares of the training rows (train_share), the same shares in each list."""

    roles = ("pretrained", "random", "baselines")
    fits = fits_only = True
    pretrained: Models = key(
        ..., "The pre-trained model, once for each share; these are names of pretrain or of finetune.models."
    )
    random: Models = key(..., "The same for the model with its initial weights.")
    baselines: UniqueList[str] = key([], "The same for baselines.")
    datasets: Patterns = key(..., DATASETS)


class Strands(Study):
    """Fits with and without reverse complements among their training rows."""

    roles = ("plain", "augmented")
    fits = fits_only = True
    plain: str = key(..., "The model fitted to the rows as they are; of pretrain or finetune.models.")
    augmented: str = key(..., "The same model fitted with reverse_complement_share.")
    datasets: Patterns = key(..., "Data sets whose labels hold for both strands, as in gue.datasets.")


class Length(Study):
    """Models that differ in their positions only, read beyond the length that they were trained at."""

    roles = ("alibi", "others")
    values = ("fitted",)
    alibi: str = key(..., "The model with ALiBi; all of this study are names of pretrain.")
    others: UniqueList[str] = key([], "Models with other positions.")
    multiples: Annotated[UniqueList[Positive], Field(min_length=1)] = key(
        [1, 2, 5, 10, 20], "Multiples of the trained length to read at once; the largest must fit a chunk."
    )
    fitted: UniqueList[str] = key(
        [],
        "The model with ALiBi, fitted to inputs of several lengths (max_tokens), the trained one first; of pretrain "
        "or finetune.models.",
    )
    datasets: list[str] = key([], DATASETS)

    @property
    def fit_models(self) -> list[str]:
        return self.fitted


class CorpusAblation(Study):
    """Models that differ in the genomes they saw, measured on those of genomes.validation.genomes."""

    roles = ("many", "one")
    many: str = key(..., "The model of many species; all of this study are names of pretrain.")
    one: Models = key(..., "Models of a single species each.")


class Scaling(Study):
    """Models of several sizes, and of several amounts of training."""

    roles = ("sizes", "data")
    sizes: Models = key(..., "Models from the smallest to the largest, trained alike; names of pretrain.")
    data: Models = key(..., "Models of one size, from the fewest to the most tokens of training.")


class Attention(Study):
    """The backends of attention that the machine has; no models."""

    values = ("lengths", "tokens")
    lengths: Annotated[UniqueList[Positive], Field(min_length=1)] = key(
        [128, 512, 2048], "Lengths of a sequence.", unit="tokens"
    )
    tokens: Positive = key(8192, "Tokens of a batch at every length.", unit="tokens")


class Embeddings(Study):
    """A pre-trained model and the same with its initial weights, neither of them fitted."""

    roles = ("pretrained", "random")
    pretrained: str = key(..., "The pre-trained model; both are names of pretrain.")
    random: str = key(..., "The same model with its initial weights.")
    datasets: Patterns = key(..., "Data sets of one sequence and a class a row, as in gue.datasets.")


class Variants(Study):
    """A model of single nucleotides, and the coding regions of a genome of the corpus."""

    roles = ("model",)
    model: str = key(..., "A model of pretrain whose tokenizer has kind nucleotide.")
    accession: str = key(..., "The genome, an accession of the species table.")
    regions: Plain = key(
        ..., "Its coding regions: BED with six columns, each one exon that begins with a whole codon.", min_length=1
    )


class TokenEnrichment(Study):
    """A model whose vocabulary is looked at, and the annotated features of a genome of the corpus."""

    roles = ("model",)
    model: str = key(..., "A model of pretrain with a learned vocabulary.")
    accession: str = key(..., "The genome, an accession of the species table.")
    features: Plain = key(..., "Its features: BED whose names are the kinds of the features.", min_length=1)


class Studies(Section):
    """The claims that are tested; one that is left out is not."""

    scale: Plain = key("", "What the page says about the scale of the studies, such as laptop.")
    genome_chunks: Positive = key(32, "Held-out chunks of a genome, at most, on which studies measure losses.")
    threads: Positive = key(4, "Threads of a study; they matter on a machine without a GPU.")
    gpus: Annotated[int, Field(ge=0, le=1)] = key(1, "GPUs of a study that runs models, 1 or 0.")
    tokenizers: Omittable[TokenizerAblation] = key(None, "Whether BPE beats overlapping k-mers at equal compute.")
    sample_efficiency: Omittable[SampleEfficiency] = key(
        None, "Whether pre-training helps when there are few training rows."
    )
    strands: Omittable[Strands] = key(
        None, "Whether a model with BPE needs no reverse complements to agree on both strands."
    )
    length: Omittable[Length] = key(None, "Whether a model with ALiBi gains from reading more than its trained length.")
    corpus: Omittable[CorpusAblation] = key(None, "Whether many species generalize better than one.")
    scaling: Omittable[Scaling] = key(None, "Whether the loss falls with the size of the model, and with training.")
    embeddings: Omittable[Embeddings] = key(None, "Whether frozen embeddings tell more than counts of k-mers.")
    tokens: Omittable[TokenEnrichment] = key(None, "Whether learned tokens are enriched in annotated features.")
    variants: Omittable[Variants] = key(None, "Whether zero-shot scores of variants know the reading frame.")
    attention: Omittable[Attention] = key(None, "Whether fused attention is faster, without loss.")

    @property
    def chosen(self) -> dict[str, Study]:
        """The studies of the configuration by name, in the order of the keys."""
        values = {name: getattr(self, name) for name, _, _ in keys_of(Studies)}
        return {name: value for name, value in values.items() if isinstance(value, Study)}

    @property
    def annotated(self) -> dict[str, TokenEnrichment | Variants]:
        """Those of the chosen studies that look at one annotated genome."""
        return {name: study for name, study in self.chosen.items() if isinstance(study, TokenEnrichment | Variants)}


def studies_errors(
    studies: Studies, pretrained: Collection[str], fitted: Collection[str], gue: Gue, names: list[str]
) -> Iterator[str]:
    """Models and data sets that do not exist: of ``pretrained``, of all that can be ``fitted``, of ``names``."""
    for claim, study in studies.chosen.items():
        both = list(dict.fromkeys([*pretrained, *fitted]))
        known = both if study.fits_only else [*pretrained]
        for model, names_of in [*((m, known) for m in study.models), *((m, both) for m in study.fit_models)]:
            if model not in names_of:
                yield f"config studies.{claim}: no model {model!r}; defined are {', '.join(names_of)}"
                break
        if patterns := getattr(study, "datasets", None):
            yield from dataset_errors(f"studies.{claim}.datasets", patterns, names, gue.registry)
