"""The command of a job, as Snakemake prints it, runs in a terminal as it is."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.harness import snakemake, tiny
from workflow_scripts.common.files import read_json

pytestmark = pytest.mark.slow
# Rule -> a file that one of its jobs makes, among them a training and a fit.
MADE = {
    "encode_genome": "tokenizer/bpe4096/tokens/GCF_900000001.1.npy",
    "pretrain_model": "pretrain/dnabert2_random/model.safetensors",
    "build_dataset": "gue/covid/variants/test.csv",
    "finetune_model": "finetune/dnabert2_random/full/covid/variants/seed42/predictions.parquet",
    "summarize_corpus": "genomes/corpus.tsv",
}


def command_of(root: Path, rule: str, file: str) -> str:
    """The command that a dry run prints for the job of a rule that makes a file of the results."""
    target = f"results/{file}"
    output = snakemake(target, "-n", "-p", "--force", "--cores", "2", *tiny(root), cwd=root).stdout
    jobs = re.split(r"^ *(?:local)?rule ", output, flags=re.M)  # those of a group are indented
    (block,) = (block for block in jobs if block.startswith(f"{rule}:"))
    return re.split(r"\n(?:Job stats:|\[|\n)", block.split("Shell command: ")[1])[0]


def pasted(root: Path, command: str) -> None:
    """Run a command as if it was pasted into a terminal: in the folder of the run, with the Python on the PATH."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ}
    # Snakemake sets the number of threads; on another one a fit adds up in another order, and other bytes come out
    threads = {"OMP_NUM_THREADS": "1"}
    environment = kept | threads | {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", command], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("rule", "file"), MADE.items(), ids=MADE)
def test_a_printed_command_makes_the_same_file(run, rule, file):
    path = run / "results" / file
    before = path.read_bytes()
    command = command_of(run, rule, file)
    path.unlink()
    if rule in ("pretrain_model", "finetune_model"):
        shutil.rmtree(path.parent)
    pasted(run, command)
    assert path.read_bytes() == before


def test_the_record_is_made_from_the_file_with_the_configuration(run):
    record = run / "results/report/run.json"
    before = read_json(record)
    command = command_of(run, "record_run", "report/run.json")
    assert "--run results/configuration.json" in command and len(command) < 4000
    record.unlink()
    pasted(run, command)
    after = read_json(record)
    assert after["configuration"] == before["configuration"] and after["files"] == before["files"]
