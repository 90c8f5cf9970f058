"""The settings of each fit, put together from the configuration, the registry and the released values."""

from collections.abc import Iterable
from typing import Any

from workflow_scripts.settings.finetune import Finetune
from workflow_scripts.settings.fit_settings import RELEASED, FitSettings
from workflow_scripts.settings.fitted_models import Model
from workflow_scripts.settings.names import FROZEN, PROBLEM


def fit_settings(
    finetune: Finetune,
    model: str,
    method: str,
    dataset: dict[str, str],
    hparams: Iterable[dict[str, str]],
    limits_suit: bool,
    family: dict[str, str] | None = None,
) -> FitSettings:
    """Settings of one fit from five layers, each over the one before: released, general, method, task, model's entry.

    Of a layer only the keys count that are written in it; those that no layer has are not set in the result either.
    ``dataset`` is the row of the registry, ``hparams`` the released values of other families. A released ``max_steps``
    holds as it is, although the scripts state epochs next to it. ``limits_suit``: the released ``max_tokens``, which
    holds a whole sequence in the tokens of the released model, does so in those of this model; else it is left out.
    ``family``: the row of the model's family. Its learning rate and limit are values of its authors, so they stand in
    for the released ones; its pooling and layers describe the model, so they go over the method.
    """
    entry, family = finetune.models.get(model, Model()), family or {}
    released: dict[str, str] = {}
    if finetune.released_values and entry.baseline is None:
        row = released_row(released_of(entry, family), dataset, hparams)
        keys = RELEASED if limits_suit else [key for key in RELEASED if key != "max_tokens"]
        released = {key: row[key] for key in keys if row.get(key)}
        released |= {key: family[key] for key in ("learning_rate", "max_tokens") if family.get(key)}
    layers = (
        FitSettings.model_validate_strings(released),
        finetune.settings,
        getattr(finetune.methods, method),
        described(family, method),
        finetune.tasks.get(dataset["task"], FitSettings()),
        entry.settings,
    )
    values: dict[str, Any] = {}
    for layer in layers:
        written = layer.model_dump(exclude_unset=True)
        if "epochs" in written:  # a max_steps from below would win over the epochs that are asked for here
            values.pop("max_steps", None)
        values |= written
    if dataset.get("problem", PROBLEM) != PROBLEM:
        values["problem"] = dataset["problem"]
    return FitSettings(**values)


def described(family: dict[str, str], method: str) -> FitSettings:
    """Settings that describe the models of a family; its pooling is that of fitted heads, not of frozen embeddings."""
    written: dict[str, Any] = {}
    if family and method not in FROZEN:
        written["pooling"] = family["pooling"]
    if family.get("targets"):
        written["targets"] = family["targets"].split(";")
    return FitSettings(**written)


def released_of(entry: Model, family: dict[str, str]) -> str:
    """Whose released values a model takes: what its entry says, else its family."""
    if family and "released" not in entry.model_fields_set:
        return family["released"]
    return entry.released


def released_row(family: str, dataset: dict[str, str], hparams: Iterable[dict[str, str]]) -> dict[str, str]:
    """The row with the released values of a family for a data set; empty if none were released."""
    if family == "dnabert2":
        return dataset
    key = (family, dataset["task"], dataset["dataset"])
    return next((row for row in hparams if (row["family"], row["task"], row["dataset"]) == key), {})
