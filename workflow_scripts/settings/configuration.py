"""The whole configuration: all sections, and all that is wrong with one."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import numbered_rows, read_table
from workflow_scripts.settings.apply import Application, apply_errors
from workflow_scripts.settings.corpora import species_errors, species_in_use
from workflow_scripts.settings.demo import Demo
from workflow_scripts.settings.fields import Count, Name, Omittable, Section, key
from workflow_scripts.settings.finetune import Finetune, finetune_errors
from workflow_scripts.settings.fitted_models import family_errors
from workflow_scripts.settings.genomes import Genomes, genome_errors
from workflow_scripts.settings.gue import Gue, gue_errors
from workflow_scripts.settings.names import SEED
from workflow_scripts.settings.patterns import matching
from workflow_scripts.settings.pretrain import DNABERT2, DNABERT2_RANDOM, Model, pretrain_errors
from workflow_scripts.settings.report import Report
from workflow_scripts.settings.studies import Studies, studies_errors
from workflow_scripts.settings.tables import table_errors
from workflow_scripts.settings.tokenizer import BPE4096, Tokenizer, tokenizer_errors
from workflow_scripts.settings.validation import mistakes_in


class Configuration(Section):
    """What config/config.yaml and the overlays may hold."""

    seed: Count = key(SEED, "Seed of every random choice: samples, splits, masks, initial weights.")
    demo: Omittable[Demo] = key(
        None, "The simulated world that takes the place of real genomes and annotation; only in demo.yaml."
    )
    genomes: Genomes = key(
        Genomes(), "From a table of species to chunks: which genomes, from where, what is left out, what is held out."
    )
    tokenizer: Annotated[dict[Name, Tokenizer], Field(min_length=1)] = key({"bpe4096": BPE4096}, "Tokenizers by name.")
    pretrain: dict[Name, Model] = key(
        {"dnabert2": DNABERT2, "dnabert2_random": DNABERT2_RANDOM},
        "Models that are pre-trained here, by name. A model may start from another (from), as in config/diamond.yaml.",
    )
    gue: Gue = key(Gue(), "The data sets of the benchmark, and your own.")
    finetune: Finetune = key(Finetune(), "Which models are fitted how to which data sets.")
    apply: dict[Name, Application] = key(
        {},
        "What is done with models, by name; the results are in results/apply/{name}. Such as {my_peaks: {do: predict, "
        "fit: dnabert2/full/promoter/tata, input: peaks.bed, genome: hg38.fa}}.",
    )
    studies: Studies = key(Studies(), "Claims of the paper, each tested on models of this configuration.")
    report: Report = key(Report(), "The tables and the page.")


def mistakes(config: dict[str, Any]) -> list[str]:
    """All mistakes of a configuration with its tables, one line each; empty when it is sound.

    ``config`` holds paths of tables that can be opened from the working directory; genomes.corpus is one of them.
    """
    if lines := mistakes_in(Configuration, config, "config"):
        return lines
    settings = Configuration.model_validate(config)
    return [
        *genome_errors(settings.genomes),
        *species_errors(settings.genomes),
        *_table_errors(settings),
        *tokenizer_errors(settings.tokenizer),
        *pretrain_errors(settings.pretrain, settings.tokenizer, settings.genomes.chunk.length),
        *_accession_errors(settings),
        *_benchmark_errors(settings),
    ]


def _accession_errors(settings: Configuration) -> Iterator[str]:
    """Genomes that a model or a study names and the species table does not have."""
    table = species_in_use(settings.genomes.corpus)
    try:
        accessions = [row["accession"] for row in read_table(table) if row["accession"]]
    except (UserError, KeyError):
        return  # reported with the table
    named = [(f"pretrain.{name}.genomes", model.genomes or []) for name, model in settings.pretrain.items()]
    named += [(f"studies.{claim}.accession", [study.accession]) for claim, study in settings.studies.annotated.items()]
    for place, patterns in named:
        for pattern in patterns:
            if not matching(accessions, [pattern]):
                yield f"config {place}: no genome {pattern!r} in {table}"


def _table_errors(settings: Configuration) -> Iterator[str]:
    """Mistakes in the tables of the benchmark."""
    gue = settings.gue
    yield from table_errors(gue.registry, "gue", ["task", "dataset"])
    yield from table_errors(gue.sources, "gue_sources", ["source"])
    yield from table_errors(gue.candidates, "gue_candidates", ["task", "source"])
    yield from table_errors(gue.known_files, "gue_published", ["task", "dataset", "split"])
    yield from table_errors(gue.hub_files, "gue_hub", ["task", "dataset"])
    yield from table_errors(settings.finetune.hparams, "finetune_hparams", ["family", "task", "dataset"])
    yield from table_errors(settings.finetune.families, "families", ["family"])
    yield from family_errors(settings.finetune.models, settings.finetune.families)


def _benchmark_errors(settings: Configuration) -> Iterator[str]:
    """Mistakes about data sets, those of the registry and custom ones."""
    try:
        names = [f"{row['task']}/{row['dataset']}" for _, row in numbered_rows(settings.gue.registry)]
    except (UserError, KeyError):
        return  # reported with the table
    names += settings.gue.custom
    yield from gue_errors(settings.gue, names)
    yield from finetune_errors(settings.finetune, settings.pretrain, settings.gue, names)
    simulated = settings.demo is not None
    yield from apply_errors(settings.apply, settings.pretrain, settings.finetune.models, names, simulated)
    yield from studies_errors(settings.studies, settings.pretrain, settings.finetune.models, settings.gue, names)
