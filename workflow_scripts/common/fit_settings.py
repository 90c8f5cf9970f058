"""The settings of each fit, put together from the configuration, the registry and the released values."""

from collections.abc import Iterable
from typing import Any

from workflow_scripts.settings.finetune import RELEASED, FitSettings, Model
from workflow_scripts.settings.names import PROBLEM


def fit_settings(
    finetune: dict[str, Any], model: str, method: str, dataset: dict[str, str], hparams: Iterable[dict[str, str]]
) -> dict[str, Any]:
    """Settings of one fit from five layers, each over the one before: general, released, method, task, model's entry.

    ``finetune`` is the section of the configuration, ``dataset`` the row of the registry, ``hparams`` the released
    values of other families. A released ``max_steps`` stands for itself: the scripts' epochs do not count beside it.
    """
    entry = Model.model_validate(finetune["models"].get(model, {}))
    settings = dict(finetune["settings"])
    if finetune["released_values"] and not entry.baseline:
        row = released_row(entry.released, dataset, hparams)
        kinds = {key: FitSettings.model_fields[key].annotation for key in RELEASED}
        settings |= {key: kind(row[key]) for key, kind in kinds.items() if kind and row.get(key)}
    task = finetune["tasks"].get(dataset["task"], {})
    for layer in (finetune["methods"][method], task, entry.settings.model_dump(exclude_unset=True)):
        if "epochs" in layer:  # or a max_steps from below would win over the epochs that are asked for here
            settings.pop("max_steps", None)
        settings |= layer
    if dataset.get("problem", PROBLEM) != PROBLEM:
        settings["problem"] = dataset["problem"]
    return settings


def released_row(family: str, dataset: dict[str, str], hparams: Iterable[dict[str, str]]) -> dict[str, str]:
    """The row with the released values of a family for a data set; empty where there are none."""
    if family == "dnabert2":
        return dataset
    key = (family, dataset["task"], dataset["dataset"])
    return next((row for row in hparams if (row["family"], row["task"], row["dataset"]) == key), {})
