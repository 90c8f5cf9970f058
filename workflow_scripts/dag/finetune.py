"""The stage ``finetune``: the fits of a configuration, and what their rules ask for."""

from pathlib import Path
from typing import Any

from workflow_scripts.common.files import read_table
from workflow_scripts.dag.costs import (
    BASES_PER_TOKEN,
    Encoder,
    architecture_of,
    bases_per_token,
    bpe_in,
    encoder_in,
    fit_flops,
    published_encoders,
    training_rows,
)
from workflow_scripts.dag.file_digests import digests
from workflow_scripts.dag.fit_settings import fit_settings
from workflow_scripts.dag.gue import Gue, dataset_name
from workflow_scripts.dag.pretrain import trained_model
from workflow_scripts.dag.rule_values import Wildcards, as_json, option
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.fit_settings import FitSettings
from workflow_scripts.settings.fitted_models import Model
from workflow_scripts.settings.names import FROZEN
from workflow_scripts.settings.patterns import matching
from workflow_scripts.settings.pretrain import first_of_chain
from workflow_scripts.settings.tokenizer import Tokenizer

# Files of a foreign model directory that a fit may read.
READ_FILES = [
    *("config.json", "*.safetensors", "pytorch_model*.bin", "tokenizer*.json"),
    *("vocab.txt", "vocab.json", "merges.txt"),
]
UNKNOWN_MINUTES = 480
SHORT_MINUTES = 30  # shorter fits share a cluster job
# Operations a second, a quarter of what the paper's pre-training reached: 262 billion tokens in 14 days on eight GPUs
# are 1.9e13 on each. A core is taken to do 1e11.
GPU_RATE, CORE_RATE = 5e12, 1e11


class Finetuning:
    """The fits of a configuration, and the inputs, params, resources and groups of their rules.

    runs: model by model and method, with the data sets that the patterns of a run choose, as {model, method, datasets}.
    twin_runs: the same on the homology twins of these data sets; none if there are no twins.
    fits, twin_fits: the folders of all fits, one per model, method, data set and seed, each once.
    """

    def __init__(self, settings: Configuration, gue: Gue) -> None:
        self.settings = settings.finetune
        self.pretrained = settings.pretrain
        self.tokenizers = settings.tokenizer
        self.gue = gue
        self.hparams = read_table(settings.finetune.hparams)
        self.families = {row["family"]: row for row in read_table(settings.finetune.families)}
        self._encoders: dict[str, Encoder | None] = {}
        self.runs: list[dict[str, Any]] = [
            {"model": model, "method": run.method, "datasets": matching(gue.datasets, run.datasets)}
            for run in settings.finetune.runs
            for model in run.models
        ]
        self.twin_runs = [
            run | {"datasets": [gue.twins[name] for name in run["datasets"] if name in gue.twins]} for run in self.runs
        ]
        self.fits, self.twin_fits = self.folders(self.runs), self.folders(self.twin_runs)

    def folders(self, runs: list[dict[str, Any]]) -> list[str]:
        """The folders of the fits of runs."""
        names = (
            f"results/finetune/{run['model']}/{run['method']}/{dataset}/seed{seed}"
            for run in runs
            for dataset in run["datasets"]
            for seed in self.settings.seeds
        )
        return list(dict.fromkeys(names))

    def entry(self, model: str) -> Model:
        """The entry of a model in finetune.models; an empty one for a model that is trained here."""
        return self.settings.models.get(model, Model())

    def family(self, model: str) -> dict[str, str]:
        """The row of a model's family, empty if its entry names none."""
        return self.families[name] if (name := self.entry(model).family) else {}

    def fitted_models(self) -> list[str]:
        """The models that a run names, each once, in their order."""
        return list(dict.fromkeys(run["model"] for run in self.runs))

    # ---- models

    def trained_here(self, model: str) -> str | None:
        """The model of the section pretrain that is fitted under this name; None if it is not trained here."""
        return model if model in self.pretrained else self.entry(model).pretrained

    def directory(self, model: str) -> str | None:
        """The folder in which a model is trained, to which it is fetched, or in which it lies; None of a baseline."""
        if trained := self.trained_here(model):
            return f"results/pretrain/{trained}"
        return f"results/finetune/models/{model}" if self.entry(model).hub else self.entry(model).directory

    def tokenizer(self, model: str) -> Tokenizer | None:
        """What a model reads, if it is trained here or lies in a directory, as far as it is known before the run."""
        origin = model
        if trained := self.trained_here(model):
            first = self.pretrained[first_of_chain(trained, self.pretrained)]
            if first.start is None:
                return self.tokenizers.get(str(first.tokenizer))
            origin = first.start
        return bpe_in(Path(self.entry(origin).directory or origin))

    def model_files(self, wildcards: Wildcards) -> list[str]:
        """What a fit depends on of a model that the workflow makes or fetches, see files_of."""
        return self.files_of(wildcards.model)

    def files_of(self, model: str) -> list[str]:
        """What decides a model that the workflow makes or fetches; the record of one of the hub."""
        if trained := self.trained_here(model):
            return trained_model(trained)
        return [f"results/finetune/models/{model}.json"] if self.entry(model).hub else []

    def fetched_model(self, wildcards: Wildcards) -> list[str]:
        """The folder of a model of the hub."""
        return self.fetched(wildcards.model)

    def fetched(self, model: str) -> list[str]:
        """The folder to which a model of the hub is fetched; none of another."""
        return [f"results/finetune/models/{model}"] if self.entry(model).hub else []

    def foreign_content(self, wildcards: Wildcards) -> list[str]:
        """The digests of the files that a fit reads of a model in a user's directory."""
        entry = self.entry(wildcards.model)
        if entry.directory is None:
            return []
        patterns = [*READ_FILES, *(["*.py"] if entry.trust_remote_code else [])]
        return digests(sorted(str(path) for pattern in patterns for path in Path(entry.directory).glob(pattern)))

    def model(self, wildcards: Wildcards) -> str:
        """What a fit loads, as JSON: a directory and how it is read, or a baseline."""
        folder = self.directory(wildcards.model)
        return as_json(self._reading(wildcards.model) | ({"directory": folder} if folder else {}))

    def reading(self, wildcards: Wildcards) -> str:
        """What decides a fit of that; a user's directory is known by its content, not by where it lies."""
        return (
            as_json(self._reading(wildcards.model)) if self.entry(wildcards.model).directory else self.model(wildcards)
        )

    def _reading(self, model: str) -> dict[str, Any]:
        keys = {"kmer", "trust_remote_code", "environment", "baseline"}
        return self.entry(model).model_dump(include=keys, exclude_defaults=True)

    def hub_options(self, wildcards: Wildcards) -> list[str]:
        """Where a model of the hub lies, and whether its code is fetched with it."""
        entry = self.entry(wildcards.model)
        code = ["--code"] if entry.trust_remote_code else []
        return [*option("--hub", entry.hub), *option("--revision", entry.revision), *code]

    # ---- fits

    def fit_settings(self, wildcards: Wildcards) -> str:
        """The settings of one fit as JSON; what is written for another task does not change it."""
        return as_json(self._settings(wildcards).model_dump(exclude_unset=True))

    def flops(self, wildcards: Wildcards) -> float | None:
        """FLOPs of the training steps of a fit; None if the sizes of its model or data set are not known before."""
        encoder = self.encoder(wildcards.model)
        row = self.gue.registry[dataset_name(wildcards)]
        if encoder is None or not row.get("length"):
            return None
        gue = self.gue.settings
        limit = gue.max_rows.train if gue.origin == "primary" else 0
        rows = min(int(row["train"]), limit or int(row["train"]))
        bases = gue.length.get(wildcards.task, int(row["length"]))
        settings, classes = self._settings(wildcards), row["classes"].count(";") + 1
        rows = training_rows(settings, rows, classes if row["classes"] else 0)
        return fit_flops(settings, encoder, rows, bases, wildcards.method in FROZEN)

    def encoder(self, model: str) -> Encoder | None:
        """What the cost of a model depends on; None if it is not known before the run, or of a baseline."""
        if model not in self._encoders:
            self._encoders[model] = self._encoder(model)
        return self._encoders[model]

    def _encoder(self, model: str) -> Encoder | None:
        entry = self.entry(model)
        sizes = architecture_of(self.trained_here(model) or "", self.pretrained)
        tokenizer = self.tokenizer(model)
        if sizes is not None and tokenizer is not None:
            widths = sizes.num_hidden_layers, sizes.hidden_size, sizes.intermediate_size
            return Encoder(*widths, True, bases_per_token(tokenizer))
        known = published_encoders().get((entry.hub or "", entry.revision or ""))
        folder = self.directory(model)
        return known or (encoder_in(Path(folder), entry.kmer) if folder else None)

    def minutes(self, wildcards: Wildcards, attempt: int) -> int:
        """A quarter of an hour, and the time of the operations at a quarter of a good speed."""
        flops = self.flops(wildcards)
        if flops is None:
            return attempt * UNKNOWN_MINUTES
        rate = GPU_RATE if self.settings.gpus else CORE_RATE * self.settings.threads
        return attempt * (15 + round(flops / rate / 60))

    def shared_job(self, wildcards: Wildcards) -> str | None:
        """Short fits share a job, and so a GPU and the server of the fits."""
        return "small_fits" if self.minutes(wildcards, 1) <= SHORT_MINUTES else None

    def _settings(self, wildcards: Wildcards) -> FitSettings:
        model, row = wildcards.model, self.gue.registry[dataset_name(wildcards)]
        family = self.family(model)
        suit = self._limits_suit(model)
        return fit_settings(self.settings, model, wildcards.method, row, self.hparams, suit, family)

    def _limits_suit(self, model: str) -> bool:
        """Whether the released limits hold whole sequences in the tokens of a model.

        Those of DNABERT-2 do for BPE with at least as many entries as its own. The others, and those of a model of the
        hub, are for the family that the entry names.
        """
        entry, family = self.entry(model), self.family(model)
        if family:
            return family["limits"] == "yes"
        if entry.hub or entry.released != "dnabert2":
            return True
        tokenizer = self.tokenizer(model)
        return tokenizer is not None and tokenizer.kind == "bpe" and bases_per_token(tokenizer) >= BASES_PER_TOKEN
