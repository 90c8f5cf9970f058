"""Names and values that several sections and stages share; only the standard library, for scripts without pydantic."""

from typing import Literal, get_args

SEED = 42  # of every random choice that is given none

Split = Literal["train", "dev", "test"]
SPLITS: tuple[str, ...] = get_args(Split)
HOMOLOGY_TWIN = ".homology"  # at the end of the name of a data set whose rows are split again (gue.homology_twins)

TASKS = ("emp", "promoter", "core_promoter", "tf_human", "tf_mouse", "splice", "covid", "epi", "species")
BINDING_TASKS = ("tf_human", "tf_mouse")  # whose peaks may be drawn from candidates

Problem = Literal["classification", "regression", "multilabel"]
PROBLEM: Problem = "classification"  # of a data set that names none, such as those of GUE
METRICS: dict[str, tuple[str, ...]] = {  # the scores by which models can be compared, the default first
    "classification": ("mcc", "f1", "accuracy", "auroc", "auprc"),
    "regression": ("spearman", "pearson"),
    "multilabel": ("f1", "auroc", "auprc"),
}
AREAS = ("auroc", "auprc")  # of classification also for one class against the others, as auroc:enhancer

MIN_STEPS = 300  # of a fit, by default

Method = Literal["full", "lora", "probe", "knn"]
METHODS: tuple[str, ...] = get_args(Method)
FROZEN = ("probe", "knn")  # methods that leave the encoder as it is

# What is read of a model that is trained here, beside its card and log; SHA256SUMS in its folder has their digests.
MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")

Precision = Literal["auto", "bf16", "fp16", "fp32"]
PRECISION: Precision = "auto"  # what the hardware computes

Baseline = Literal["kmer_regression", "cnn"]
BASELINES: tuple[str, ...] = get_args(Baseline)

FixedKind = Literal["kmer_overlapping", "kmer", "nucleotide"]
FIXED_KINDS: tuple[str, ...] = get_args(FixedKind)  # of tokenizers that are not trained
TokenizerKind = Literal["bpe", FixedKind]
TOKENIZER_KINDS: tuple[str, ...] = ("bpe", *FIXED_KINDS)

Replicon = Literal["organelle", "plasmid"]
REPLICONS: tuple[str, ...] = get_args(Replicon)  # that a header can name

Duplicates = Literal["keep", "exact", "reverse_complement"]
DUPLICATES: tuple[str, ...] = get_args(Duplicates)
