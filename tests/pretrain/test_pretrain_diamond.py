"""A model that continues from another one in the configuration: what it needs, what it reads, and mistakes."""

import copy
import re
from pathlib import Path

import pytest
import yaml

from tests.workflow.harness import REPOSITORY, job_counts, snakemake
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.pretrain import pretrain_errors
from workflow_scripts.settings.validation import mistakes_in

SIZES = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}


@pytest.fixture
def config():
    """The configuration of the repository with the diamond model."""
    whole, part = (yaml.safe_load((REPOSITORY / f"config/{name}.yaml").read_text()) for name in ("config", "diamond"))
    return whole | {"pretrain": copy.deepcopy(whole["pretrain"] | part["pretrain"])}


def mistakes(config: dict) -> list[str]:
    if lines := mistakes_in(Configuration, config, "config"):
        return lines
    settings = Configuration.model_validate(config)
    return [*pretrain_errors(settings.pretrain, settings.tokenizer, settings.genomes.chunk.length)]


def test_the_diamond_model_is_the_papers(config):
    assert mistakes(config) == []
    diamond = config["pretrain"]["dnabert2_diamond"]["training"]
    assert (diamond["steps"], diamond["batch_size"], diamond["learning_rate"]) == (100_000, 32, 5e-5)
    assert diamond["steps"] * diamond["batch_size"] * 128 == 409_600_000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"from": "dnabert3"}, "dnabert2_diamond.from: no model 'dnabert3', no directory with config.json; models are"),
        ({"from": "dnabert2_diamond"}, "from: dnabert2_diamond from dnabert2_diamond goes in a circle"),
        ({"gpus": 3}, "batch_size 32 is not a multiple of micro_batch_size 32 x 3 GPUs"),
    ],
)
def test_mistakes_are_named(config, changes, message):
    config["pretrain"]["dnabert2_diamond"] |= changes
    (line,) = mistakes(config)
    assert message in line


@pytest.mark.parametrize(
    ("model", "key", "value", "message"),
    [
        ("dnabert2_diamond", "tokenizer", "bpe4096", "tokenizer: it is that of the model named by 'from'"),
        ("dnabert2_diamond", "architecture", SIZES, "architecture: it is that of the model named by 'from'"),
        ("dnabert2", "data", "gue", "data: 'gue' is for a model that goes on from another"),
    ],
)
def test_keys_without_effect_are_refused(config, model, key, value, message):
    config["pretrain"][model][key] = value
    (line,) = mistakes(config)
    assert line.startswith(f"config pretrain.{model}.{message}")


@pytest.mark.slow
def test_further_pretraining_reads_only_training_sets_and_the_starting_model(tmp_path):
    """No job of further pre-training has a dev.csv or a test.csv among its inputs."""
    overlay = REPOSITORY / "config/diamond.yaml"
    target = "results/pretrain/dnabert2_diamond/summary.json"
    output = snakemake(target, "-n", "--directory", tmp_path, "--configfile", overlay).stdout
    jobs = job_counts(output)
    assert jobs["pretrain_model"] == 2 and jobs["encode_training_sets"] == 1 and jobs["build_dataset"] == 36
    _, *jobs_of_rules = re.split(r"\n(?:local)?rule ", output)
    blocks = {block.split(":")[0]: block for block in jobs_of_rules if "dnabert2_diamond" in block}
    inputs = {name: re.search(r"input: (.*)", block)[1].split(", ") for name, block in blocks.items()}
    tables = [path for path in inputs["encode_training_sets"] if path.endswith(".csv")]
    assert len(tables) == 36 and {Path(path).name for path in tables} == {"train.csv"}
    sets = "results/pretrain/training_sets/dnabert2_diamond"
    assert [path for path in inputs["pretrain_model"] if "training_sets" in path] == [
        f"{sets}/train.npy",
        f"{sets}/train.index.npy",
        f"{sets}/train.json",
    ]
    assert not [path for path in inputs["pretrain_model"] if path.endswith(".csv") or "tokenizer/bpe" in path]
    assert "results/pretrain/dnabert2/SHA256SUMS" in inputs["pretrain_model"]
