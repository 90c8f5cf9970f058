"""The command of a job, as Snakemake prints it, runs in a terminal as it is."""

import re
from pathlib import Path

import pytest

from tests.workflow.harness import snakemake, tiny

pytestmark = pytest.mark.slow
# Of a rule that reads the species table, of a training, of a fit, and of the record with the configuration of the run.
MADE = {
    "select_chunks": None,
    "train_tokenizer": "results/tokenizer/bpe4096/tokenizer.json",
    "pretrain_model": "results/pretrain/dnabert2_random/model.safetensors",
    "build_dataset": "results/gue/covid/variants/test.csv",
    "record_run": "results/report/run.json",
}


def commands(root: Path) -> dict[str, list[str]]:
    """The commands of all jobs by rule, as a dry run prints them."""
    output = snakemake("-n", "-p", "--forceall", "--cores", "2", *tiny(root), cwd=root).stdout
    found: dict[str, list[str]] = {}
    for block in re.split(r"^(?:local)?rule ", output, flags=re.M)[1:]:
        name = block.split(":")[0]
        if command := re.search(r"^ *((?:export|exec|python).*?)(?=^\[|\Z)", block, re.M | re.S):
            found.setdefault(name, []).append(command[1].strip())
    return found
