"""The card of a fitted model: what it is, an example that runs as it stands, its scores and settings."""

from pathlib import Path
from typing import Any

from workflow_scripts.common.files import write_text
from workflow_scripts.finetune.card_example import Saved, example
from workflow_scripts.inference import adapters
from workflow_scripts.inference.encoding import Encoder
from workflow_scripts.inference.fit_record import FitRecord
from workflow_scripts.inference.models import read_description
from workflow_scripts.settings.fit_settings import LORA

TEMPLATE = """\
---
library_name: {library}
tags: [dna, genomics, {problem}]
---
# {name}

{model}, fitted to the data set {dataset} by {method}, seed {seed}.{warning}

## Use

{requirement}

```python
{example}
```

{notes}

## Scores

On the test rows; weights were selected on the dev rows.

{scores}

## How it was made

{making}

Do not use it for diagnosis.
"""

METHODS = {
    "full": "training all weights",
    "lora": "training a LoRA adapter and the head",
    "probe": "a linear layer on its frozen embeddings",
    "knn": "the nearest training rows by its frozen embeddings",
}
LIBRARIES = "This needs only {libraries}, and runs in this folder."
PROJECT = "This needs the repository that made the model in `PYTHONPATH`, and runs in this folder."
CODE = (
    "`trust_remote_code=True` lets transformers run the .py files of this folder, which hold the architecture. Without "
    "it transformers asks first, or refuses to load the model. The files work with transformers 4.29.2 and later, and "
    "torch 2.6 and later."
)
FOREIGN_CODE = "`trust_remote_code=True` runs the .py files of this folder, which the model's authors wrote."
BASE = (
    "`base/` is the model that the adapter was fitted to, with the configuration of the fit. Its weights are links: "
    "copy the folder with `cp -rL` to take it elsewhere. `AutoPeftModelForSequenceClassification` loads the adapter as "
    "well, but only where the fit wrote it: peft knows the base model by an absolute path, `base_model_name_or_path` "
    "in adapter_config.json. After a move load the adapter as above, or correct the path."
)
LOW_PRECISION = (
    "The scores below were computed in {precision}. In float32, as here, predictions differ from them by rounding."
)


def table(rows: list[tuple[str, Any]]) -> str:
    """Two columns in Markdown."""
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)])


def score(value: float | None) -> str:
    """A score with four digits; of a score that has no value, a word."""
    return "undefined" if value is None else f"{value:.4f}"


def scores(metrics: dict[str, Any]) -> str:
    """The scores on the test rows, the one by which models are compared first, and their number."""
    test = {name: value for name, value in metrics["test"].items() if name != "rows"}
    names = [metrics["metric"], *(name for name in test if name != metrics["metric"])]
    rows = [(name, score(test[name])) for name in names]
    if metrics["chance"] is not None:
        rows.append(("accuracy of the most frequent training label", score(metrics["chance"])))
    return table([*rows, ("rows", f"{metrics['test']['rows']:,}")])


def few_rows(metrics: dict[str, Any]) -> str:
    """Why there were more epochs than the settings have, if there were."""
    settings = metrics["settings"]
    if settings["max_steps"] or metrics["epochs"] <= settings["epochs"]:
        return ""
    return f"; {metrics['epochs']:.0f} epochs and not {settings['epochs']}, as the rows are few (`min_steps`)"


def making(metrics: dict[str, Any]) -> str:
    """What was trained how long, and all settings."""
    settings = {
        name: value for name, value in metrics["settings"].items() if metrics["method"] == "lora" or name not in LORA
    }
    return table(
        [
            ("parameters", f"{metrics['parameters']:,}"),
            ("trained parameters", f"{metrics['trainable_parameters']:,}"),
            ("steps", f"{metrics['steps']:,}, weights of step {metrics['best_step']:,}{few_rows(metrics)}"),
            ("hardware", metrics["hardware"]),
            *((f"{name} {version}", "") for name, version in metrics["versions"].items()),
            *((f"`{name}`", value) for name, value in settings.items()),
        ]
    )


def notes(saved: Saved, own: bool) -> str:
    """What a user of the example has to know."""
    found = [CODE if own else FOREIGN_CODE] if saved.code else []
    if saved.adapter:
        found.append(BASE)
    if saved.by_library and saved.record.precision != "fp32" and saved.record.outputs.problem != "regression":
        found.append(LOW_PRECISION.format(precision=saved.record.precision))
    return "\n\n".join(found)


def render_card(saved: Saved, metrics: dict[str, Any], own: bool) -> str:
    """Markdown for a model folder, with the figures of metrics.json. ``own``: the architecture is DNABERT-2's."""
    name = f"{metrics['model']} on {metrics['task']}/{metrics['dataset']}"
    warning = f"\n\n**This fit has learned nothing ({metrics['collapse']}).**" if metrics["collapse"] else ""
    libraries = "torch, transformers and peft" if saved.adapter else "torch and transformers"
    return TEMPLATE.format(
        library="peft" if saved.adapter else "transformers" if saved.code or saved.by_library else "pytorch",
        problem=metrics["problem"],
        name=name,
        model=metrics["model"],
        dataset=f"{metrics['task']}/{metrics['dataset']}",
        method=METHODS[metrics["method"]],
        seed=metrics["seed"],
        warning=warning,
        requirement=LIBRARIES.format(libraries=libraries) if saved.by_library else PROJECT,
        example=example(saved),
        notes=notes(saved, own),
        scores=scores(metrics),
        making=making(metrics),
    )


def write_card(folder: Path, encoder: Encoder, pooled: bool, paired: bool, metrics: dict[str, Any]) -> None:
    """Write README.md into a saved model folder, over that of peft if there is one; for the rest see Saved."""
    home = base if (base := folder / adapters.BASE).is_dir() else folder
    own = read_description(home).get("model_type") == "dnabert2"
    saved = Saved(
        record=FitRecord.read(folder),
        encoder=encoder,
        adapter=(folder / adapters.CONFIG).is_file(),
        # this repository has its own code already
        code=any(home.glob("*.py")) and not (own and pooled),
        normalized=(folder / "tokenizer.json").is_file(),
        pooled=pooled,
        paired=paired,
    )
    write_text(folder / "README.md", render_card(saved, metrics, own))
