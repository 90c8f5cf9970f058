"""Planned jobs are left out when what they read was made again with the same bytes, and never otherwise."""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from tests.workflow import user_world
from tests.workflow.harness import job_counts

pytestmark = pytest.mark.slow
WEIGHTS = "results/pretrain/dnabert2/model.safetensors"


def executed(root: Path, *arguments: str) -> Counter[str]:
    """The jobs that a run does, by rule."""
    output = user_world.run(root, *arguments)
    return Counter(re.findall(r"^(?:local)?rule (\w+):$", output, re.M)) - Counter(["all"])


def rewrapped(fasta: Path) -> None:
    """The same sequences in short lines, in lower case and with other line ends."""
    header, sequence = fasta.read_text().split()
    lines = [header, *(sequence[start : start + 60].lower() for start in range(0, len(sequence), 60))]
    fasta.write_text("\r\n".join(lines) + "\r\n")


def test_genomes_that_come_out_the_same_train_nothing(root):
    weights = (root / WEIGHTS).stat().st_mtime_ns
    program = root / "workflow_scripts/genomes/chunk_genome.py"
    program.write_text(program.read_text() + "# an edit\n")
    assert executed(root) == {"download_genome": 2, "chunk_genome": 2}
    rewrapped(root / "user/own.fa")
    assert executed(root)["pretrain_model"] == 0
    assert (root / WEIGHTS).stat().st_mtime_ns == weights
    assert job_counts(user_world.run(root, "-n")) == {}


def test_a_genome_that_comes_out_different_trains_all_that_read_it(root):
    before = (root / WEIGHTS).read_bytes()
    fasta = root / "user/own.fa"
    text = fasta.read_text()
    fasta.write_text(text.replace("AC", "CA"))
    jobs = executed(root)
    assert jobs["chunk_genome"] == 1 and jobs["pretrain_model"] == 2 and jobs["finetune_model"] == 3
    assert (root / WEIGHTS).read_bytes() != before
    # back to what it was: the same model as at first
    fasta.write_text(text)
    assert executed(root)["pretrain_model"] == 2
    assert (root / WEIGHTS).read_bytes() == before


def test_weights_that_come_out_the_same_are_fitted_no_more(root):
    """Pre-training on a CPU gives the same bytes each time; a restored copy of the results has other times."""
    assert executed(root, "--forcerun", "pretrain_model")["finetune_model"] == 0
    for file in (root / "results/pretrain").rglob("*"):
        os.utime(file)
    assert job_counts(user_world.run(root, "-n")) == {}


def test_a_run_that_stops_in_between_forgets_no_change(root):
    rewrapped(root / "user/own.fa")
    executed(root, "--until", "chunk_genome")
    fasta = root / "user/own.fa"
    fasta.write_text(fasta.read_text().replace("ac", "ca"))
    assert executed(root, "--until", "chunk_genome") == {"download_genome": 1, "chunk_genome": 1}
    assert job_counts(user_world.run(root, "-n"))["pretrain_model"] == 2
    jobs = executed(root)
    assert jobs["download_genome"] == jobs["chunk_genome"] == 0
    assert jobs["encode_genome"] == 2 and jobs["pretrain_model"] == 2 and jobs["finetune_model"] == 3


def test_data_sets_that_come_out_the_same_are_fitted_no_more(root):
    for file in (root / "user/fly").iterdir():
        header, *rows = file.read_text().split()
        file.write_text("\r\n".join([header.upper(), *(row.lower().replace("t", "u") for row in rows)]))
    jobs = executed(root)
    assert jobs["take_dataset"] == 1 and jobs["finetune_model"] == jobs["audit_dataset"] == 0
    file = root / "user/fly/train.csv"
    file.write_text(file.read_text().replace("a", "c", 1))
    jobs = executed(root)
    assert jobs["take_dataset"] == jobs["audit_dataset"] == 1 and jobs["finetune_model"] == 2
    assert job_counts(user_world.run(root, "-n")) == {}
