"""The settings of each fit, put together from the configuration, the registry and the released values."""

from collections.abc import Iterable
from typing import Any

from workflow_scripts.settings.finetune import RELEASED, Finetune, FitSettings, Model
from workflow_scripts.settings.names import PROBLEM


def fit_settings(
    finetune: Finetune, model: str, method: str, dataset: dict[str, str], hparams: Iterable[dict[str, str]]
) -> FitSettings:
    """Settings of one fit from five layers, each over the one before: general, released, method, task, model's entry.

    Of a layer only the keys count that are written in it; those that no layer has are not set in the result either.
    ``dataset`` is the row of the registry, ``hparams`` the released values of other families. A released ``max_steps``
    holds as it is, although the scripts state epochs next to it.
    """
    entry = finetune.models.get(model, Model())
    values = _written(finetune.settings)
    if finetune.released_values and entry.baseline is None:
        row = released_row(entry.released, dataset, hparams)
        values |= _written(FitSettings.model_validate_strings({key: row[key] for key in RELEASED if row.get(key)}))
    task = finetune.tasks.get(dataset["task"], FitSettings())
    for layer in map(_written, (getattr(finetune.methods, method), task, entry.settings)):
        if "epochs" in layer:  # a max_steps from below would win over the epochs that are asked for here
            values.pop("max_steps", None)
        values |= layer
    if dataset.get("problem", PROBLEM) != PROBLEM:
        values["problem"] = dataset["problem"]
    return FitSettings(**values)


def _written(settings: FitSettings) -> dict[str, Any]:
    """The keys that are set, without defaults."""
    return settings.model_dump(exclude_unset=True)


def released_row(family: str, dataset: dict[str, str], hparams: Iterable[dict[str, str]]) -> dict[str, str]:
    """The row with the released values of a family for a data set; empty if none were released."""
    if family == "dnabert2":
        return dataset
    key = (family, dataset["task"], dataset["dataset"])
    return next((row for row in hparams if (row["family"], row["task"], row["dataset"]) == key), {})
