"""Every default and every list of names is stated once: what scripts, plan and tables have is what the settings say."""

import subprocess
import sys
from collections.abc import Callable
from typing import get_args

import pytest
import yaml

from tests.settings.conftest import REPOSITORY
from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.files import read_table
from workflow_scripts.dag.fit_settings import fit_settings
from workflow_scripts.demo import simulate_world
from workflow_scripts.finetune import finetune_model
from workflow_scripts.finetune.problems import PROBLEMS
from workflow_scripts.genomes import chunk_genome
from workflow_scripts.gue import build_dataset, split, take_dataset
from workflow_scripts.inference import baselines
from workflow_scripts.inference.precision import DTYPES
from workflow_scripts.model import DnaBert2Config
from workflow_scripts.model.attention import BACKENDS
from workflow_scripts.pretrain import pretrain_model
from workflow_scripts.settings import names
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.custom_datasets import CENTRES, CUSTOM_SPLITS, NEGATIVES, Custom
from workflow_scripts.settings.demo import Demo
from workflow_scripts.settings.fields import Section, bare
from workflow_scripts.settings.fit_settings import RELEASED, FitSettings, read_settings
from workflow_scripts.settings.genomes import Genomes, Group
from workflow_scripts.settings.gue import Gue
from workflow_scripts.settings.pretrain import Architecture, SeededTraining, Training, read_training
from workflow_scripts.settings.tables import schema
from workflow_scripts.settings.tokenizer import BPE4096, Tokenizer
from workflow_scripts.tokenizer import encode_genome, train_tokenizer

CONFIG = REPOSITORY / "config"


def choices(section: type[Section], key: str) -> tuple[str, ...]:
    """The values that a key may have."""
    return get_args(bare(section.model_fields[key].annotation))


def test_a_training_without_settings_is_the_default_one():
    default = Configuration()
    assert read_training("{}") == SeededTraining(seed=default.seed)
    assert default.pretrain["dnabert2"].training == Training()
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())
    assert Training(**config["pretrain"]["dnabert2"]["training"]) == Training()
    assert Architecture(**config["pretrain"]["dnabert2"]["architecture"]) == Architecture()


def test_the_model_has_the_sizes_of_the_settings():
    model = DnaBert2Config()
    assert {name: getattr(model, name) for name in Architecture.model_fields} == Architecture().model_dump()


def test_a_fit_without_settings_is_the_default_one():
    assert read_settings("{}") == FitSettings()
    general = Configuration().finetune.settings
    assert general == FitSettings()


def other(key: str) -> object:
    """A value of a setting that is not its default."""
    default = FitSettings.model_fields[key].default
    if isinstance(default, bool):
        return not default
    if isinstance(default, int | float):
        return default + 1 if key not in ("dropout", "reverse_complement_share", "train_share") else 0.5
    if isinstance(default, list):
        return ["wo"]
    return next(value for value in choices(FitSettings, key) if value != default)


@pytest.mark.parametrize("key", FitSettings.model_fields)
@pytest.mark.parametrize("layer", ["settings", "method", "task", "model"])
def test_a_setting_of_any_layer_reaches_the_fit(key, layer):
    """From the configuration, where it is checked, to the program."""
    written = {key: other(key)}
    layers = {
        "settings": {"settings": written},
        "method": {"methods": {"lora": written}},
        "task": {"tasks": {"emp": written}},
        "model": {"models": {"mine": {"directory": "x", "settings": written}}},
    }
    config = yaml.safe_load((CONFIG / "config.yaml").read_text())["finetune"] | {"released_values": False}
    config["methods"] = {"full": {}, "lora": {}}
    config = config | {"models": {"mine": {"directory": "x"}}} | layers[layer]
    section = Configuration.model_validate({"finetune": config}).finetune
    made = fit_settings(section, "mine", "lora", {"task": "emp", "dataset": "H3"}, [], True)
    assert getattr(read_settings(made.model_dump_json(exclude_unset=True)), key) == other(key)


@pytest.mark.parametrize(
    ("program", "defaults"),
    [
        (chunk_genome, Genomes().chunk.model_dump(include={"overlap", "max_soft_masked"})),
        (chunk_genome, {"duplicates": Genomes().duplicates, "exclude": tuple(Genomes().exclude)}),
        (train_tokenizer, {name: getattr(BPE4096, name) for name in train_tokenizer.BPE_OPTIONS}),
        (train_tokenizer, {"seed": names.SEED}),
        (encode_genome, {"reverse_complement": BPE4096.reverse_complement, "seed": names.SEED}),
        (build_dataset, {"split": Gue().split, "max_rows": [*Gue().max_rows.model_dump().values()]}),
        (take_dataset, {"problem": Custom(folder="x").problem}),
        (finetune_model, {"metric": names.METRICS[FitSettings().problem][0]}),
        (simulate_world, {"seed": Demo().seed}),
    ],
    ids=lambda value: value.__name__ if hasattr(value, "__name__") else "",
)
def test_programs_have_the_defaults_of_the_configuration(program, defaults):
    parser = program.build_parser()
    assert {name: parser.get_default(name) for name in defaults} == defaults


def refuses(call: Callable[[str], object], value: str) -> bool:
    try:
        call(value)
    except (ValueError, KeyError):
        return True
    return False


def test_names_are_those_that_have_code():
    assert set(build_dataset.BUILDERS) == set(names.TASKS)
    assert set(split.METHODS) == set(choices(Gue, "split"))
    assert set(CUSTOM_SPLITS) == set(choices(Custom, "split")) == set(split.METHODS) - {"paired"} | {"chromosome"}
    assert (choices(Custom, "centre"), choices(Custom, "negatives")) == (CENTRES, NEGATIVES)
    assert set(PROBLEMS) == set(names.METRICS) == set(choices(Custom, "problem"))
    for metric in (*(metric for metrics in names.METRICS.values() for metric in metrics), "auprc:an enhancer"):
        assert Custom(folder="x", metric=metric).metric == metric
    for metric in ("mse", "mcc:enhancer", "auroc:"):
        assert refuses(lambda value: Custom(folder="x", metric=value), metric)
    assert {"auto", *BACKENDS} == set(choices(Training, "attention"))
    assert {"auto", "fp32", *DTYPES} == set(choices(Training, "precision"))
    assert set(names.TOKENIZER_KINDS) == set(choices(Tokenizer, "kind"))
    for kind in names.FIXED_KINDS:
        assert kmer_tokenizers.build(kind, 1 if kind == "nucleotide" else 2)
    assert refuses(kmer_tokenizers.build, "bpe")
    for baseline in names.BASELINES:
        assert baselines.build(baseline, 2)


def test_tables_know_the_same_names():
    properties = {name: schema(name)["properties"] for name in ("gue", "gue_candidates", "gue_published", "species")}
    assert tuple(properties["gue"]["task"]["enum"]) == names.TASKS
    assert tuple(properties["gue_published"]["task"]["enum"]) == names.TASKS
    assert tuple(properties["gue_published"]["split"]["enum"]) == names.SPLITS
    assert tuple(properties["gue_candidates"]["task"]["enum"]) == names.BINDING_TASKS
    assert tuple(properties["species"]["group"]["enum"]) == get_args(Group)
    for table in ("gue", "finetune_hparams"):
        assert set(RELEASED) <= set(read_table(CONFIG / f"{table}.tsv")[0])


@pytest.mark.parametrize(
    ("module", "foreign"),
    [
        ("names", ("pydantic", "yaml", "jsonschema")),
        ("finetune", ("yaml", "jsonschema", "numpy", "torch")),
        ("configuration", ("jsonschema", "numpy", "torch", "snakemake")),
    ],
)
def test_importing_settings_loads_nothing_heavy(module, foreign):
    code = f"""
import sys
import workflow_scripts.settings.{module}
print(*[name for name in {foreign!r} if name in sys.modules])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_help_lists_the_keys():
    for program, sections in ((pretrain_model, (SeededTraining, Architecture)), (finetune_model, (FitSettings,))):
        text = program.build_parser().format_help()
        assert all(f"\n  {key} (default: " in text for section in sections for key in section.model_fields)
