"""What a run is going to do and about what it costs, said before it starts."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

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
from workflow_scripts.dag.pretrain import Pretraining
from workflow_scripts.dag.rule_values import Wildcards

Job = tuple[str, Wildcards]
"""The name of a rule, and the wildcards of the job."""

# Round numbers: what one GPU of a data centre, and one core of a processor, may do with a model of this size.
GPU, CORE = 1e14, 1e11
# From here on a run is a long one: bytes to download or to write, operations.
LARGE_BYTES, LARGE_OPERATIONS = 5e9, 1e18
FEW_BLOCKS = 3  # with so many held out on average, one corpus of twenty has none
SECONDS_TO_STOP = 10


class Line(NamedTuple):
    """What is to be done, and whether it is much."""

    text: str
    large: bool = False


def in_units(value: float, units: Sequence[tuple[float, str]]) -> str:
    """A value in the largest of the units that it fills; the last unit is the smallest."""
    size, unit = next(((size, unit) for size, unit in units if value >= size), units[-1])
    return f"{value / size:,.{0 if value / size >= 10 else 1}f} {unit}"


def duration(seconds: float) -> str:
    return in_units(seconds, [(3600, "hours"), (60, "minutes"), (1, "seconds")])


def size(count: float) -> str:
    return in_units(count, [(1e9, "GB"), (1e6, "MB"), (1e3, "kB")])


def bases(count: float) -> str:
    return in_units(count, [(1e9, "Gbp"), (1e6, "Mbp"), (1e3, "kbp")])


def effort(operations: float, gpus: int) -> str:
    """Operations, and the time that they take."""
    rate, name = (GPU, "GPU") if gpus else (CORE, "core")
    return f"{operations:.1e} operations, {duration(operations / rate)} of one {name} at {rate / 1e12:g} TFLOP/s"


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

    def _fit_lines(self, jobs: Sequence[Job]) -> Iterator[Line]:
        """The number of fits, and the operations of those whose model and data set have known sizes."""
        fits = of_rule(jobs, "finetune_model")
        counted = [flops for fit in fits if (flops := self.finetuning.flops(fit)) is not None]
        if fits and not counted:
            yield Line(f"fits: {len(fits):,}, of a cost that is not known before")
        elif fits:
            unknown = len(fits) - len(counted)
            rest = f"; the cost of {unknown:,} is not known before" if unknown else ""
            cost = effort(sum(counted), self.finetuning.settings.gpus)
            yield Line(f"fits: {len(fits):,}: {cost}{rest}", sum(counted) > LARGE_OPERATIONS)
