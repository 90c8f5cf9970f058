"""What the rules of the report ask for."""

import json
from pathlib import Path

import pytest

from tests.dag.conftest import DEMO, SIZES, job
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.pretrain import Pretraining
from workflow_scripts.dag.report import Reporting
from workflow_scripts.dag.studies import Studying


@pytest.fixture
def reporting(configured):
    """``reporting(*models, overlay)``: of fits of these models to one data set."""

    def reporting(*models: str, **overlay) -> Reporting:
        runs = {"runs": [{"models": list(models), "method": "full", "datasets": ["emp/H3"]}], "seeds": [1, 2]}
        settings = configured({"finetune": runs}, overlay)
        gue = Gue(settings)
        genomes, finetuning = Genomes(settings), Finetuning(settings, gue)
        pretraining = Pretraining(settings, genomes)
        studying = Studying(settings, genomes, pretraining, finetuning)
        return Reporting(settings, pretraining, gue, finetuning, studying)

    return reporting


def test_no_genome_is_fetched_for_a_report_about_no_model_of_ours(reporting):
    ours, theirs = reporting("cnn", "dnabert2"), reporting("cnn", "dnabert2_117m")
    assert ours.trained == ["dnabert2"] and theirs.trained == []
    assert ours.of_training("a", "b") == ["a", "b"] and theirs.of_training("a", "b") == []
    assert ours.training_option("--corpus", "a") == ["--corpus", "a"] and theirs.training_option("--corpus", "a") == []


def test_floors_are_baselines_and_initial_weights(reporting):
    found = reporting("cnn", "dnabert2", "dnabert2_random", "kmer_regression", "dnabert2_117m").floors_option()
    assert found == ["--floors", "cnn", "dnabert2_random", "kmer_regression"]
    assert reporting("dnabert2").floors_option() == []


def test_a_report_waits_for_all_fits_unless_it_may_lack_some(reporting):
    fits = [f"results/finetune/cnn/full/emp/H3/seed{seed}/metrics.json" for seed in (1, 2)]
    Path(fits[1]).parent.mkdir(parents=True)
    Path(fits[1]).touch()
    assert reporting("cnn").fit_files("metrics.json") == fits
    lenient = reporting("cnn", report={"missing_fits": True})
    assert lenient.fit_files("metrics.json") == fits[1:] and lenient.fit_files("predictions.parquet") == []
    assert json.loads(lenient.planned()) == [{"model": "cnn", "method": "full", "datasets": ["emp/H3"]}]


def test_twins_have_a_table_of_their_own_and_are_in_no_other(reporting):
    with_twins, without = reporting("cnn", gue={"homology_twins": True}), reporting("cnn")
    assert with_twins.planned() == without.planned() == with_twins.twinned()
    assert with_twins.fit_files("metrics.json") == without.fit_files("metrics.json")
    own = without.fit_files("metrics.json")
    assert with_twins.twinned_fits("metrics.json") == own + [fit.replace("/H3/", "/H3.homology/") for fit in own]
    assert with_twins.homology_option() == ["--homology", "results/report/gue_homology.tsv"]
    assert without.homology_option() == [] == without.twinned_fits("metrics.json")


def test_models_are_counted_by_their_configuration_and_tokenizer(reporting):
    more = {"from": "dnabert2", "data": "gue", "gpus": 1, "training": {"steps": 1, "warmup_steps": 0}}
    model = {"tokenizer": "bpe4096", "gpus": 0, "architecture": SIZES, "training": {"steps": 0, "warmup_steps": 0}}
    report = reporting(
        *("tiny", "more", "published", "theirs", "cnn"),
        pretrain={"tiny": model, "more": more},
        finetune={
            "models": {"published": {"hub": "a/b", "revision": "1", "kmer": 3}, "theirs": {"directory": "/theirs"}}
        },
    )
    statistics = "results/tokenizer/bpe4096/stats.json"
    counted = json.loads(report.counted())
    assert counted == {
        "tiny": {"config": "results/pretrain/tiny/config.json", "statistics": statistics, "kmer": 0},
        "more": {"config": "results/pretrain/more/config.json", "statistics": statistics, "kmer": 0},
        "published": {"config": "results/finetune/models/published/config.json", "statistics": None, "kmer": 3},
        "theirs": {"config": "/theirs/config.json", "statistics": None, "kmer": 0},
        "cnn": {"config": None, "statistics": None, "kmer": 0},
    }
    assert list(counted) == ["tiny", "more", "published", "theirs", "cnn"], "the table has their order"
    assert report.counted_files() == [
        *("results/pretrain/tiny/config.json", statistics, "results/pretrain/more/config.json", statistics),
        *("results/finetune/models/published", "/theirs/config.json"),
    ]


def test_what_a_reader_must_know_is_an_option(reporting):
    plain = reporting("cnn", genomes={"corpus": "species.tsv"})
    assert plain.notice_option() == plain.corpus_note_option() == plain.simulated_flag() == plain.custom_option() == []
    custom = {"enhancers/fly": {"folder": "x", "metric": "f1"}}
    told = reporting("cnn", genomes={"corpus": "dnabert2_135"}, report={"notice": "a; b"}, gue={"custom": custom})
    assert told.notice_option() == ["--notice", "a; b"]
    assert told.corpus_note_option()[1].startswith("DNABERT-2 was trained on 135 species")
    assert told.custom_option() == ["--custom", "enhancers/fly=f1"]
    simulated = reporting("dnabert2", **DEMO | {"genomes": {"corpus": "species.tsv"}})
    assert simulated.simulated_flag() == ["--simulated"]
    assert simulated.finetuning.model_files(job(model="dnabert2")) == ["results/pretrain/dnabert2/SHA256SUMS"]
