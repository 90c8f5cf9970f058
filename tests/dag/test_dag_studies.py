"""What the rules of the studies ask for."""

import pytest

from tests.dag.conftest import SIZES, job
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.pretrain import Pretraining
from workflow_scripts.dag.studies import Studying

TRAINING = {"length": 32, "mask_run": 6}
MODELS = {
    "ours": {"tokenizer": "bpe4096", "architecture": SIZES, "training": TRAINING},
    "random": {"tokenizer": "bpe4096", "architecture": SIZES, "training": {"steps": 0}},
    "more": {"from": "ours", "data": "genomes", "training": TRAINING},
}
STUDIES = {
    "sample_efficiency": {"pretrained": ["few", "ours"], "random": ["random"], "datasets": ["emp/H3"]},
    "length": {"alibi": "ours", "others": ["random"], "multiples": [1, 20]},
}


@pytest.fixture
def studying(configured):
    """``studying(studies)``: of two models, one of which has fits under another name."""

    def studying(studies: dict = STUDIES) -> Studying:
        entries = {"few": {"pretrained": "ours", "settings": {"train_share": 0.01}}}
        fits = {"seeds": [1, 2], "models": entries}
        settings = configured({"pretrain": MODELS, "finetune": fits, "studies": studies})
        genomes, finetuning = Genomes(settings), Finetuning(settings, Gue(settings))
        return Studying(settings, genomes, Pretraining(settings, genomes), finetuning)

    return studying


def test_only_configured_studies_are_made(studying):
    assert studying({}).results() == []
    assert studying().results() == [f"results/studies/{name}/result.json" for name in ("sample_efficiency", "length")]
    nothing = studying({})
    assert nothing.losses("length") == nothing.fits("strands") == nothing.options("corpus") == nothing.windows() == []


def test_a_study_asks_for_fits_of_its_models_whether_a_run_names_them_or_not(studying):
    study = studying()
    assert study.datasets("sample_efficiency") == ["emp/H3"]
    folders = [path.rpartition("/")[0] for path in study.fits("sample_efficiency") if path.endswith("metrics.json")]
    assert folders == [
        f"results/finetune/{model}/full/emp/H3/seed{seed}" for model in ("few", "ours", "random") for seed in (1, 2)
    ]
    assert study.fitted_models("sample_efficiency") == [f"{folder}/model" for folder in folders]
    models = ["--pretrained", "few", "ours", "--random", "random"]
    fits = ["--datasets", "emp/H3", "--seeds", "1", "2"]
    assert study.options("sample_efficiency") == ["--seed", "42", *models, *fits]


def test_losses_are_measured_in_the_trained_window_and_in_its_multiples(studying):
    study = studying()
    assert study.losses("length")[:2] == [f"results/studies/losses/long/{name}.parquet" for name in ("ours", "random")]
    assert study.loss_windows(job(model="ours", reading="trained")) == [30]
    assert study.loss_windows(job(model="ours", reading="long")) == study.windows() == [30, 600]
    assert study.options("length")[-3:] == ["--windows", "30", "600"]
    assert study.mask_run(job(model="ours")) == 6
    files = study.shard_files(".npy")(job(model="ours"))
    assert files == [f"results/tokenizer/bpe4096/tokens/{name}.npy" for name in ("small.1", "large.1")]
    assert study.shard_files(".npy")(job(model="more")) == files, "in the tokens of the model that it starts from"


def test_a_model_under_another_name_is_fitted_from_the_files_of_the_one_that_is_trained(studying):
    fits = studying().finetuning
    assert fits.directory("few") == fits.directory("ours") == "results/pretrain/ours"
    wildcards = job(model="few", method="full", task="emp", dataset="H3", seed="1")
    assert fits.model_files(wildcards) == ["results/pretrain/ours/SHA256SUMS"]
    assert '"train_share": 0.01' in fits.fit_settings(wildcards)
    assert fits.flops(wildcards) is not None


def test_a_study_of_an_annotated_genome_reads_its_chunks_tokens_and_annotation(studying):
    regions = {"model": "ours", "accession": "small.1", "regions": "genes.bed"}
    features = {"model": "ours", "accession": "small.1", "features": "features.bed"}
    study = studying({"variants": regions, "tokens": features})
    for claim, file in (("variants", "genes.bed"), ("tokens", "features.bed")):
        files = study.annotated(claim)
        assert files["annotation"] == [file]
        assert files["chunks"] == ["results/genomes/chunks/small.1.parquet"]
        assert files["tokens"] == ["results/tokenizer/bpe4096/tokens/small.1.npy"]
    assert study.options("variants") == ["--seed", "42", "--model", "ours", "--window", "30"]
    assert study.options("tokens") == ["--seed", "42", "--model", "ours"]
    assert not any(studying({}).annotated("tokens").values())
