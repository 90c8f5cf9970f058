"""What the user gives to the workflow, checked before any job starts."""

from collections.abc import Callable, Iterator
from pathlib import Path

from workflow_scripts.common import addresses
from workflow_scripts.dag.custom_datasets import custom_mistakes
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.published_files import published_mistakes
from workflow_scripts.settings.configuration import Configuration

RESULTS = Path("results")
KEPT = RESULTS / "pretrain/checkpoints"  # what keep_models_every writes is an output of no rule


def input_mistakes(
    settings: Configuration, genomes: Genomes, gue: Gue, say: Callable[[str], object] = print
) -> list[str]:
    """What is wrong with the user's files, a line for each mistake.

    ``say`` is told how the files of a sound data set are understood, when they are read for the first time.
    """
    return [*misplaced_inputs(settings, genomes, gue), *published_mistakes(gue), *custom_mistakes(gue, say)]


def misplaced_inputs(settings: Configuration, genomes: Genomes, gue: Gue) -> list[str]:
    """The inputs that lie in the folder of the results, by whatever path or link.

    Snakemake removes old outputs before a job, so a file of the user in the place of one would be lost. What the demo
    makes lies there too and is no file of the user. The models that a pre-training has kept may be inputs.
    """
    results, kept = RESULTS.resolve(), KEPT.resolve()
    return [
        f"{place}: {path!r} lies in {results}, where the workflow writes and deletes files; move it elsewhere"
        for place, path in named_inputs(settings, genomes, gue)
        if (lies := Path(path).resolve()).is_relative_to(results) and not lies.is_relative_to(kept)
    ]


def named_inputs(settings: Configuration, genomes: Genomes, gue: Gue) -> Iterator[tuple[str, str]]:
    """Each local file or folder that the configuration or one of its tables names, with the place that names it."""
    if settings.demo is None:
        yield from _local("config genomes.mirror", settings.genomes.mirror)
        for accession, row in genomes.species.items():
            yield from _local(f"{genomes.table}: url of {accession}", row.get("url"))
        for name, row in gue.sources.items():
            yield from _local(f"{settings.gue.sources}: url of {name}", row["url"])
    yield from _local("config gue.published", settings.gue.published)
    for name, custom in settings.gue.custom.items():
        for path in (custom.folder, custom.file, custom.intervals, custom.genome, *(custom.fasta or {}).values()):
            yield from _local(f"config gue.custom.{name}", path)
    for name, trained in settings.pretrain.items():
        if trained.start not in settings.pretrain:
            yield from _local(f"config pretrain.{name}.from", trained.start)
    for name, model in settings.finetune.models.items():
        yield from _local(f"config finetune.models.{name}.directory", model.directory)
    for name, entry in settings.apply.items() if settings.demo is None else ():
        for file in ("input", "genome", "matrices", "directory"):
            yield from _local(f"config apply.{name}.{file}", getattr(entry, file))
    for claim, study in settings.studies.annotated.items():
        bed = getattr(study, "features", None) or getattr(study, "regions", None)
        yield from _local(f"config studies.{claim}", bed)


def _local(place: str, address: str | None) -> Iterator[tuple[str, str]]:
    if address and (path := addresses.local_path(address)):
        yield place, path
