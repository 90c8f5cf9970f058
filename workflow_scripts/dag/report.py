"""The stage ``report``: what its rules ask for."""

import json
from pathlib import Path
from typing import Any

from workflow_scripts.dag.file_digests import tidy
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.pretrain import Pretraining
from workflow_scripts.dag.rule_values import as_json, option
from workflow_scripts.dag.studies import Studying
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.corpora import corpus_note


class Reporting:
    """The tables and the page of a configuration, and the inputs and params of their rules.

    trained: the models that are pre-trained here and that a run names.
    """

    def __init__(
        self,
        settings: Configuration,
        pretraining: Pretraining,
        gue: Gue,
        finetuning: Finetuning,
        studying: Studying,
    ) -> None:
        self.settings = settings.report
        self.simulated = settings.demo is not None
        self.corpus = settings.genomes.corpus
        self.pretraining = pretraining
        self.gue = gue
        self.finetuning = finetuning
        self.studying = studying
        fitted = {finetuning.trained_here(model) for model in finetuning.fitted_models()}
        self.trained = [model for model in settings.pretrain if model in fitted]

    def of_training(self, *files: str) -> list[str]:
        """Files about how models were trained here; none if no run names such a model.

        Then no genome is fetched for the page.
        """
        return list(files) if self.trained else []

    def training_option(self, flag: str, *files: str) -> list[str]:
        return option(flag, *self.of_training(*files))

    # ---- results of the fits

    def fit_files(self, name: str) -> list[str]:
        """A file of every fit; only those that exist, if the report may do without the rest."""
        return self._files(self.finetuning.fits, name)

    def twinned_fits(self, name: str) -> list[str]:
        """The same of the fits to data sets that have a homology twin, and of those to the twins."""
        return self._files([*self.finetuning.folders(self._twinned_runs()), *self.finetuning.twin_fits], name)

    def _files(self, fits: list[str], name: str) -> list[str]:
        paths = [f"{fit}/{name}" for fit in fits]
        return [path for path in paths if Path(path).is_file()] if self.settings.missing_fits else paths

    def planned(self) -> str:
        """The runs with their data sets as JSON."""
        return as_json(self.finetuning.runs)

    def twinned(self) -> str:
        """The runs with their data sets that have homology twins, as JSON."""
        return as_json(self._twinned_runs())

    def _twinned_runs(self) -> list[dict[str, Any]]:
        return [
            run | {"datasets": [name for name in run["datasets"] if name in self.gue.twins]}
            for run in self.finetuning.runs
        ]

    def homology_table(self) -> list[str]:
        return ["results/report/gue_homology.tsv"] if self.gue.twins else []

    def homology_option(self) -> list[str]:
        return option("--homology", *self.homology_table())

    def custom_option(self) -> list[str]:
        """The metric of each custom data set."""
        return option("--custom", *(f"{name}={self.gue.registry[name]['metric']}" for name in self.gue.settings.custom))

    def floors_option(self) -> list[str]:
        """The fitted models that have learned from no genome: baselines, and initial weights."""
        return option("--floors", *(name for name in self.finetuning.fitted_models() if self._is_floor(name)))

    def _is_floor(self, name: str) -> bool:
        trained = self.finetuning.trained_here(name)
        if trained is None:
            return self.finetuning.entry(name).baseline is not None
        model = self.finetuning.pretrained[trained]
        return model.start is None and model.training.steps == 0

    def simulated_flag(self) -> list[str]:
        return ["--simulated"] if self.simulated else []

    # ---- costs of the models

    def counted(self) -> str:
        """The fitted models as JSON, in their order: the file with the architecture of each, and what says how it cuts
        bases into tokens."""
        return json.dumps(self._counted_models())

    def counted_files(self) -> list[str]:
        """What there is to read of the counted models; of one from the hub the folder to which it is fetched."""
        files = []
        for name, model in self._counted_models().items():
            fetched = self.finetuning.entry(name).hub is not None
            files += [self.finetuning.directory(name) if fetched else model["config"], model["statistics"]]
        return [file for file in files if file]

    def _counted_models(self) -> dict[str, dict[str, Any]]:
        models = {}
        for name in self.finetuning.fitted_models():
            folder = self.finetuning.directory(name)
            trained = self.finetuning.trained_here(name)
            models[name] = {
                "config": tidy(f"{folder}/config.json") if folder else None,
                "statistics": self.pretraining.tokenizer_statistics(trained) if trained else None,
                "kmer": self.finetuning.entry(name).kmer,
            }
        return models

    # ---- the page

    def study_results(self) -> list[str]:
        """The results of all studies: those configured, and that of the tokenizers if models are trained here."""
        return [*self.of_training("results/studies/tokenization/result.json"), *self.studying.results()]

    def studies_option(self) -> list[str]:
        return option("--studies", *self.study_results())

    def notice_option(self) -> list[str]:
        return option("--notice", self.settings.notice)

    def corpus_note_option(self) -> list[str]:
        return option("--corpus-note", corpus_note(self.corpus))
