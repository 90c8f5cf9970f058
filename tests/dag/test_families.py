"""The table of families: what a line `family:` does to the settings of a fit, and that every row has its sources."""

from pathlib import Path

import pytest

from workflow_scripts.common.files import read_table
from workflow_scripts.dag import fit_settings as module
from workflow_scripts.settings.finetune import Finetune
from workflow_scripts.settings.fitted_models import MODELS, Model, family_errors
from workflow_scripts.settings.tables import table_errors

CONFIG = Path(__file__).resolve().parents[2] / "config"
FAMILIES = {row["family"]: row for row in read_table(CONFIG / "families.tsv")}
HPARAMS = read_table(CONFIG / "finetune_hparams.tsv")
H3 = next(row for row in read_table(CONFIG / "gue.tsv") if (row["task"], row["dataset"]) == ("emp", "H3"))


def settings_of(method: str, **entry) -> dict:
    """The settings of a fit of a hub's model to emp/H3, with the defaults of the section."""
    model = Model.model_validate({"hub": "a/b", "revision": "c"} | entry)
    section = Finetune(models={"theirs": model})
    family = FAMILIES.get(entry.get("family", ""), {})
    suit = not family or family["limits"] == "yes"
    fitted = module.fit_settings(section, "theirs", method, H3, HPARAMS, suit, family)
    return fitted.model_dump(exclude_unset=True)


def test_the_table_is_sound():
    assert list(table_errors(CONFIG / "families.tsv", "families", ["family"])) == []
    asked = "dnabert2 dnabert nt nt_v2 ntv3 gena_lm moderngena hyenadna caduceus plantcad gpn grover agro_nt generator"
    assert set(asked.split()) == FAMILIES.keys()


def test_a_family_of_its_authors_values_stands_in_for_the_released_ones():
    told = settings_of("full", family="hyenadna")
    assert told["learning_rate"] == 6e-4 and "max_tokens" not in told
    assert told["epochs"] == int(H3["epochs"]) and told["batch_size"] == int(H3["batch_size"])
    assert told["targets"] == ["in_proj", "out_proj"] and told["pooling"] == "cls"
    assert settings_of("full", family="moderngena")["max_tokens"] == 1024
    assert settings_of("full")["learning_rate"] == float(H3["learning_rate"])


def test_lora_keeps_its_own_rate_and_takes_the_layers_of_the_family():
    told = settings_of("lora", family="caduceus")
    assert told["learning_rate"] == 1e-4 and told["targets"] == ["in_proj", "x_proj", "dt_proj"]
    assert settings_of("lora", family="plantcad")["pooling"] == "mean"


def test_an_entry_is_over_its_family():
    told = settings_of("full", family="plantcad", settings={"pooling": "last", "learning_rate": 2e-5, "max_tokens": 9})
    assert (told["pooling"], told["learning_rate"], told["max_tokens"]) == ("last", 2e-5, 9)
    assert settings_of("full", family="nt_v2", released="dnabert")["learning_rate"] != 1e-4


def test_families_of_the_paper_take_the_released_values():
    row = next(row for row in HPARAMS if (row["family"], row["task"], row["dataset"]) == ("nt", "emp", "H3"))
    for family in ("nt", "nt_v2", "agro_nt"):
        told = settings_of("full", family=family)
        assert told["learning_rate"] == float(row["learning_rate"]) and told["max_tokens"] == int(row["max_tokens"])
    assert settings_of("full", family="dnabert2")["max_tokens"] == int(H3["max_tokens"])


def test_no_model_is_named_by_a_moving_branch():
    commits = {name: model.revision for name, model in MODELS.items() if model.hub}
    assert len(commits) == 9 and all(len(commit) == 40 for commit in commits.values())
    assert {MODELS[name].family for name in commits} <= {*FAMILIES, None}


@pytest.mark.parametrize("family", ["hyena", "HyenaDNA"])
def test_a_family_that_the_table_does_not_have(family):
    table = str(CONFIG / "families.tsv")
    told = list(family_errors({"theirs": Model(hub="a/b", revision="c", family=family)}, table))
    assert len(told) == 1 and told[0].startswith(f"config finetune.models.theirs.family: no family {family!r}; ")
    assert "hyenadna" in told[0]
