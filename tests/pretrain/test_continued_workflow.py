"""A model of a directory goes on with the genome of one species, from its FASTA to a fit, by Snakemake."""

import json
import os
import random

import pytest
import torch

from tests.tiny_models import write_dnabert2, write_published
from tests.workflow.harness import job_counts, snakemake
from workflow_scripts.common.files import read_json

pytestmark = pytest.mark.slow
TRAINING = {
    **{"steps": 30, "warmup_steps": 2, "batch_size": 32, "micro_batch_size": 32, "length": 16, "precision": "fp32"},
    **{"learning_rate": 3e-3, "validate_every": 10, "validation_sequences": 40, "log_every": 10},
}
HELD_OUT = {"fraction": 0.2, "block": 10}
SUMMARY = "results/pretrain/mine/summary.json"


@pytest.fixture
def run(tmp_path):
    """``run(target, ..., training keys)``: a working directory with a genome of a few words, and a published model."""
    write_published(tmp_path / "published", write_dnabert2(tmp_path / "tiny"))
    draw = random.Random(0)
    words = ["".join(draw.choices("ACGT", k=12)) for _ in range(8)]
    (tmp_path / "mine.fa").write_text(f">chr1\n{''.join(draw.choices(words, k=2500))}\n")
    (tmp_path / "species.tsv").write_text("accession\torganism\tgroup\turl\nmine\tAus bus\tviral\tmine.fa\n")
    for split, rows in (("train", 40), ("dev", 10), ("test", 10)):
        lines = [f"{''.join(draw.choices('ACGT', k=40))},{number % 2}" for number in range(rows)]
        (tmp_path / "fly").mkdir(exist_ok=True)
        (tmp_path / "fly" / f"{split}.csv").write_text("\n".join(["sequence,label", *lines]) + "\n")

    def run(*arguments: str, start: str = "published", directory: str = "", check: bool = True, **training) -> str:
        """``directory``: of a model that is fitted under the name ``middle``, in place of the one that is trained."""
        model = {"from": start, "data": "genomes", "gpus": 0, "training": TRAINING | training}
        fits = {"models": ["middle" if directory else "mine"], "method": "full", "datasets": ["*"]}
        config = {
            "genomes": {"corpus": "species.tsv", "chunk": {"length": 150}, "validation": HELD_OUT},
            "pretrain": {"mine": model},
            "gue": {"custom": {"enhancers/fly": {"folder": "fly"}}, "datasets": ["enhancers/*"]},
            "finetune": {"runs": [fits], "gpus": 0},
        }
        if directory:
            config["finetune"]["models"] = {"middle": {"directory": directory}}
        (tmp_path / "mine.yaml").write_text(json.dumps(config))
        options = ["--directory", tmp_path, "--configfile", tmp_path / "mine.yaml", "--cores", "1"]
        return snakemake(*arguments, *options, check=check).stdout

    return run


def test_from_a_published_directory_and_a_genome_to_a_better_model(run, tmp_path):
    run(SUMMARY, keep_models_every=10)
    log = [json.loads(line) for line in (tmp_path / "results/pretrain/mine/log.jsonl").open()]
    losses = [entry["mask_loss"] for entry in log if "mask_loss" in entry]
    assert losses[-1] < losses[0] - 0.3, "on the held-out blocks of the genome"
    counts = read_json(tmp_path / "results/tokenizer/mine/tokens/mine.json")
    assert counts["bases"] == 30_000 and 0 < counts["validation_tokens"] < counts["tokens"] and not counts["unknown"]
    assert not (tmp_path / "results/tokenizer/bpe4096").exists(), "only the tokenizer of the start is needed"

    changed = {"keep_models_every": 5, "stop_on_plateau": 2}
    assert job_counts(run(SUMMARY, "-n", **changed)) == {}, "they change no finished model"
    assert job_counts(run(SUMMARY, "-n", steps=31)) == {"pretrain_model": 1}

    kept = "results/pretrain/checkpoints/mine/step-20"
    metrics = "results/finetune/middle/full/enhancers/fly/seed42/metrics.json"
    run(metrics, directory=kept)
    assert (tmp_path / metrics).is_file(), "a kept model is fitted like any directory"
    assert (tmp_path / kept / "model.safetensors").is_file()

    weights = tmp_path / "published/pytorch_model.bin"
    os.utime(weights)
    assert job_counts(run(SUMMARY, "-n", start="./published/")) == {}, "the start is known by its bytes"
    tensors = torch.load(weights, weights_only=True)
    torch.save({name: value + 1e-3 for name, value in tensors.items()}, weights)
    os.utime(weights, (1e9, 1e9))
    assert job_counts(run(SUMMARY, "-n")) == {"pretrain_model": 1}


def test_a_training_on_a_plateau_is_a_failed_job_with_its_reason(run, tmp_path):
    """Started again it fails at once, and what depends on the model is not made."""
    draw = random.Random(1)
    (tmp_path / "mine.fa").write_text(f">chr1\n{''.join(draw.choices('ACGT', k=30_000))}\n")
    stuck = {"steps": 400, "learning_rate": 1e-9, "stop_on_plateau": 3, "keep_models_every": 20}
    for _ in range(2):
        output = run("gue_results", check=False, **stuck)
        (line,) = {line for line in output.splitlines() if line.startswith("failed: pretrain_model: ")}
        assert "pretrain_model: step 40: stopped on the plateau: in 3 validations" in line
        assert not (tmp_path / SUMMARY).exists() and not (tmp_path / "results/finetune").exists()
    kept = tmp_path / "results/pretrain/checkpoints/mine"
    assert sorted(path.name for path in kept.iterdir()) == ["step-20", "step-40"], "no outputs of the failed job"
    assert "resumed at step 40" in (tmp_path / "results/logs/pretrain/pretrain_model/mine.log").read_text()
