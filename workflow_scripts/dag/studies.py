"""The stage ``studies``: what its rules ask for."""

from collections.abc import Callable

from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.pretrain import Pretraining, trained_model
from workflow_scripts.dag.rule_values import Wildcards, option
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.patterns import matching
from workflow_scripts.settings.studies import CorpusAblation, Length, TokenEnrichment, Variants

METHOD = "full"


class Studying:
    """The studies of a configuration, and the inputs and params of their rules.

    A study reads models and fits that other stages make; it may ask for fits that no run names.
    """

    def __init__(
        self, settings: Configuration, genomes: Genomes, pretraining: Pretraining, finetuning: Finetuning
    ) -> None:
        self.settings = settings.studies
        self.seed = settings.seed
        self.held_out_genomes = settings.genomes.validation.genomes
        self.genomes = genomes
        self.pretraining = pretraining
        self.finetuning = finetuning

    def results(self) -> list[str]:
        """The results of the studies of the configuration."""
        return [f"results/studies/{claim}/result.json" for claim in self.settings.chosen]

    # ---- what a study reads

    def losses(self, claim: str) -> list[str]:
        """The losses of the models of a study, and their summaries; none if it is not configured."""
        reading = "long" if claim == "length" else "trained"
        losses = [f"results/studies/losses/{reading}/{model}.parquet" for model in self._models(claim)]
        return [*losses, *(f"results/pretrain/{model}/summary.json" for model in self._models(claim))]

    def fits(self, claim: str) -> list[str]:
        """The results of the fits of a study."""
        study = self.settings.chosen.get(claim)
        return [
            f"results/finetune/{model}/{METHOD}/{dataset}/seed{seed}/{file}"
            for model in (study.fit_models if study else [])
            for dataset in self.datasets(claim)
            for seed in self.finetuning.settings.seeds
            for file in ("metrics.json", "predictions.parquet")
        ]

    def fitted_models(self, claim: str) -> list[str]:
        """The folders of the fitted models of a study."""
        return [path.replace("metrics.json", "model") for path in self.fits(claim) if path.endswith("metrics.json")]

    def pretrained_models(self, claim: str) -> list[str]:
        """The models of a study that are not fitted."""
        return [file for model in self._models(claim) for file in trained_model(model)]

    def rows(self, claim: str, *splits: str) -> list[str]:
        """The rows of the data sets of a study."""
        return [f"results/gue/{dataset}/{split}.csv" for dataset in self.datasets(claim) for split in splits]

    def sums(self, claim: str) -> list[str]:
        """The digests of the data sets of a study."""
        return [f"results/gue/{dataset}/SHA256SUMS" for dataset in self.datasets(claim)]

    def datasets(self, claim: str) -> list[str]:
        """The data sets of a study; many have none."""
        patterns = getattr(self.settings.chosen.get(claim), "datasets", [])
        return matching(self.finetuning.gue.registry, patterns)

    def options(self, claim: str) -> list[str]:
        """The models of a study by their roles, its data sets with the seeds of their fits, and its other values."""
        study = self.settings.chosen.get(claim)
        if study is None:
            return []
        words = [*self.scale_option(), *option("--seed", self.seed)]
        for key in (*study.roles, *study.values):
            value = getattr(study, key)
            words += option(f"--{key}", *(value if isinstance(value, list) else [value]))
        words += option("--datasets", *self.datasets(claim))
        words += option("--seeds", *self.finetuning.settings.seeds) if study.fit_models else []
        match study:
            case Length():
                words += option("--windows", *self.windows())
            case CorpusAblation():
                words += option("--held-out", *self.held_out_genomes)
            case Variants():
                words += option("--window", self._window(study.model))
        return words

    def scale_option(self) -> list[str]:
        return option("--scale", self.settings.scale)

    def windows(self) -> list[int]:
        """The windows of the study of lengths: multiples of the tokens that fit the trained length."""
        study = self.settings.length
        return [multiple * self._window(study.alibi) for multiple in study.multiples] if study else []

    # ---- a genome with its annotation

    def annotated(self, claim: str) -> dict[str, list[str]]:
        """The chunks and the tokens of the genome of a study, their tokenizer, and the annotation."""
        study = self.settings.annotated.get(claim)
        if study is None:
            return {"chunks": [], "tokens": [], "index": [], "tokenizer": [], "annotation": []}
        folder = f"results/tokenizer/{self.pretraining.vocabulary(study.model)}"
        return {
            "chunks": [f"results/genomes/chunks/{study.accession}.parquet"],
            "tokens": [f"{folder}/tokens/{study.accession}.npy"],
            "index": [f"{folder}/tokens/{study.accession}.index.npy"],
            "tokenizer": [f"{folder}/stats.json", f"{folder}/tokenizer.json"],
            "annotation": [study.features if isinstance(study, TokenEnrichment) else study.regions],
        }

    # ---- the loss of a model

    def model_files(self, wildcards: Wildcards) -> list[str]:
        return trained_model(wildcards.model)

    def tokenizer(self, wildcards: Wildcards) -> str:
        """The name of the tokenizer of a model."""
        return self.pretraining.vocabulary(wildcards.model)

    def tokenizer_files(self, wildcards: Wildcards) -> list[str]:
        folder = f"results/tokenizer/{self.tokenizer(wildcards)}"
        return [f"{folder}/tokenizer.json", f"{folder}/stats.json"]

    def shard_files(self, suffix: str) -> Callable[[Wildcards], list[str]]:
        """An input function: the shards of all genomes in the tokens of a model."""

        def files(wildcards: Wildcards) -> list[str]:
            folder = f"results/tokenizer/{self.tokenizer(wildcards)}/tokens"
            return [f"{folder}/{accession}{suffix}" for accession in self.genomes.species]

        return files

    def loss_windows(self, wildcards: Wildcards) -> list[int]:
        """The tokens that a model reads at once: as in its training, or the multiples of the study of lengths."""
        return self.windows() if wildcards.reading == "long" else [self._window(wildcards.model)]

    def mask_run(self, wildcards: Wildcards) -> int:
        return self.pretraining.models[wildcards.model].training.mask_run

    # ---- models

    def _window(self, model: str) -> int:
        """Tokens in a row of the training of a model, without [CLS] and [SEP]."""
        return self.pretraining.models[model].training.length - 2

    def _models(self, claim: str) -> list[str]:
        study = self.settings.chosen.get(claim)
        return list(dict.fromkeys(study.models)) if study else []
