"""What the rules of the pre-training ask for."""

import json
import os
import shutil

import pytest

from tests.dag.conftest import SIZES, job
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.pretrain import Pretraining
from workflow_scripts.settings.pretrain import RUNNING, Training

NEW, MORE, FOREIGN = job(model="dnabert2"), job(model="more"), job(model="foreign")
TRAINING = {"steps": 10, "warmup_steps": 1, "batch_size": 32, "micro_batch_size": 32}


@pytest.fixture
def pretraining(configured):
    """``pretraining(keys of dnabert2)``: with one that goes on from it, and one from a directory."""

    def pretraining(**keys) -> Pretraining:
        models = {
            "dnabert2": keys,
            "more": {"from": "dnabert2", "data": "gue", "gpus": 1, "training": TRAINING},
            "foreign": {"from": "/a/model", "data": "gue", "gpus": 1, "training": TRAINING},
        }
        settings = configured({"pretrain": models})
        return Pretraining(settings, Genomes(settings))

    return pretraining


def test_a_new_model_is_trained_on_the_tokens_of_the_genomes(pretraining):
    models = pretraining()
    assert models.start_files(NEW) == models.start_option(NEW) == []
    assert models.tokenizer_file(NEW) == "results/tokenizer/bpe4096/tokenizer.json"
    assert models.shards(NEW) == "results/tokenizer/bpe4096/tokens"
    assert models.shard_files(".index.npy")(NEW) == [
        f"results/tokenizer/bpe4096/tokens/{accession}.index.npy" for accession in ("small.1", "large.1")
    ]


def test_a_further_training_starts_from_the_files_of_the_other(pretraining):
    models = pretraining()
    assert models.start_files(MORE) == ["results/pretrain/dnabert2/SHA256SUMS"]
    assert models.made_tokenizer(MORE) == ["results/pretrain/dnabert2/tokenizer.json"]
    assert models.start_files(FOREIGN) == models.made_tokenizer(FOREIGN) == [], "known by their content"
    for model, folder in ((MORE, "results/pretrain/dnabert2"), (FOREIGN, "/a/model")):
        assert models.start_option(model) == ["--start", folder]
        assert models.tokenizer_file(model) == f"{folder}/tokenizer.json"
        assert models.tokenizer_folder(model) == folder
        assert models.architecture(model) == "{}", "that of the other"
        shard = f"results/pretrain/training_sets/{model.model}/train"
        assert models.shards(model) == f"{shard}.npy"
        assert models.shard_files(".npy")(model) == [f"{shard}.npy"]
        assert models.shard_files(".index.npy")(model) == [f"{shard}.index.npy"]


def test_the_tokenizer_of_a_chain_is_that_of_its_first_model(pretraining):
    statistics = pretraining().tokenizer_statistics
    assert statistics("dnabert2") == statistics("more") == "results/tokenizer/bpe4096/stats.json"
    assert statistics("foreign") is None


def test_a_continued_training_reads_genomes_in_the_tokens_of_its_start(configured, tmp_path):
    """Of another model in those of its tokenizer, of a directory, and of a model of one, in those of the directory."""
    continued = {"data": "genomes", "genomes": ["small.*"], "gpus": 0, "training": TRAINING}
    models = {
        "more": {"from": "dnabert2"} | continued,
        "foreign": {"from": "a/model"} | continued,
        "again": {"from": "foreign", "data": "genomes", "gpus": 0, "training": TRAINING},
    }
    settings = configured({"pretrain": models})
    told = Pretraining(settings, Genomes(settings))
    assert told.shards(MORE) == ["results/tokenizer/bpe4096/tokens/small.1.npy"]
    assert told.shards(FOREIGN) == ["results/tokenizer/foreign/tokens/small.1.npy"]
    again = job(model="again")
    assert told.shards(again) == "results/tokenizer/foreign/tokens"
    assert told.start_files(again) == ["results/pretrain/foreign/SHA256SUMS"]
    assert told.tokenizer_statistics("again") is told.tokenizer_statistics("foreign") is None


def test_the_content_of_a_directory_decides_whatever_its_name_and_its_times(configured, tmp_path):
    """Models that start from nothing or from another have the params that they had before there were directories."""

    def content(written: str) -> list[str]:
        settings = configured({"pretrain": {"foreign": {"from": written, "data": "gue", "training": TRAINING}}})
        told = Pretraining(settings, Genomes(settings))
        assert told.tokenizer_file(FOREIGN) in ("a/model/tokenizer.json", "b/model/tokenizer.json")
        assert told.start_content(NEW) == []
        return told.start_content(FOREIGN)

    folder = tmp_path / "a/model"
    folder.mkdir(parents=True)
    for name in ("config.json", "pytorch_model.bin", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_text(name)
    before = content("a/model")
    assert before == content("./a//model/") == content(str(folder)) and len(set(before)) == 4
    shutil.copytree(folder, tmp_path / "b/model")
    assert content("b/model") == before
    weights = folder / "pytorch_model.bin"
    weights.write_text("PYTORCH_MODEL.BIN")
    os.utime(weights, (1e9, 1e9))
    changed = content("a/model")
    assert [one == other for one, other in zip(before, changed, strict=True)] == [True, False, True, True]
    (folder / "model.safetensors").write_text("which the library reads first")
    assert content("a/model")[1] not in (before[1], changed[1])


def test_a_model_of_another_is_known_by_that(pretraining):
    assert pretraining().start_content(MORE) == pretraining().start_option(MORE)


def test_the_text_of_the_params_is_that_of_finished_models(pretraining):
    """An added key that is off, or says how a model is trained, must not repeat the trainings of before it."""
    text = (
        '{"batch_size": 4096, "beta1": 0.9, "beta2": 0.98, "crop": "window", "epsilon": 1e-06, '
        '"initial_embeddings": "random", "learning_rate": 0.0005, "length": 128, "log_every": 100, '
        '"low_precision_layernorm": false, "mask_run": 1, "mask_share": 0.15, "optimizer": "adamw", '
        '"precision": "auto", "seed": 42, "steps": 500000, "validate_every": 2000, "validation_sequences": 4096, '
        '"warmup_steps": 30000, "weight_decay": 1e-05, "weight_decay_scaling": "schedule"}'
    )
    assert pretraining().training(NEW) == text
    running = {"stop_on_plateau": 3, "keep_models_every": 5, "checkpoint_every": 7}
    assert pretraining(training=running).training(NEW) == text


def test_settings_that_do_not_change_the_model_are_told_apart(pretraining):
    assert {"micro_batch_size", "checkpoint_every", "compile"} < set(RUNNING) and not {"steps", "length"} & set(RUNNING)
    models = pretraining(training={"micro_batch_size": 64, "compile": True, "steps": 7})
    training = json.loads(models.training(NEW))
    assert (training["steps"], training["seed"], training["length"]) == (7, 42, 128)
    assert training.keys() == Training.model_fields.keys() - RUNNING | {"seed"}
    assert pretraining(training={"micro_batch_size": 16, "steps": 7}).training(NEW) == models.training(NEW)
    assert pretraining(training={"steps": 8}).training(NEW) != models.training(NEW)


def test_the_architecture_is_complete(pretraining):
    sizes = json.loads(pretraining(architecture=SIZES).architecture(NEW))
    rest = {"hidden_dropout_prob": 0.1, "initializer_range": 0.02, "positions": "alibi", "max_positions": 512}
    assert sizes == SIZES | rest


@pytest.mark.parametrize(
    ("keys", "gpus", "threads", "extra"),
    [
        ({"gpus": 0}, 0, 8, ""),
        ({"gpus": 0, "threads": 1}, 0, 1, ""),
        ({"gpus": 1}, 1, 8, ""),
        ({"gpus": 8}, 8, 64, ""),
        ({"gpus": 4, "nodes": 2}, 8, 8, " --ntasks-per-node=4 --gpus-per-node=4"),
        ({"gpus": 0, "nodes": 3}, 0, 8, " --ntasks-per-node=1"),
    ],
    ids=["cpu", "one thread", "one GPU", "eight GPUs", "two nodes", "nodes without GPUs"],
)
def test_a_job_asks_for_its_gpus_and_threads(pretraining, keys, gpus, threads, extra):
    models = pretraining(**keys)
    assert (models.nodes(NEW), models.node_gpus(NEW)) == (keys.get("nodes", 1), keys["gpus"])
    assert (models.gpus(NEW), models.threads(NEW)) == (gpus, threads)
    assert models.slurm_extra(NEW) == f"--signal=USR1@300{extra}"


def test_only_a_job_on_several_nodes_asks_for_tasks(pretraining):
    alone = pretraining(gpus=8)
    assert alone.mpi(NEW) is alone.tasks(NEW) is alone.tasks_per_gpu(NEW) is None
    together = pretraining(gpus=4, nodes=2)
    assert (together.mpi(NEW), together.tasks(NEW), together.tasks_per_gpu(NEW)) == ("srun", 8, 0)
    assert pretraining(gpus=0, nodes=3).tasks(NEW) == 3


def test_a_model_of_some_genomes_reads_only_their_shards(pretraining):
    models = pretraining(genomes=["small.*"])
    assert models.shards(NEW) == ["results/tokenizer/bpe4096/tokens/small.1.npy"]
    assert models.shard_files(".index.npy")(NEW) == ["results/tokenizer/bpe4096/tokens/small.1.index.npy"]
