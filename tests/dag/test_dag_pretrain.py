"""What the rules of the pre-training ask for."""

import json

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
    names = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    for model, folder in ((MORE, "results/pretrain/dnabert2"), (FOREIGN, "/a/model")):
        assert models.start_option(model) == ["--start", folder]
        assert models.start_files(model) == [f"{folder}/{name}" for name in names]
        assert models.tokenizer_file(model) == f"{folder}/tokenizer.json"
        assert models.architecture(model) == "{}", "that of the other"
        shard = f"results/pretrain/training_sets/{model.model}/train"
        assert models.shards(model) == f"{shard}.npy"
        assert models.shard_files(".npy")(model) == [f"{shard}.npy"]
        assert models.shard_files(".index.npy")(model) == [f"{shard}.index.npy"]


def test_the_tokenizer_of_a_chain_is_that_of_its_first_model(pretraining):
    statistics = pretraining().tokenizer_statistics
    assert statistics("dnabert2") == statistics("more") == "results/tokenizer/bpe4096/stats.json"
    assert statistics("foreign") is None


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
