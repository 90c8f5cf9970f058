"""Rules in the environments of `envs/`: a stand-in for conda makes each one of the packages that its file names."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.harness import REPOSITORY, snakemake
from workflow_scripts.common.files import read_json, read_table

pytestmark = pytest.mark.slow
TOLD = {"conda_version": "25.9.0", "platform": "linux-64", "get": {"channel_priority": "strict"}}
# `conda env create --file F --prefix P`: a Python that sees, of the packages of the tests, those that F pins alone.
CREATE = """\
import importlib.metadata, pathlib, re, sys, venv
file, prefix = (pathlib.Path(sys.argv[sys.argv.index(option) + 1]) for option in ("--file", "--prefix"))
venv.create(prefix, with_pip=False)
place, = prefix.glob("lib/python*/site-packages")
for name in [*re.findall(r"^      - (.+)==", file.read_text(), re.M), "setuptools"]:
    distribution = importlib.metadata.distribution(name)
    for top in {path.parts[0] for path in distribution.files} - {"..", "__pycache__"}:
        if not (place / top).exists():
            (place / top).symlink_to(distribution.locate_file(top))
"""


@pytest.fixture
def conda(tmp_path, monkeypatch) -> Path:
    """The folder of the stand-in, which is on the PATH."""
    programs = tmp_path / "conda/bin"
    programs.mkdir(parents=True)
    told = json.dumps(TOLD | {"conda_prefix": str(programs.parent)})
    (programs / "create.py").write_text(CREATE)
    create = f'exec "{sys.executable}" "{programs}/create.py" "$@"'
    (programs / "conda").write_text(f"#!/bin/sh\nif [ \"$1\" = env ]; then {create}; fi\necho '{told}'\n")
    (programs / "activate").write_text('export PATH="$1/bin:$PATH"\n')
    (programs / "conda").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return programs


def test_a_container_definition_names_every_environment(conda, tmp_path):
    demo = REPOSITORY / "config/demo.yaml"
    definition = snakemake("--containerize", "--configfile", demo, "--directory", tmp_path).stdout
    for path in (REPOSITORY / "envs").glob("*.yaml"):
        assert re.search(rf"^COPY \S*envs/{path.name} ", definition, re.M), path.name


def test_a_whole_run_has_each_rule_in_its_environment(conda, tmp_path):
    """From a genome to the report, with packages of no other environment at hand."""
    letters = random.Random(3).choices("ACGT", k=30_000)
    (tmp_path / "mine.fa").write_text(f">chr1\n{''.join(letters)}\n")
    (tmp_path / "species.tsv").write_text("accession\torganism\tgroup\turl\nmine\tAus bus\tviral\tmine.fa\n")
    for split in ("train", "dev", "test"):
        rows = [f"{''.join(random.Random(f'{split}{n}').choices('ACGT', k=50))},{n % 2}" for n in range(16)]
        (tmp_path / f"{split}.csv").write_text("\n".join(["sequence,label", *rows]) + "\n")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    training = {
        "steps": 2,
        "warmup_steps": 1,
        "batch_size": 2,
        "micro_batch_size": 2,
        "length": 16,
        "precision": "fp32",
    }
    settings = {
        "genomes": {"corpus": "species.tsv", "chunk": {"length": 300}, "validation": {"fraction": 0.2, "block": 5}},
        "tokenizer": {"base": {"kind": "nucleotide", "k": 1}},
        "pretrain": {"dnabert2": {"tokenizer": "base", "gpus": 0, "architecture": sizes, "training": training}},
        "gue": {"custom": {"enhancers/fly": {"folder": str(tmp_path)}}, "datasets": ["enhancers/*"]},
        "finetune": {
            "gpus": 0,
            "seeds": [1],
            "runs": [{"models": ["dnabert2"], "method": "full", "datasets": ["*"]}],
            "settings": {"epochs": 1, "min_steps": 0, "precision": "fp32"},
        },
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(settings))
    options = ["--cores", "2", "--directory", tmp_path, "--configfile", tmp_path / "mine.yaml", "--sdm", "conda"]
    snakemake("report", *options)
    (row,) = read_table(tmp_path / "results/report/gue_results.tsv")
    assert (row["dataset"], row["model"]) == ("fly", "dnabert2")
    assert read_json(tmp_path / "results/report/run.json")["software_deployment"] == ["conda"]
    made = list((tmp_path / ".snakemake/conda").glob("*/bin/python"))
    assert len(made) == 4
    (torch,) = (path for path in made if list(path.parents[1].glob("lib/*/site-packages/torch")))
    seen = subprocess.run([torch, "-c", "import numpy, torch, snakemake"], capture_output=True, text=True)
    assert "No module named 'snakemake'" in seen.stderr, "the environments hold what their files name, no more"


@pytest.mark.parametrize(
    ("nvcc", "pip", "said"),
    [
        (None, "exit 1", "no nvcc"),
        ("exit 0", "exit 0", None),
        ("exit 0", '[ "$2" != --no-build-isolation ]', "did not build"),
    ],
    ids=["no compiler", "builds", "does not build"],
)
def test_flash_attention_is_built_where_there_is_a_compiler(nvcc, pip, said, tmp_path):
    """Compiler and pip are stand-ins; what cannot be built is left out, and the environment is there all the same."""
    for name, does in (("nvcc", nvcc), ("pip", f'echo "$FLASH_ATTENTION_FORCE_BUILD: $*" >> {tmp_path}/asked; {pip}')):
        if does:
            (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
            (tmp_path / name).chmod(0o755)
    script = REPOSITORY / "envs/torch.post-deploy.sh"
    place = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["bash", script], env=place, capture_output=True, text=True, check=True)
    assert (f"flash-attn is left out: {'it ' if nvcc else ''}{said}" in done.stdout) == bool(said)
    asked = (tmp_path / "asked").read_text().splitlines() if nvcc else []
    assert [line.split("==")[0] for line in asked[1:]] == [
        "TRUE: install --no-build-isolation --no-deps flash-attn"
    ] * bool(nvcc)
