"""Pre-training by Snakemake: killed and terminated attempts are repeated without a trace; hardware is no param."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workflow.harness import REPOSITORY, job_counts, snakemake

ARCHITECTURE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
TRAINING = {
    **{"steps": 400, "warmup_steps": 5, "batch_size": 32, "micro_batch_size": 32, "length": 16, "precision": "fp32"},
    **{"learning_rate": 1e-3, "validate_every": 200, "validation_sequences": 30, "log_every": 7},
    "checkpoint_every": 20,
}


@pytest.fixture
def prepared(planted, tokenizer_folder, tmp_path):
    """Makes a working directory with tokens of two genomes; returns the options that train a model on them there."""

    def prepared(name: str, model: dict | None = None, **training) -> list[str]:
        root = tmp_path / name
        tokens = root / "results/tokenizer/bpe4096/tokens"
        tokens.mkdir(parents=True)
        for file in tokenizer_folder.iterdir():
            shutil.copyfile(file, tokens.parent / file.name)
        for shard, index in planted:
            shutil.copyfile(shard, tokens / shard.name)
            shutil.copyfile(index, tokens / index.name)
        rows = ["accession\torganism\tgroup\turl", "one\tA a\tbacteria\tone.fa", "two\tB b\tbacteria\ttwo.fa"]
        (root / "species.tsv").write_text("\n".join(rows) + "\n")
        return [*configured(root, model, **training), "--allowed-rules", "pretrain_model"]

    return prepared


def configured(root: Path, model: dict | None = None, **training) -> list[str]:
    """The options that choose the two genomes and the tiny model."""
    small = {"gpus": 0, "architecture": ARCHITECTURE, "training": TRAINING | training}
    (root / "mine.yaml").write_text(
        json.dumps({"genomes": {"corpus": "species.tsv"}, "pretrain": {"dnabert2": small | (model or {})}})
    )
    target = "results/pretrain/dnabert2/summary.json"
    return [target, "--cores", "1", "--directory", str(root), "--configfile", str(root / "mine.yaml")]


def trainer(root: Path) -> int | None:
    """The id of the process that trains in a working directory."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if (process / "cwd").resolve() == root and words[2:3] == [b"workflow_scripts.pretrain.train"]:
                return int(process.name)
        except OSError:
            continue
    return None


def wait_for_a_state_beyond(step: int, root: Path, snakemake: subprocess.Popen) -> int:
    """The step of a state that was saved after ``step``."""
    folder, deadline = root / "results/pretrain/.state/dnabert2", time.monotonic() + 600
    while True:
        saved = max((int(path.stem[5:]) for path in folder.glob("step-*.safetensors")), default=0)
        if saved > step:
            return saved
        assert snakemake.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.slow
def test_attempts_that_are_killed_and_terminated_are_repeated_and_end_with_the_same_bytes(prepared, tmp_path):
    snakemake(*prepared("whole"))
    root = tmp_path / "killed"
    command = [str(Path(sys.executable).with_name("snakemake")), *prepared("killed"), "--retries", "2"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
        saved = 0
        for number in (signal.SIGKILL, signal.SIGTERM):
            saved = wait_for_a_state_beyond(saved, root, process)
            os.kill(trainer(root), number)
        assert process.wait(timeout=120) == 0, (tmp_path / "log").read_text()[-3000:]
    assert "resumed at step" in (root / "results/logs/pretrain/pretrain_model/dnabert2.log").read_text()
    whole, killed = (tmp_path / name / "results/pretrain/dnabert2" for name in ("whole", "killed"))
    assert (whole / "model.safetensors").read_bytes() == (killed / "model.safetensors").read_bytes()
    steps = [[json.loads(line)["step"] for line in (run / "log.jsonl").open()] for run in (whole, killed)]
    assert steps[0] == steps[1] and sorted(steps[0]) == steps[0]
    assert not any((root / "results/pretrain/.state").iterdir())


@pytest.mark.slow
def test_other_hardware_repeats_no_finished_training_but_another_setting_does(prepared, tmp_path):
    options = prepared("run", steps=6)
    snakemake(*options)
    root = tmp_path / "run"

    def pending(model: dict | None = None, **training) -> dict[str, int]:
        again = configured(root, model, **{"steps": 6} | training)
        return job_counts(snakemake(*again, "-n", *options[-2:]).stdout)

    assert pending() == {}
    how = {"micro_batch_size": 8, "checkpoint_every": 5, "keep_checkpoints": 1, "attention": "sdpa", "compile": True}
    assert pending({"gpus": 2, "nodes": 2}, **how) == {}
    assert pending(learning_rate=2e-3) == {"pretrain_model": 1}


@pytest.mark.parametrize(
    ("gpus", "nodes", "told"),
    [
        (8, 1, ["threads: 64", "gpu=8", "nodes=1"]),
        (8, 2, ["threads: 8", "gpu=16", "nodes=2", "mpi=srun", "tasks=16", "tasks_per_gpu=1"]),
    ],
)
def test_a_job_asks_for_what_its_processes_need(prepared, gpus, nodes, told):
    output = snakemake(
        *prepared("run", {"gpus": gpus, "nodes": nodes}, micro_batch_size=2), "-n", "--cores", "64"
    ).stdout
    assert all(words in output for words in told) and ("mpi" in output) == (nodes > 1)
