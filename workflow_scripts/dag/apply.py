"""The stage ``apply``: what its rules ask for."""

import re
from pathlib import Path

from workflow_scripts.dag.file_digests import digests
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.rule_values import Wildcards, as_json, option
from workflow_scripts.settings.apply import Application
from workflow_scripts.settings.configuration import Configuration

SIMULATED = "results/demo/apply"
NOTHING = "no_such_name"  # a wildcard that is allowed no value would be allowed every value


class Applying:
    """The applications of a configuration, and the inputs and params of their rules."""

    def __init__(self, settings: Configuration, finetuning: Finetuning) -> None:
        self.settings = settings.apply
        self.simulated = settings.demo is not None
        self.finetuning = finetuning

    def results(self) -> list[str]:
        """The folders of all applications."""
        return [f"results/apply/{name}" for name in self.settings]

    def names(self, *do: str) -> str:
        """A pattern of the names of the applications that do one of these."""
        return "|".join(re.escape(name) for name, entry in self.settings.items() if entry.do in do) or NOTHING

    def parts(self, wildcards: Wildcards) -> list[str]:
        """The files of all parts of an application."""
        of = self.settings[wildcards.name].parts
        return [f"results/apply/.parts/{wildcards.name}/{number}of{of}.parquet" for number in range(1, of + 1)]

    # ---- models

    def model_files(self, wildcards: Wildcards) -> list[str]:
        """What decides the models of an application, of those that the workflow makes or fetches."""
        entry = self.settings[wildcards.name]
        if entry.fit is not None:
            return [f"{folder}/metrics.json" for folder in self._fits(entry)]
        return self.finetuning.files_of(entry.model) if entry.model is not None else []

    def model_folders(self, wildcards: Wildcards) -> list[str]:
        """The folders that are read, of models that the workflow makes or fetches."""
        entry = self.settings[wildcards.name]
        if entry.fit is not None:
            return [f"{folder}/model" for folder in self._fits(entry)]
        return self.finetuning.fetched(entry.model) if entry.model is not None else []

    def models(self, wildcards: Wildcards) -> list[str]:
        """What is loaded, a JSON object for each model."""
        entry = self.settings[wildcards.name]
        if entry.fit is not None:
            trusted = self._trusted(entry.fit.split("/")[0])
            return [as_json(trusted | {"directory": folder}) for folder in self.model_folders(wildcards)]
        if entry.model is not None:
            kmer = self.finetuning.entry(entry.model).kmer
            reading = self._trusted(entry.model) | ({"kmer": kmer} if kmer else {})
            return [as_json(reading | {"directory": self.finetuning.directory(entry.model)})]
        return [as_json({"directory": entry.directory})]

    def interpreter(self, wildcards: Wildcards) -> str:
        """The Python that runs the models: that of an entry with an environment of its own, else ``python``."""
        entry = self.settings[wildcards.name]
        model = entry.fit.split("/")[0] if entry.fit is not None else entry.model
        return (self.finetuning.entry(model).environment if model else None) or "python"

    def _fits(self, entry: Application) -> list[str]:
        return [f"results/finetune/{entry.fit}/seed{seed}" for seed in entry.seeds or self.finetuning.settings.seeds]

    def _trusted(self, model: str) -> dict[str, bool]:
        return {"trust_remote_code": True} if self.finetuning.entry(model).trust_remote_code else {}

    # ---- inputs and options

    def simulated_files(self) -> list[str]:
        """What the demo makes for applications."""
        paths = [path for entry in self.settings.values() for path in self._paths(entry)]
        return sorted({path for path in paths if path.startswith(f"{SIMULATED}/")})

    def simulated_inputs(self, wildcards: Wildcards) -> list[str]:
        """What is read of what the demo makes; of a real run none, as files of the user are known by their content."""
        paths = self._paths(self.settings[wildcards.name])
        return [path for path in paths if self.simulated and path.startswith(f"{SIMULATED}/")]

    def content(self, wildcards: Wildcards) -> list[str]:
        """The digests of what is read of the user's files."""
        entry = self.settings[wildcards.name]
        folder = sorted(map(str, Path(entry.directory).rglob("*"))) if entry.directory else []
        made = self.simulated_inputs(wildcards)
        mine = [path for path in self._paths(entry) if path not in made]
        return digests([*mine, *(path for path in folder if Path(path).is_file())])

    def reading(self, wildcards: Wildcards) -> list[str]:
        """The options that name input and genome."""
        entry = self.settings[wildcards.name]
        return [*option("--input", entry.input), *option("--genome", entry.genome)]

    def input_file(self, wildcards: Wildcards) -> str:
        """The input alone."""
        return self.settings[wildcards.name].input

    def options(self, wildcards: Wildcards) -> list[str]:
        """What else decides the results."""
        entry = self.settings[wildcards.name]
        words = [*option("--window", entry.window), *option("--step", entry.step)]
        words += ["--both-strands"] if entry.both_strands else []
        if entry.do == "embed":
            words += [*option("--layers", *entry.layers), *option("--pooling", entry.pooling)]
        if entry.do == "variants":
            words += [*option("--scores", *entry.scores), *option("--mismatches", entry.mismatches)]
            words += option("--layers", *entry.layers) if "layers" in entry.model_fields_set else []
        if entry.do in ("explain", "motifs"):
            words += option("--class", entry.explained)
            words += ["--steps", "0", "--shuffled"] if entry.do == "motifs" else option("--steps", entry.steps)
        return words

    def pictures(self, wildcards: Wildcards) -> int:
        """How many sequences are drawn."""
        return self.settings[wildcards.name].pictures

    def matrices(self, wildcards: Wildcards) -> list[str]:
        """The option that names known motifs."""
        return option("--motifs", self.settings[wildcards.name].matrices)

    def labels(self, wildcards: Wildcards) -> list[str]:
        """The option that names the labels of variants."""
        return option("--labels", self.settings[wildcards.name].labels)

    def formats(self, wildcards: Wildcards) -> list[str]:
        """The formats that embeddings are written in."""
        return [*self.settings[wildcards.name].formats]

    def _paths(self, entry: Application) -> list[str]:
        """The files that an application reads beside the models."""
        return [path for path in (entry.input, entry.genome, entry.matrices) if path is not None]
