"""The settings of a fit: which layer wins, and whose released values a model takes."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from workflow_scripts.common.files import read_table
from workflow_scripts.dag import fit_settings as module
from workflow_scripts.settings.finetune import Finetune
from workflow_scripts.settings.fit_settings import RELEASED

CONFIG = Path(__file__).resolve().parents[2] / "config"
REGISTRY = read_table(CONFIG / "gue.tsv")
HPARAMS = read_table(CONFIG / "finetune_hparams.tsv")


def fit_settings(
    finetune: dict, model: str, method: str, dataset: dict, hparams: Iterable[dict], limits_suit: bool = True
) -> dict[str, Any]:
    """The settings of a fit that are set, of a section as it is written."""
    section = Finetune.model_validate(finetune)
    return module.fit_settings(section, model, method, dataset, hparams, limits_suit).model_dump(exclude_unset=True)


@pytest.fixture
def finetune():
    return {
        "runs": [{"models": ["cnn"], "method": "full", "datasets": ["*"]}],
        "settings": {"learning_rate": 1e-3, "pooling": "mean"},
        "released_values": True,
        "methods": {"full": {}, "lora": {"learning_rate": 1e-4, "rank": 8}},
        "tasks": {"covid": {"batch_size": 4}, "tf_mouse": {"epochs": 7}},
        "models": {
            "nt_500m": {"hub": "a/b", "released": "nt", "settings": {"targets": ["query"], "rank": 4}},
            "dnabert_6": {"hub": "a/c", "released": "dnabert"},
            "theirs": {"directory": "x", "released": "none"},
            "cnn": {"baseline": "cnn", "settings": {"learning_rate": 1e-3, "epochs": 9, "batch_size": 2}},
        },
    }


def test_each_layer_of_settings_overrides_the_one_before(finetune):
    covid = {"task": "covid", "learning_rate": "3e-5", "epochs": "8", "batch_size": "128", "max_tokens": ""}
    general = finetune["settings"]
    assert fit_settings(finetune, "dnabert2", "full", {"task": "emp"}, []) == general
    released = {"learning_rate": 3e-5, "epochs": 8, "batch_size": 128}
    assert fit_settings(finetune, "dnabert2", "full", covid | {"task": "emp"}, []) == released | general
    assert fit_settings(finetune, "dnabert2", "lora", covid, []) == general | {
        "learning_rate": 1e-4,
        "epochs": 8,
        "batch_size": 4,
        "rank": 8,
    }
    finetune["released_values"] = False
    assert fit_settings(finetune, "dnabert2", "full", covid, []) == general | {"batch_size": 4}
    assert finetune["settings"] == {"learning_rate": 1e-3, "pooling": "mean"}


@pytest.mark.parametrize("key", RELEASED)
def test_what_a_user_writes_for_all_fits_is_over_the_released_value(finetune, key):
    row = next(row for row in REGISTRY if row["task"] == "tf_mouse")
    finetune["tasks"], finetune["settings"] = {}, {key: 7}
    told = fit_settings(finetune, "dnabert2", "full", row, [])
    assert told[key] == 7
    others = set(RELEASED) - {key} - ({"max_steps"} if key == "epochs" else set())
    assert {name: told[name] for name in others} == {name: float(row[name]) for name in others}
    finetune["methods"]["full"] = {key: 8}
    assert fit_settings(finetune, "dnabert2", "full", row, [])[key] == 8


def test_a_limit_that_does_not_suit_the_tokenizer_is_left_out_but_not_one_that_is_asked_for(finetune):
    row = {"task": "emp", "epochs": "3", "max_tokens": "128"}
    assert fit_settings(finetune, "dnabert2", "full", row, [])["max_tokens"] == 128
    assert "max_tokens" not in fit_settings(finetune, "dnabert2", "full", row, [], limits_suit=False)
    finetune["settings"]["max_tokens"] = 300
    assert fit_settings(finetune, "dnabert2", "full", row, [], limits_suit=False)["max_tokens"] == 300


def test_a_key_that_no_layer_writes_has_its_default_but_is_not_set(finetune):
    settings = module.fit_settings(Finetune.model_validate(finetune), "dnabert2", "full", {"task": "emp"}, [], True)
    assert (settings.max_steps, settings.weight_decay) == (0, 0.01)
    assert not {"max_steps", "weight_decay"} & settings.model_fields_set


def test_released_steps_stand_until_epochs_are_asked_for(finetune):
    row = {"epochs": "5", "max_steps": "1000"}
    assert fit_settings(finetune, "dnabert2", "full", row | {"task": "emp"}, [])["max_steps"] == 1000
    told = fit_settings(finetune, "dnabert2", "full", row | {"task": "tf_mouse"}, [])
    assert told["epochs"] == 7 and "max_steps" not in told
    finetune["tasks"]["tf_mouse"]["max_steps"] = 20
    assert fit_settings(finetune, "dnabert2", "full", row | {"task": "tf_mouse"}, [])["max_steps"] == 20


def test_released_values_of_the_registry_have_their_types(finetune):
    finetune["settings"], finetune["tasks"] = {}, {}
    for row in REGISTRY:
        told = fit_settings(finetune, "dnabert2", "full", row, [])
        assert all(isinstance(value, float if key == "learning_rate" else int) for key, value in told.items())
        assert 0 < told["learning_rate"] < 1e-3
    covid = next(row for row in REGISTRY if row["task"] == "covid")
    assert fit_settings(finetune, "dnabert2", "full", covid, [])["batch_size"] == 128


def of_model(finetune: dict, model: str, task: str, dataset: str, method: str = "full") -> dict:
    """The settings of a fit, as far as the released values say them."""
    row = next(row for row in REGISTRY if (row["task"], row["dataset"]) == (task, dataset))
    return fit_settings(finetune, model, method, row, HPARAMS)


def test_each_family_takes_its_own_released_values(finetune):
    finetune["tasks"], finetune["settings"] = {}, {}
    tokens = {
        model: [of_model(finetune, model, *name)["max_tokens"] for name in (("emp", "H3"), ("core_promoter", "tata"))]
        for model in ("dnabert2", "nt_500m", "dnabert_6")
    }
    assert tokens == {"dnabert2": [128, 20], "nt_500m": [100, 20], "dnabert_6": [512, 80]}
    covid = {model: of_model(finetune, model, "covid", "variants") for model in tokens}
    assert [covid[model]["epochs"] for model in tokens] == [8, 3, 9]
    assert [covid[model]["batch_size"] for model in tokens] == [128, 32, 128]
    assert [covid[model]["learning_rate"] for model in tokens] == [3e-5, 1e-4, 3e-5]
    assert of_model(finetune, "nt_500m", "tf_mouse", "0")["max_steps"] == 1000


def test_where_no_script_was_released_the_general_settings_hold(finetune):
    finetune["tasks"] = {}
    assert of_model(finetune, "theirs", "emp", "H3") == finetune["settings"]
    assert of_model(finetune, "dnabert_6", "epi", "K562") == finetune["settings"]
    del finetune["settings"]["learning_rate"]
    assert of_model(finetune, "dnabert2", "epi", "K562")["learning_rate"] == 2e-5


def test_the_entry_of_a_model_has_the_last_word(finetune):
    finetune["settings"]["max_steps"] = 300
    told = of_model(finetune, "nt_500m", "emp", "H3", "lora")
    assert (told["targets"], told["rank"], told["learning_rate"]) == (["query"], 4, 1e-4)
    told = of_model(finetune, "cnn", "tf_mouse", "0")
    assert (told["learning_rate"], told["epochs"], told["batch_size"]) == (1e-3, 9, 2)
    assert not {"max_steps", "max_tokens"} & set(told), "a baseline takes no released values"


def test_the_problem_of_a_data_set_is_a_setting(finetune):
    row = {"task": "mine", "dataset": "a", "problem": "regression"}
    assert fit_settings(finetune, "cnn", "full", row, [])["problem"] == "regression"
    assert "problem" not in fit_settings(finetune, "cnn", "full", row | {"problem": "classification"}, [])


def test_the_table_of_the_other_families_covers_gue(finetune):
    names = {(row["task"], row["dataset"]) for row in REGISTRY if row["task"] not in ("epi", "species")}
    for family in ("nt", "dnabert"):
        assert {(row["task"], row["dataset"]) for row in HPARAMS if row["family"] == family} == names
    assert Counter(row["learning_rate"] for row in HPARAMS) == {"1e-4": 28, "3e-5": 28}
