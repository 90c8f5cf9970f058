"""The stage ``pretrain``: what its rules ask for."""

from collections.abc import Callable
from pathlib import Path

from workflow_scripts.dag.file_digests import digests, tidy
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.rule_values import Wildcards, as_json, option
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.patterns import matching
from workflow_scripts.settings.pretrain import RUNNING, Model, first_of_chain, vocabulary_of, weights_file


def trained_model(name: str) -> list[str]:
    """What depends on a model that is trained here depends on the digests of its files."""
    return [f"results/pretrain/{name}/SHA256SUMS"]


class Pretraining:
    """The models that are trained here, and the inputs, params and resources of their rules."""

    def __init__(self, settings: Configuration, genomes: Genomes) -> None:
        self.seed = settings.seed
        self.models = settings.pretrain
        self.genomes = genomes

    # ---- inputs and params

    def start_files(self, wildcards: Wildcards) -> list[str]:
        """The model that a further pre-training starts from, if it is trained here."""
        start = self.models[wildcards.model].start
        return trained_model(str(start)) if start in self.models else []

    def start_option(self, wildcards: Wildcards) -> list[str]:
        return option("--start", self._start(wildcards.model))

    def start_content(self, wildcards: Wildcards) -> list[str]:
        """What a further pre-training starts from: a model that is trained here, or the digests of a user's files."""
        start = self.models[wildcards.model].start
        if start is None or start in self.models:
            return self.start_option(wildcards)
        names = ("config.json", weights_file(Path(start)).name, "tokenizer.json", "tokenizer_config.json")
        return digests(f"{start}/{name}" for name in names)

    def tokenizer_file(self, wildcards: Wildcards) -> str:
        """The tokenizer of a model; a further pre-training keeps the one of the model it starts from."""
        if start := self._start(wildcards.model):
            return tidy(f"{start}/tokenizer.json")
        return f"results/tokenizer/{self.models[wildcards.model].tokenizer}/tokenizer.json"

    def made_tokenizer(self, wildcards: Wildcards) -> list[str]:
        """The tokenizer of a model, if it is made here; that of a user's directory may move."""
        file = self.tokenizer_file(wildcards)
        return [file] if file.startswith("results/") else []

    def tokenizer_folder(self, wildcards: Wildcards) -> str:
        return str(Path(self.tokenizer_file(wildcards)).parent)

    def tokenizer_statistics(self, name: str) -> str | None:
        """The statistics of the tokenizer of a model; none if the tokenizer came with a model from elsewhere."""
        model = self.models[first_of_chain(name, self.models)]
        return None if model.start else f"results/tokenizer/{model.tokenizer}/stats.json"

    def vocabulary(self, name: str) -> str:
        """In whose tokens a model reads genomes, a folder of results/tokenizer."""
        return vocabulary_of(name, self.models)

    def shards(self, wildcards: Wildcards) -> str | list[str]:
        """What a model is trained on: the shard of its training sets, the folder of the shards of all genomes, or the
        shards of the genomes that it names."""
        model = self.models[wildcards.model]
        if model.data == "gue":
            return f"results/pretrain/training_sets/{wildcards.model}/train.npy"
        folder = f"results/tokenizer/{self.vocabulary(wildcards.model)}/tokens"
        if model.genomes is None:
            return folder
        return [f"{folder}/{accession}.npy" for accession in matching(self.genomes.species, model.genomes)]

    def shard_files(self, suffix: str) -> Callable[[Wildcards], list[str]]:
        """An input function: the files with this suffix of all shards that a model is trained on."""

        def files(wildcards: Wildcards) -> list[str]:
            shards = self.shards(wildcards)
            if isinstance(shards, str) and not shards.endswith(".npy"):
                return [f"{shards}/{accession}{suffix}" for accession in self.genomes.species]
            named = [shards] if isinstance(shards, str) else shards
            return [shard.removesuffix(".npy") + suffix for shard in named]

        return files

    def architecture(self, wildcards: Wildcards) -> str:
        """The sizes of a model as JSON; none for one that has those of the model it starts from."""
        architecture = self.models[wildcards.model].architecture
        return as_json(architecture.model_dump() if architecture else {})

    def training(self, wildcards: Wildcards) -> str:
        """The settings that make a model what it is, as JSON."""
        training = self.models[wildcards.model].training.model_dump(exclude=set(RUNNING))
        return as_json(training | {"seed": self.seed})

    # ---- resources

    def nodes(self, wildcards: Wildcards) -> int:
        return self.models[wildcards.model].nodes

    def node_gpus(self, wildcards: Wildcards) -> int:
        """GPUs of a job on each of its nodes."""
        return self.models[wildcards.model].gpus

    def gpus(self, wildcards: Wildcards) -> int:
        """GPUs of the whole job, on all its nodes."""
        model = self.models[wildcards.model]
        return model.gpus * model.nodes

    def threads(self, wildcards: Wildcards) -> int:
        """Threads of each process that the job starts as a task.

        On one node torchrun's processes share a task; on several, each of srun's is a task.
        """
        model = self.models[wildcards.model]
        return model.threads * (_tasks_per_node(model) if model.nodes == 1 else 1)

    def slurm_extra(self, wildcards: Wildcards) -> str:
        """A warning five minutes before the time is up; on several nodes, an equal share of the job on each."""
        model = self.models[wildcards.model]
        options = ["--signal=USR1@300"]
        if model.nodes > 1:
            gpus = [f"--gpus-per-node={model.gpus}"] if model.gpus else []
            options += [f"--ntasks-per-node={_tasks_per_node(model)}", *gpus]
        return " ".join(options)

    # Of a job on several nodes only; None leaves the resource unset.

    def mpi(self, wildcards: Wildcards) -> str | None:
        """srun starts the processes: then the job itself may not be a step of one task."""
        return "srun" if self.models[wildcards.model].nodes > 1 else None

    def tasks(self, wildcards: Wildcards) -> int | None:
        """Processes of the whole job: one a GPU, or one a node without GPUs."""
        model = self.models[wildcards.model]
        return _tasks_per_node(model) * model.nodes if model.nodes > 1 else None

    def tasks_per_gpu(self, wildcards: Wildcards) -> int | None:
        """Without a 0 the plugin would ask Slurm for all tasks on each GPU."""
        return 0 if self.models[wildcards.model].nodes > 1 else None

    # ---- models

    def _start(self, name: str) -> str | None:
        """The folder of the model that a further pre-training starts from; None for one that starts from nothing."""
        start = self.models[name].start
        return f"results/pretrain/{start}" if start in self.models else start


def _tasks_per_node(model: Model) -> int:
    return max(model.gpus, 1)
