"""What a run is going to do and about what it costs, said before it starts."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from workflow_scripts.common.files import read_json
from workflow_scripts.common.model_files import is_commit
from workflow_scripts.dag.costs import (
    CHUNKS,
    CUT,
    ENCODE,
    GZIP,
    TOKENS,
    architecture_of,
    pretraining_bytes,
    pretraining_flops,
)
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.hub_sizes import HubSizes
from workflow_scripts.dag.plan_lines import LARGE_BYTES, LARGE_OPERATIONS, Line, bases, duration, effort, size
from workflow_scripts.dag.pretrain import Pretraining
from workflow_scripts.dag.rule_values import Wildcards

Job = tuple[str, Wildcards]
"""The name of a rule, and the wildcards of the job."""

FEW_BLOCKS = 3  # with so many held out on average, one corpus of twenty has none
SECONDS_TO_STOP = 10


def of_rule(jobs: Iterable[Job], rule: str) -> list[Wildcards]:
    """The wildcards of the jobs of a rule."""
    return [wildcards for name, wildcards in jobs if name == rule]


class Plan:
    """Says what the jobs of a run are and about what they cost, stage by stage; cheap jobs are left out."""

    def __init__(self, genomes: Genomes, pretraining: Pretraining, finetuning: Finetuning) -> None:
        self.genomes = genomes
        self.pretraining = pretraining
        self.finetuning = finetuning

    def say(self, jobs: Iterable[Job], in_doubt: int) -> bool:
        """Print the plan of these jobs, of which some may turn out to be unneeded; returns whether it is a long run."""
        lines = self.lines(list(jobs))
        if in_doubt:
            text = f"{in_doubt:,} of the jobs have results, and run again only if what they read comes out different"
            lines.append(Line(text))
        for line in lines:
            print(f"to do: {line.text}", file=sys.stderr, flush=True)
        return any(line.large for line in lines)

    def say_and_wait(self, jobs: Iterable[Job], in_doubt: int) -> None:
        """Print the plan; on a terminal wait some seconds before a long run, in which Ctrl-C stops it."""
        if self.say(jobs, in_doubt) and sys.stderr.isatty():
            text = f"This is a long run; Ctrl-C within {SECONDS_TO_STOP} s stops it."
            print(text, file=sys.stderr, flush=True)
            time.sleep(SECONDS_TO_STOP)

    def lines(self, jobs: Sequence[Job]) -> list[Line]:
        makers = ("build_dataset", "import_dataset", "take_dataset", "split_by_homology")
        made = sum(len(of_rule(jobs, rule)) for rule in makers)
        return [
            *self._genome_lines(jobs),
            *self._held_out_lines(jobs),
            *self._pretraining_lines(jobs),
            *self._hub_lines(jobs),
            *([Line(f"data sets: {made}")] if made else []),
            *self._fit_lines(jobs),
        ]

    def _genome_lines(self, jobs: Sequence[Job]) -> Iterator[Line]:
        """Downloads, disk and processor time."""
        fetched, cut, encoded = (
            sum(self.genomes.sizes[job.accession] for job in of_rule(jobs, rule))
            for rule in ("download_genome", "chunk_genome", "encode_genome")
        )
        if fetched:
            count = len(of_rule(jobs, "download_genome"))
            text = f"genomes: {count:,} of {bases(fetched)} to fetch, about {size(fetched * GZIP)}"
            yield Line(text, fetched * GZIP > LARGE_BYTES)
        if cut or encoded:
            disk, seconds = cut * CHUNKS + encoded * TOKENS, cut * CUT + encoded * ENCODE
            text = f"chunks and tokens: about {size(disk)} on the disk, {duration(seconds)} of one core"
            yield Line(text, disk > LARGE_BYTES)

    def _held_out_lines(self, jobs: Sequence[Job]) -> Iterator[Line]:
        """A warning if so little of the corpus is held out for validation that it may be nothing."""
        chunk, validation = self.genomes.settings.chunk, self.genomes.settings.validation
        blocks = sum(self.genomes.sizes.values()) / ((chunk.length - chunk.overlap) * validation.block)
        held_out = blocks * validation.fraction
        if of_rule(jobs, "chunk_genome") and not validation.genomes and held_out < FEW_BLOCKS:
            yield Line(
                f"held out for validation: about {held_out:.1f} of {blocks:,.0f} blocks of chunks, maybe none, and "
                "then the study of tokenizers fails; raise genomes.validation.fraction or lower "
                "genomes.validation.block"
            )

    def _pretraining_lines(self, jobs: Sequence[Job]) -> Iterator[Line]:
        """The trainings of models, each with its operations."""
        for job in of_rule(jobs, "pretrain_model"):
            model = self.pretraining.models[job.model]
            sizes = architecture_of(job.model, self.pretraining.models)
            steps = model.training.steps
            if steps and sizes is not None:
                operations = pretraining_flops(model.training, sizes)
                text = f"pre-training of {job.model}: {steps:,} steps, {effort(operations, model.gpus)}"
                memory = "" if model.gpus else f", about {size(pretraining_bytes(model.training, sizes))} of memory"
                yield Line(text + memory, operations > LARGE_OPERATIONS)
            elif steps:
                yield Line(f"pre-training of {job.model}: {steps:,} steps", True)

    def _hub_lines(self, jobs: Sequence[Job]) -> Iterator[Line]:
        """What is fetched from the Hugging Face hub, and models of which another commit than the fetched one is new."""
        asked = HubSizes()
        if files := of_rule(jobs, "fetch_dataset"):
            count = sum(map(self.finetuning.gue.published_bytes, files))
            yield Line(f"published data sets: {len(files)} to fetch from the hub, about {size(count)}")
        if models := [job.model for job in of_rule(jobs, "fetch_model")]:
            known = {model: self._model_bytes(model, asked) for model in models}
            count = sum(filter(None, known.values()))
            text = f"models: {len(models)} to fetch from the hub, about {size(count)}, kept in its cache and in results"
            if unknown := [model for model, counted in known.items() if counted is None]:
                text += f"; the size of {', '.join(unknown)} is not known before"
            yield Line(text, count > LARGE_BYTES)
        for model in dict.fromkeys(job.model for job in of_rule(jobs, "finetune_model")):
            yield from self._moved(model, asked)

    def _model_bytes(self, model: str, asked: HubSizes) -> int | None:
        """Bytes of a model of the hub: those known, else those that the hub states now; None if neither."""
        entry, encoder = self.finetuning.entry(model), self.finetuning.encoder(model)
        if encoder is not None and encoder.bytes is not None:
            return encoder.bytes
        return asked.model(str(entry.hub), str(entry.revision), entry.trust_remote_code).bytes

    def _moved(self, model: str, asked: HubSizes) -> Iterator[Line]:
        """A line if the branch of a model that was fetched has moved since."""
        entry, record = self.finetuning.entry(model), Path(f"results/finetune/models/{model}.json")
        if entry.hub is None or is_commit(str(entry.revision)) or not record.is_file():
            return
        before, now = read_json(record)["commit"], asked.model(entry.hub, str(entry.revision), False).commit
        if now not in (None, before):
            yield Line(
                f"model {model}: {entry.revision} of {entry.hub} has moved from {before} to {now} since it was "
                f"fetched; fits keep the former: give a commit as revision, or delete {record} to fetch the latter"
            )

    def _fit_lines(self, jobs: Sequence[Job]) -> Iterator[Line]:
        """The number of fits, the operations of those whose model and data set have known sizes, and their weights."""
        fits = of_rule(jobs, "finetune_model")
        if not fits:
            return
        counted = [flops for fit in fits if (flops := self.finetuning.flops(fit)) is not None]
        baselines = sum(self.finetuning.entry(fit.model).baseline is not None for fit in fits)
        encoders = [self.finetuning.encoder(fit.model) for fit in fits if fit.method == "full"]
        weights = sum(encoder.weight_bytes for encoder in encoders if encoder)
        parts = [effort(sum(counted), self.finetuning.settings.gpus)] if counted else []
        if baselines:
            parts.append(f"{baselines:,} of baselines, which are not counted")
        if unknown := len(fits) - len(counted) - baselines:
            parts.append(f"the cost of {unknown:,} is not known before")
        if weights:
            parts.append(f"weights of about {size(weights)} on the disk")
        large = sum(counted) > LARGE_OPERATIONS or weights > LARGE_BYTES
        yield Line(f"fits: {len(fits):,}: {'; '.join(parts)}", large)
