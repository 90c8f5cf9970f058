"""What the rules of the fine-tuning ask for."""

import json
from pathlib import Path

import pytest

from tests.dag.conftest import DEFAULT, DEMO, LAPTOP, REPOSITORY, SIZES, SMALL, job
from workflow_scripts.common.files import read_table, write_json
from workflow_scripts.common.flops import encoder_flops
from workflow_scripts.dag.costs import Encoder, bases_per_token
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.gue import Gue
from workflow_scripts.settings.fit_settings import LORA, RELEASED, FitSettings

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
    assert files["dnabert2"] == ["results/pretrain/dnabert2/SHA256SUMS"]
    assert files["published"] == ["results/finetune/models/published.json"]
    assert tuning.fetched_model(fit("published")) == ["results/finetune/models/published"]
    assert files["theirs"] == files["cnn"] == [] and tuning.directory("cnn") is None


def test_a_model_in_a_directory_is_known_by_what_a_fit_reads_there(finetuning, theirs, tmp_path):
    def told(**entry):
        tuning = finetuning({"finetune": {"models": {"theirs": {"directory": theirs} | entry}}})
        return tuning.foreign_content(fit("theirs")), tuning.reading(fit("theirs"))

    names = ("config.json", "model.safetensors", "pytorch_model.bin", "tokenizer.json", "vocab.txt")
    before = told()
    assert len(before[0]) == len(names) and json.loads(before[1]) == {}
    (Path(theirs) / "notes.txt").write_text("not read")
    (Path(theirs) / "modeling.py").write_text("# code")
    assert told() == before and len(told(trust_remote_code=True)[0]) == len(names) + 1
    Path(theirs).rename(tmp_path / "moved")
    assert told(directory=str(tmp_path / "moved")) == before, "only the content counts"
    (tmp_path / "moved/vocab.txt").write_text("other")
    assert told(directory=str(tmp_path / "moved"))[0] != before[0]


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


def settings_of(tuning: Finetuning, model: str, dataset: str, method: str = "full") -> FitSettings:
    """The settings that a fit computes with."""
    return FitSettings.model_validate_json(tuning.fit_settings(fit(model, dataset, method)))


def test_without_an_overlay_every_fit_has_the_released_values(finetuning, tmp_path):
    tuning = finetuning({"gue": {"custom": {"enhancers/fly": {"folder": str(tmp_path)}}}})
    default = FitSettings().model_dump()
    assert not set(RELEASED) & DEFAULT["finetune"]["settings"].keys(), "written, they would override the released ones"
    for dataset, row in tuning.gue.registry.items():
        released = {key: type(default[key])(row[key]) for key in RELEASED if row.get(key)}
        for model in ("dnabert2", "dnabert2_random", "dnabert2_117m"):
            assert settings_of(tuning, model, dataset).model_dump() == default | released
            adapted = default | released | {key: default[key] for key in LORA} | {"learning_rate": 1e-4}
            assert settings_of(tuning, model, dataset, "lora").model_dump() == adapted


@pytest.mark.parametrize("overlay", [LAPTOP, SMALL], ids=["laptop", "small"])
def test_an_overlay_keeps_what_it_says_of_all_fits(finetuning, theirs, overlay):
    models = {"theirs": {"directory": theirs}, "bare": {"directory": theirs, "released": "none"}}
    tuning = finetuning(overlay, {"genomes": {"corpus": "species.tsv"}, "finetune": {"models": models}})
    written = overlay["finetune"]["settings"]
    assert written["learning_rate"] > 3e-5
    for dataset in tuning.gue.registry:
        for model in ("dnabert2", "dnabert2_random", "theirs", "bare"):
            assert settings_of(tuning, model, dataset).model_dump(include=set(written)) == written
        assert settings_of(tuning, "kmer_regression", dataset).learning_rate == 1e-3, "of its entry"


def test_a_users_overlay_is_over_the_released_values(finetuning):
    tuning = finetuning({"finetune": {"settings": {"learning_rate": 7e-4, "eval_steps": 33}}})
    for dataset in tuning.gue.registry:
        told = settings_of(tuning, "dnabert2", dataset)
        assert (told.learning_rate, told.eval_steps) == (7e-4, 33)
    assert settings_of(tuning, "dnabert2", "tf_mouse/0").max_steps == 1000


@pytest.mark.parametrize("overlay", [LAPTOP, SMALL], ids=["laptop", "small"])
def test_small_models_read_both_strands_where_the_label_holds_for_both(finetuning, overlay):
    tuning = finetuning(overlay, {"genomes": {"corpus": "species.tsv"}})
    for dataset in tuning.gue.registry:
        told = settings_of(tuning, "dnabert2", dataset)
        if dataset.startswith(("emp/", "tf_human/", "tf_mouse/", "epi/")):
            assert (told.reverse_complement_share, told.both_strands) == (0.5, True)
        else:
            assert (told.reverse_complement_share, told.both_strands) == (0, False)
    assert not settings_of(finetuning(), "dnabert2", "tf_human/0").both_strands, "the paper's fits do not"


KINDS = {  # tokenizers, and whether the released limits of DNABERT-2 suit them
    "bpe4096": ({}, True),
    "larger": ({"kind": "bpe", "vocab_size": 8192, "min_frequency": 2, "sample_bases": 1000}, True),
    "smaller": ({"kind": "bpe", "vocab_size": 256, "min_frequency": 2, "sample_bases": 1000}, False),
    "words": ({"kind": "kmer_overlapping", "k": 6}, False),
    "side_by_side": ({"kind": "kmer", "k": 6}, False),
    "bases": ({"kind": "nucleotide", "k": 1}, False),
}


@pytest.mark.parametrize("name", KINDS)
def test_released_limits_are_for_the_tokens_that_they_count(finetuning, name):
    described, suits = KINDS[name]
    models = {"mine": {"tokenizer": name, "architecture": SIZES}, "further": {"from": "mine", "data": "gue"}}
    tuning = finetuning({"tokenizer": {name: described}, "pretrain": models})
    for model in ("mine", "further"):
        assert settings_of(tuning, model, "emp/H3").max_tokens == (128 if suits else 0)
    assert settings_of(tuning, "mine", "tf_mouse/0").max_steps == 1000, "the other released values hold"
    asked = finetuning(
        {"tokenizer": {name: described}, "pretrain": models, "finetune": {"settings": {"max_tokens": 9}}}
    )
    assert settings_of(asked, "mine", "emp/H3").max_tokens == 9


def test_a_fit_takes_longer_with_shorter_tokens(finetuning):
    tokenizers = {name: described for name, (described, _) in KINDS.items() if described}
    models = {name: {"tokenizer": name, "architecture": SIZES} for name in KINDS}
    tuning = finetuning({"tokenizer": tokenizers, "pretrain": models})
    flops = {name: tuning.flops(fit(name, "epi/K562")) for name in KINDS}
    order = ["side_by_side", "larger", "bpe4096", "smaller", "bases"]
    assert sorted(order, key=flops.get) == order
    assert flops["bases"] == flops["words"] > 5 * flops["bpe4096"], "five times the tokens, and attention grows faster"
    mean = {name: bases_per_token(tuning.tokenizer(name)) for name in KINDS}
    assert mean["smaller"] == pytest.approx(3.3, abs=0.1) and (mean["bpe4096"], mean["side_by_side"]) == (5, 6)


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ({"type": "BPE", "vocab": dict.fromkeys(map(str, range(4096)), 0)}, 128),
        ({"type": "BPE", "vocab": dict.fromkeys(map(str, range(1024)), 0)}, 0),
        ({"type": "WordLevel", "vocab": dict.fromkeys(map(str, range(4101)), 0)}, 0),
        ("torn", 0),
    ],
)
def test_the_tokenizer_of_a_directory_is_read(finetuning, theirs, model, limit):
    (Path(theirs) / "tokenizer.json").write_text(json.dumps({"model": model}))
    models = {"theirs": {"directory": theirs}, "words": {"directory": theirs, "kmer": 3, "released": "dnabert"}}
    tuning = finetuning({"pretrain": {"further": {"from": theirs, "data": "gue"}}, "finetune": {"models": models}})
    assert settings_of(tuning, "theirs", "emp/H3").max_tokens == limit
    assert settings_of(tuning, "further", "emp/H3").max_tokens == limit
    assert settings_of(tuning, "words", "emp/H3").max_tokens == 512, "those of DNABERT count k-mers"


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
    other = {"models": {"other": {"hub": "someone/other", "revision": "main"}}}
    tuning = finetuning({"gue": {"custom": {"enhancers/fly": {"folder": str(tmp_path)}}}, "finetune": other})
    for unknown in (fit("cnn"), fit("other"), fit("dnabert2", "enhancers/fly")):
        assert tuning.flops(unknown) is None
        assert [tuning.minutes(unknown, attempt) for attempt in (1, 2)] == [480, 960]
        assert tuning.shared_job(unknown) is None


def test_published_models_cost_what_the_table_of_the_papers_models_gives(finetuning):
    """Relative to DNABERT-2, fits with the same steps cost what a pass over 500 bases does."""
    same = {"finetune": {"released_values": False, "settings": {"max_tokens": 0, "max_steps": 100, "batch_size": 32}}}
    tuning = finetuning(same)
    one = tuning.flops(fit("dnabert2_117m"))

    def of_500_bases(row: dict[str, str]) -> float:
        sizes = (int(row[key]) for key in ("layers", "hidden_size", "intermediate_size"))
        return sum(encoder_flops(float(row["tokens_500bp"]), *sizes, row["gated"] == "yes"))

    rows = {row["model"]: of_500_bases(row) for row in read_table(REPOSITORY / "config/paper_models.tsv")}
    for model, name in (("dnabert_3", "DNABERT (3-mer)"), ("nt_2500m_multi", "NT-2500M-multi")):
        expected = rows[name] / rows["DNABERT-2"]
        assert tuning.flops(fit(model)) / one == pytest.approx(expected, rel=0.05), "100 tokens here, 103.1 there"
    assert tuning.encoder("dnabert2_117m").bytes == pytest.approx(468_354_983, rel=0.01)


def test_a_fit_to_few_rows_costs_little(finetuning):
    """Ten rows of each class, or a share; more shots than there are rows are all of them."""

    def cost(**settings) -> float:
        released = {"released_values": False, "settings": {"min_steps": 0} | settings}
        return finetuning({"finetune": released}).flops(fit("dnabert2_117m", "promoter/all"))

    rows = int(next(row["train"] for row in read_table(REPOSITORY / "config/gue.tsv") if row["dataset"] == "all"))
    assert cost(shots=10) / cost() == pytest.approx(20 / rows) and cost(train_share=0.5) / cost() == pytest.approx(0.5)
    assert cost(shots=10**9) == cost()


def test_a_directory_and_a_fetched_model_say_their_sizes_themselves(finetuning, tmp_path):
    config = {"num_hidden_layers": 24, "hidden_size": 1280, "intermediate_size": 5120, "model_type": "esm"}
    entries = {"mine": {"directory": str(tmp_path / "mine")}, "other": {"hub": "someone/other", "revision": "main"}}
    for folder in (tmp_path / "mine", tmp_path / "results/finetune/models/other"):
        write_json(folder / "config.json", config)
    tuning = finetuning({"finetune": {"models": entries}})
    assert tuning.encoder("mine") == tuning.encoder("other") == Encoder(24, 1280, 5120, False, 6)
    write_json(tmp_path / "mine/config.json", {"model_type": "hyenadna"})
    assert finetuning({"finetune": {"models": entries}}).encoder("mine") is None


def test_short_fits_share_a_job_and_long_ones_do_not(finetuning):
    tuning = finetuning()
    assert tuning.shared_job(fit("dnabert2", "tf_mouse/3")) == "small_fits"
    assert tuning.shared_job(fit("dnabert2", "covid/variants")) is None
    assert finetuning(DEMO, {"genomes": {"corpus": "species.tsv"}}).shared_job(fit("dnabert2")) == "small_fits"


def test_rows_and_lengths_of_the_configuration_count(finetuning):
    flops = finetuning().flops(fit("dnabert2"))
    few_rows = {"gue": {"max_rows": {"train": 100}}, "finetune": {"settings": {"min_steps": 0}}}
    fewer = finetuning(few_rows).flops(fit("dnabert2"))
    assert fewer == pytest.approx(flops * 100 / 11_971)
    shorter = finetuning({"gue": {"length": {"emp": 100}}}).flops(fit("dnabert2"))
    assert shorter < flops / 4
    cut = finetuning({"finetune": {"tasks": {"emp": {"max_tokens": 20}}}}).flops(fit("dnabert2"))
    assert cut == shorter, "20 tokens are 100 bases"
    published = {"origin": "published", "published": "a.zip", "max_rows": {"train": 100}}
    assert finetuning({"gue": published}).flops(fit("dnabert2")) == flops, "published files come whole"


def test_a_frozen_model_passes_over_the_rows_once(finetuning):
    """The others go forwards and backwards, in each of three epochs."""
    full, probe = (finetuning().flops(fit("dnabert2", method=method)) for method in ("full", "probe"))
    assert full == pytest.approx(3 * 3 * probe)
