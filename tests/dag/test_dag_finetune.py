"""What the rules of the fine-tuning ask for."""

import json

import pytest

from tests.dag.conftest import DEMO, job
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.gue import Gue

HUB = {"hub": "a/b", "revision": "0" * 40}


def fit(model: str, dataset: str = "emp/H3", method: str = "full"):
    task, name = dataset.split("/")
    return job(model=model, method=method, task=task, dataset=name, seed="42")


@pytest.fixture
def finetuning(configured):
    """``finetuning(overlay, ...)``: of the default configuration with overlays."""

    def finetuning(*overlays: dict) -> Finetuning:
        settings = configured(*overlays)
        return Finetuning(settings, Gue(settings))

    return finetuning


@pytest.fixture
def theirs(tmp_path) -> str:
    """A model directory with more than a fit reads."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "pytorch_model.bin", "vocab.txt", "tokenizer.json", "README.md"):
        (folder / name).touch()
    return str(folder)


def test_patterns_of_a_run_choose_among_the_chosen_data_sets(finetuning):
    runs = [
        {"models": ["dnabert2", "cnn"], "method": "full", "datasets": ["emp/*", "covid/*"]},
        {"models": ["dnabert2"], "method": "lora", "datasets": ["emp/H4"]},
    ]
    chosen = finetuning({"gue": {"datasets": ["emp/H3", "emp/H4"]}, "finetune": {"runs": runs, "seeds": [1, 2]}})
    assert chosen.runs == [
        {"model": "dnabert2", "method": "full", "datasets": ["emp/H3", "emp/H4"]},
        {"model": "cnn", "method": "full", "datasets": ["emp/H3", "emp/H4"]},
        {"model": "dnabert2", "method": "lora", "datasets": ["emp/H4"]},
    ]
    assert len(chosen.fits) == 2 * 2 * 2 + 2 and chosen.fitted_models() == ["dnabert2", "cnn"]
    assert chosen.fits[:2] == [f"results/finetune/dnabert2/full/emp/H3/seed{seed}" for seed in (1, 2)]


def test_a_fit_that_two_runs_ask_for_is_one(finetuning):
    run = {"models": ["dnabert2"], "method": "full", "datasets": ["emp/H3"]}
    assert len(finetuning({"finetune": {"runs": [run, run | {"datasets": ["emp/*"]}], "seeds": [1]}}).fits) == 10


def test_each_kind_of_model_has_its_files(finetuning, theirs):
    models = {"published": HUB, "theirs": {"directory": theirs}}
    tuning = finetuning({"finetune": {"models": models}})
    files = {name: tuning.model_files(fit(name)) for name in ("dnabert2", "published", "theirs", "cnn")}
    assert files["dnabert2"] == [
        f"results/pretrain/dnabert2/{name}"
        for name in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    ]
    assert files["published"] == ["results/finetune/models/published", "results/finetune/models/published.json"]
    names = ("config.json", "model.safetensors", "pytorch_model.bin", "tokenizer.json", "vocab.txt")
    assert files["theirs"] == [f"{theirs}/{name}" for name in names]
    assert files["cnn"] == [] and tuning.directory("cnn") is None


def test_a_fit_is_told_what_to_load_and_how(finetuning, theirs):
    models = {
        "published": HUB | {"trust_remote_code": True, "kmer": 3, "released": "nt"},
        "theirs": {"directory": theirs, "kmer": 0, "settings": {"epochs": 1}},
    }
    tuning = finetuning({"finetune": {"models": models}})
    told = {name: json.loads(tuning.model(fit(name))) for name in ("dnabert2", "published", "theirs", "cnn")}
    fetched = "results/finetune/models/published"
    assert told == {
        "dnabert2": {"directory": "results/pretrain/dnabert2"},
        "published": {"directory": fetched, "kmer": 3, "trust_remote_code": True},
        "theirs": {"directory": theirs},
        "cnn": {"baseline": "cnn"},
    }


def test_code_of_a_hub_model_is_fetched_only_if_it_is_trusted(finetuning):
    models = {"published": HUB, "trusted": HUB | {"trust_remote_code": True}}
    tuning = finetuning({"finetune": {"models": models}})
    options = ["--hub", "a/b", "--revision", "0" * 40]
    assert tuning.hub_options(job(model="published")) == options
    assert tuning.hub_options(job(model="trusted")) == [*options, "--code"]


def test_settings_of_another_task_are_not_part_of_a_fit(finetuning):
    before = finetuning().fit_settings(fit("dnabert2"))
    other = finetuning({"finetune": {"tasks": {"covid": {"epochs": 9}}}})
    assert other.fit_settings(fit("dnabert2")) == before
    assert json.loads(other.fit_settings(fit("dnabert2", "covid/variants")))["epochs"] == 9
    written = json.loads(before)
    assert written["learning_rate"] == 3e-5 and "rank" not in written, "of LoRA only"
    assert json.loads(finetuning().fit_settings(fit("dnabert2", method="lora")))["rank"] == 8


def test_a_custom_problem_is_a_setting_of_the_fit(finetuning, tmp_path):
    custom = {"signal/fly": {"folder": str(tmp_path), "problem": "regression"}}
    tuning = finetuning({"gue": {"custom": custom}})
    assert json.loads(tuning.fit_settings(fit("cnn", "signal/fly")))["problem"] == "regression"
    assert tuning.gue.metric(fit("cnn", "signal/fly")) == "spearman"


def test_minutes_follow_the_operations_the_machine_and_the_attempt(finetuning):
    tuning = finetuning()
    long, short = fit("dnabert2", "covid/variants"), fit("dnabert2", "tf_mouse/3")
    assert tuning.minutes(long, 2) == 2 * tuning.minutes(long, 1)
    assert tuning.minutes(long, 1) > 4 * 60 and 15 < tuning.minutes(short, 1) <= 30
    assert tuning.minutes(long, 1) == 15 + round(tuning.flops(long) / 5e12 / 60)
    on_cpu = finetuning({"finetune": {"gpus": 0, "threads": 2}})
    assert on_cpu.minutes(long, 1) == 15 + round(tuning.flops(long) / 2e11 / 60)


def test_of_a_fit_whose_size_is_not_known_eight_hours_are_asked_for(finetuning, tmp_path):
    tuning = finetuning({"gue": {"custom": {"enhancers/fly": {"folder": str(tmp_path)}}}})
    for unknown in (fit("cnn"), fit("dnabert2_117m"), fit("dnabert2", "enhancers/fly")):
        assert tuning.flops(unknown) is None
        assert [tuning.minutes(unknown, attempt) for attempt in (1, 2)] == [480, 960]
        assert tuning.shared_job(unknown) is None


def test_short_fits_share_a_job_and_long_ones_do_not(finetuning):
    tuning = finetuning()
    assert tuning.shared_job(fit("dnabert2", "tf_mouse/3")) == "small_fits"
    assert tuning.shared_job(fit("dnabert2", "covid/variants")) is None
    assert finetuning(DEMO, {"genomes": {"corpus": "species.tsv"}}).shared_job(fit("dnabert2")) == "small_fits"


def test_rows_and_lengths_of_the_configuration_count(finetuning):
    flops = finetuning().flops(fit("dnabert2"))
    fewer = finetuning({"gue": {"max_rows": {"train": 100}}}).flops(fit("dnabert2"))
    assert fewer == pytest.approx(flops * 100 / 11_971)
    shorter = finetuning({"gue": {"length": {"emp": 100}}}).flops(fit("dnabert2"))
    assert shorter < flops / 4
    cut = finetuning({"finetune": {"tasks": {"emp": {"max_tokens": 20}}}}).flops(fit("dnabert2"))
    assert cut == shorter, "20 tokens are 100 bases"
    published = {"origin": "published", "published": "a.zip", "max_rows": {"train": 100}}
    assert finetuning({"gue": published}).flops(fit("dnabert2")) == flops, "published files come whole"
