"""Section ``finetune``: which models are fitted how to which data sets."""

from collections.abc import Collection, Iterator
from typing import Annotated

from pydantic import Field

from workflow_scripts.settings.fields import Count, Name, Patterns, Plain, Positive, Section, UniqueList, key
from workflow_scripts.settings.fit_settings import LORA, RELEASED, SCRIPTS, FitSettings, layer
from workflow_scripts.settings.fitted_models import MODELS, Model, model_errors
from workflow_scripts.settings.gue import Gue, dataset_errors, task_errors
from workflow_scripts.settings.names import SEED, TASKS, Method


class Run(Section):
    """Models, fitted by a method to data sets."""

    models: Patterns = key(..., "Names of pretrain, or of finetune.models.")
    method: Method = key(
        ...,
        "full trains all weights, lora trains adapters. Of a frozen encoder, probe fits a linear layer to the pooled "
        "embeddings, and knn lets the nearest training rows vote.",
    )
    datasets: Patterns = key(..., "Data sets, as in gue.datasets.")


RUNS = [
    Run(models=["dnabert2", "dnabert2_random"], method="full", datasets=["*"]),
    Run(models=["dnabert2"], method="lora", datasets=["*"]),
]


class Methods(Section):
    """Settings of each method."""

    full: FitSettings = key(FitSettings(), "Settings of fits that train all weights.")
    lora: FitSettings = key(
        layer(*LORA, learning_rate=1e-4),
        "Settings of fits by LoRA.",
        paper="used for the Nucleotide Transformer only",
        source=SCRIPTS,
    )
    probe: FitSettings = key(
        FitSettings(pooling="mean"),
        "Settings of linear probes. The penalty is chosen on the dev rows; keys about optimiser steps have no meaning.",
    )
    knn: FitSettings = key(
        FitSettings(pooling="mean"),
        "Settings of nearest neighbours, by cosine of the standardised embeddings; their number is chosen on the dev "
        "rows.",
    )


class Finetune(Section):
    """Which models are fitted how to which data sets."""

    seeds: Annotated[UniqueList[Count], Field(min_length=1)] = key(
        [SEED + number for number in range(5)],
        "Seeds; each fit is repeated with each. Fewer than three say nothing about the spread over seeds.",
        paper="three, values not stated; the released scripts have 42",
        source="section 5, by its summaries",
    )
    runs: Annotated[list[Run], Field(min_length=1)] = key(RUNS, "What is fitted.")
    threads: Positive = key(4, "Threads of a fit; they matter on a machine without a GPU.")
    gpus: Annotated[int, Field(ge=0, le=1)] = key(1, "GPUs of a fit, 1 or 0; the batch is the same.")
    settings: FitSettings = key(
        layer(*(name for name in FitSettings.model_fields if name not in LORA + RELEASED)),
        "Settings of all fits. Five layers, each overrides the one before: the released values per data set "
        f"({', '.join(RELEASED)}), with the rate of the model's family; these; those of the method, with layers and "
        "pooling of the family; of the task; of the model's entry. A key that none has takes its default.",
    )
    released_values: bool = key(
        True,
        "true: use the released values, DNABERT-2's in the registry, and those of other families in hparams.",
    )
    hparams: Plain = key(
        "config/finetune_hparams.tsv", "The released values of the other families of models.", min_length=1
    )
    families: Plain = key("config/families.tsv", "Presets of the families of models, with sources.", min_length=1)
    methods: Methods = key(Methods(), "Settings of each method.")
    tasks: dict[str, FitSettings] = key({}, "Settings of single tasks, such as {covid: {epochs: 4}}.")
    models: dict[Name, Model] = key(
        MODELS,
        "Models that are not trained here, by name; each has one of directory, hub, baseline and pretrained. "
        "Only models that a run names are fetched. With the settings of its entry kmer_regression scores like "
        "scikit-learn's with its penalty chosen on the dev rows.",
    )


def finetune_errors(finetune: Finetune, pretrained: Collection[str], gue: Gue, names: list[str]) -> Iterator[str]:
    """Values that do not fit together, or to what there is: ``pretrained`` models, and data sets by ``names``."""
    models = [*pretrained, *(name for name in finetune.models if name not in pretrained)]
    yield from model_errors(finetune.models, pretrained)
    for number, run in enumerate(finetune.runs):
        place = f"finetune.runs[{number}]"
        yield from dataset_errors(f"{place}.datasets", run.datasets, names, gue.registry)
        for name in run.models:
            if name not in models:
                yield f"config {place}.models: no model {name!r}; defined are {', '.join(models)}"
            elif run.method != "full" and name in finetune.models and finetune.models[name].baseline:
                yield f"config {place}: {name} is a baseline; {run.method} needs a pre-trained model, use method: full"
    custom = dict.fromkeys(name.split("/")[0] for name in gue.custom)
    yield from task_errors("finetune.tasks", finetune.tasks, (*TASKS, *custom))
