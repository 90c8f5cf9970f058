"""The files that are made from the definitions are current, and say all that the definitions do."""

from operator import attrgetter
from typing import Literal

import pytest
import yaml
from jsonschema import Draft202012Validator
from snakemake.utils import update_config

from tests.settings.conftest import REPOSITORY
from workflow_scripts.settings import config_file
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.fields import Positive, Rate, Section, key
from workflow_scripts.settings.fit_settings import FitSettings
from workflow_scripts.settings.pretrain import SeededTraining
from workflow_scripts.settings.reference import Key, keys, keys_help
from workflow_scripts.settings.write_reference import main, schema, table

CONFIG = REPOSITORY / "config"
MADE = ("config.yaml", "keys.md", "schemas/config.schema.yaml")


class Part(Section):
    """A section below another."""

    size: Positive = key(3, "How large.", unit="bases", paper="9", source="table 1")
    rate: Rate = key(1e-3, "How fast.", paper="not stated")
    kind: Literal["a", "b"] = key(..., "Its kind.")


class Whole(Section):
    """A section with others below it."""

    seed: Positive = key(42, "Of everything.\n  a: more of it.")
    parts: dict[str, Part] = key({"first": Part(kind="a")}, "Parts by name.")


def test_the_committed_files_are_those_that_are_made(tmp_path):
    assert main(["--out", str(tmp_path)]) == 0
    for name in MADE:
        assert (tmp_path / name).read_text() == (CONFIG / name).read_text(), f"{name}: run make keys"


def test_the_configuration_file_holds_the_defaults():
    written = Configuration.model_validate(yaml.safe_load((CONFIG / "config.yaml").read_text()))
    assert written == Configuration()
    for attribute in ("settings", "methods.full", "methods.lora"):
        layer, default = (attrgetter(attribute)(made.finetune) for made in (written, Configuration()))
        assert layer.model_fields_set == default.model_fields_set, attribute


def test_every_key_is_in_the_configuration_file():
    """With its value, or among those that are not set; keys.md lists those below a section that is not set."""
    unset = tuple(f"studies.{name}." for name, value in Configuration().studies if value is None)
    lines = [line.strip(" #") for line in (CONFIG / "config.yaml").read_text().splitlines()]
    for found in keys(Configuration):
        name = found.name.rpartition(".")[2]
        if found.name.startswith(unset):
            continue
        assert any(line.startswith((f"{name}:", f"{name} (default")) for line in lines), found.name


def test_no_mapping_of_the_configuration_file_is_shared():
    """An overlay changes mappings in place: one under two keys would change under both."""
    assert "&" not in (CONFIG / "config.yaml").read_text()
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())
    update_config(config, {"finetune": {"models": {"cnn": {"settings": {"epochs": 1}}}}})
    assert config["finetune"]["models"]["kmer_regression"]["settings"]["epochs"] == 10


def test_every_key_has_a_meaning():
    for found in keys(Configuration):
        assert found.meaning[:1].strip() and found.meaning.endswith((".", ")", ";")), found
    assert all(field.description for field in SeededTraining.model_fields.values())


def test_the_keys_of_a_section_are_listed_with_what_they_may_be():
    assert list(keys(Whole)) == [
        Key("seed", "integer from 1", "42", "Of everything.\n  a: more of it."),
        Key("parts", "mapping", "", "Parts by name."),
        Key("parts.<name>.size", "integer from 1", "3", "How large. Unit: bases. Paper: 9 (table 1)."),
        Key("parts.<name>.rate", "number above 0", "1.0e-3", "How fast. Paper: not stated."),
        Key("parts.<name>.kind", "`a` or `b`", "", "Its kind."),
    ]
    text = table(keys(Whole))
    assert "| `seed` | integer from 1 | `42` | Of everything. a: more of it. |\n" in text
    assert "\n## parts\n" in text and "| `parts.<name>.kind` | `a` or `b` |  | Its kind. |\n" in text


def test_a_section_is_written_with_comments_where_it_is_first_and_compactly_after_that():
    parts = {"first": Part(kind="a", size=3), "second": Part(kind="b")}
    assert list(config_file._File().section(Whole(parts=parts, seed=7), 0)) == [
        "",
        "# Of everything.",
        "#   a: more of it.",
        "seed: 7",
        "",
        "# Parts by name.",
        "parts:",
        "  first:",
        "    # How large. Unit: bases. Paper: 9 (table 1).",
        "    size: 3",
        "    # Its kind.",
        "    kind: a",
        "    # Not set here:",
        "    #   rate (default 1.0e-3): How fast. Paper: not stated.",
        "  second: {kind: b}",
    ]


def overlaid(*names: str) -> dict:
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())
    for name in names:
        update_config(config, yaml.safe_load((CONFIG / f"{name}.yaml").read_text()))
    return config


@pytest.mark.parametrize("overlay", ["demo", "diamond", "laptop", "small", "studies", "studies_paper"])
def test_the_schema_allows_the_overlays(overlay):
    assert list(Draft202012Validator(schema()).iter_errors(overlaid(overlay))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"genomes": {"chunk": {"lenght": 5}}},
        {"seed": "x"},
        {"seed": None},
        {"finetune": {"tasks": {"covid": {"epochs": 0}}}},
        {"finetune": {"runs": []}},
        {"pretrain": {"a b": {}}},
        {"gue": {"origin": "web"}},
    ],
)
def test_the_schema_refuses_what_is_wrong(wrong):
    config = overlaid()
    update_config(config, wrong)
    assert len(list(Draft202012Validator(schema()).iter_errors(config))) == 1


def test_help_lists_every_setting_with_its_default():
    text = keys_help(FitSettings)
    for name, field in FitSettings.model_fields.items():
        assert f"  {name} (default: " in text
        assert " ".join(field.description.split()[:3]) in text
    assert "learning_rate (default: 3.0e-5)" in text and "precision (default: auto)" in text
