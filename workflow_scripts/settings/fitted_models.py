"""Models that are fitted but not trained here: directories, models of the hub, baselines, models under another name."""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import numbered_rows
from workflow_scripts.settings.fields import Name, Omittable, Plain, Section, key, matches
from workflow_scripts.settings.fit_settings import FitSettings
from workflow_scripts.settings.names import Baseline

HubId = Annotated[
    str,
    matches(r"^[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?$", "be an id of the hub, such as owner/name"),
]


class Model(Section):
    """A directory, a model of the hub, a baseline, or a model of pretrain under another name with other settings."""

    pretrained: Omittable[str] = key(
        None, "A model of the section pretrain, to be fitted under another name with the settings of this entry."
    )
    directory: Omittable[Plain] = key(
        None,
        "A model of the transformers library on this machine: config.json, weights and tokenizer, written by this "
        "workflow or elsewhere.",
        min_length=1,
    )
    hub: Omittable[HubId] = key(None, "An id of the Hugging Face hub. It is fetched once, and recorded.")
    revision: Omittable[Plain] = key(
        None, "Commit of the hub's model (a branch or tag moves). Needed with hub.", min_length=1
    )
    trust_remote_code: bool = key(False, "true: run Python code that comes with the model. DNABERT-2 needs none.")
    kmer: Annotated[int, Field(ge=0, le=12)] = key(
        0, "k of a model that reads overlapping k-mers as words (DNABERT); 0 leaves the sequence as it is."
    )
    environment: Omittable[Plain] = key(
        None,
        "Path of the Python interpreter of an environment in which its fits run, for code that the pinned transformers "
        "cannot run. It holds the packages of envs/torch.yaml, transformers in the version that the model needs.",
        min_length=1,
    )
    baseline: Omittable[Baseline] = key(
        None,
        "A model without pre-training: kmer_regression (logistic regression on 6-mers) or cnn (two convolutions).",
    )
    family: Omittable[Name] = key(
        None,
        "Its row of finetune.families: rate, limit, pooling, layers for LoRA and whose released values it takes.",
    )
    released: Literal["dnabert2", "nt", "dnabert", "none"] = key(
        "dnabert2", "Whose released values it takes, before those that its family names. A baseline takes none."
    )
    settings: FitSettings = key(FitSettings(), "Settings of its fits, over all others, such as targets.")


BASELINE_SETTINGS = FitSettings(
    learning_rate=1e-3,
    epochs=10,
    batch_size=32,
    warmup_steps=0,
    eval_steps=0,
    max_tokens=0,
    max_grad_norm=0.0,
    precision="fp32",
)
MODELS = {
    "kmer_regression": Model(baseline="kmer_regression", settings=BASELINE_SETTINGS),
    "cnn": Model(baseline="cnn", settings=BASELINE_SETTINGS),
    "dnabert2_117m": Model(hub="zhihan1996/DNABERT-2-117M", revision="7bce263b15377fc15361f52cfab88f8b586abda0"),
    **{
        f"dnabert_{k}": Model(hub=f"zhihan1996/DNA_bert_{k}", revision=commit, family="dnabert", kmer=k)
        for k, commit in (
            (3, "994bf7354060bcb064044953d4106298416e0690"),
            (4, "69ad5f186c3f62fb45f1c2cca25baf7a0e48e546"),
            (5, "1cb665ccb11eb9076f82937957e3990d60694650"),
            (6, "55e0c0eb7b734c8b9b77bc083bf89eb6fbda1341"),
        )
    },
    **{
        name: Model(hub=f"InstaDeepAI/nucleotide-transformer-{of_hub}", revision=commit, family="nt")
        for name, of_hub, commit in (
            ("nt_500m_human", "500m-human-ref", "f6c12b1b79fa6330349ca04ad0a9531b29fd515b"),
            ("nt_500m_1000g", "500m-1000g", "805bd32d00133ed3c474b51d47e493f4d6479009"),
            ("nt_2500m_1000g", "2.5b-1000g", "ad01b424ccd2be25cc8774f79f18d0a82d185f40"),
            ("nt_2500m_multi", "2.5b-multi-species", "b746b125aacd1b0970c05a32fd71ba726754542e"),
        )
    },
}
"""Baselines, and the paper's models as their authors published them."""

MEANINGFUL = {  # what a model that is not trained here can be -> keys that have a meaning beside it
    "directory": ("kmer", "trust_remote_code", "environment", "family", "released", "settings"),
    "hub": ("revision", "kmer", "trust_remote_code", "environment", "family", "released", "settings"),
    "baseline": ("settings",),
    "pretrained": ("settings",),
}


def family_errors(models: Mapping[str, Model], table: str) -> Iterator[str]:
    """Families that the table does not have."""
    try:
        families = [row["family"] for _, row in numbered_rows(table)]
    except (UserError, KeyError):
        return  # reported with the table
    for name, model in models.items():
        if model.family is not None and model.family not in families:
            known = f"{table} has {', '.join(families)}"
            yield f"config finetune.models.{name}.family: no family {model.family!r}; {known}"


def model_errors(models: Mapping[str, Model], pretrained: Collection[str]) -> Iterator[str]:
    """Entries that are not one thing, have keys without a meaning, point to nothing, or take a name that is taken."""
    for name, model in models.items():
        place = f"config finetune.models.{name}"
        if name in pretrained:
            yield f"{place}: the name is taken by pretrain.{name}; choose another"
        kinds = [kind for kind in MEANINGFUL if getattr(model, kind) is not None]
        if len(kinds) != 1:
            yield f"{place}: {' and '.join(kinds) or 'nothing'} where one of {', '.join(MEANINGFUL)} belongs"
            continue
        for vain in sorted(model.model_fields_set - {kinds[0], *MEANINGFUL[kinds[0]]}):
            yield f"{place}.{vain}: has no meaning beside {kinds[0]}; leave it out"
        if model.pretrained is not None and model.pretrained not in pretrained:
            yield f"{place}.pretrained: no model {model.pretrained!r}; pretrain has {', '.join(pretrained)}"
        if model.hub is not None and model.revision is None:
            yield f"{place}.revision: missing; give the commit of {model.hub} that is meant"
        if model.environment is not None and not os.access(model.environment, os.X_OK):
            yield f"{place}.environment: no Python interpreter at {model.environment!r}, such as ENVIRONMENT/bin/python"
        if model.directory is not None and not (Path(model.directory) / "config.json").is_file():
            yield f"{place}.directory: no config.json in {model.directory!r}"
