"""Every study of the paper's claims, on the simulated world from its genomes on."""

import shutil

import pytest

from tests.workflow.harness import REPOSITORY, job_counts, snakemake
from workflow_scripts.common.files import read_json, read_table
from workflow_scripts.settings.fields import keys_of
from workflow_scripts.settings.studies import Studies
from workflow_scripts.studies.claim_result import VERDICTS

pytestmark = pytest.mark.slow
CONFIGS = ["config/demo.yaml", "tests/workflow/tiny.yaml", "tests/workflow/studies.yaml"]
CLAIMS = {
    "tokenization",
    *(name for name, _, _ in keys_of(Studies) if name not in ("scale", "genome_chunks", "threads", "gpus")),
}


def studies(folder, *arguments: str) -> str:
    configs = [REPOSITORY / name for name in CONFIGS]
    options = ["--directory", folder, "--scheduler", "greedy", "--cores", "2"]
    return snakemake("--configfile", *configs, *options, *arguments, "--", "studies").stdout


def test_without_a_study_only_the_tokenizers_are_studied(tmp_path):
    plan = snakemake("--configfile", REPOSITORY / CONFIGS[0], "--directory", tmp_path, "--dry-run", "--", "studies")
    assert {rule for rule in job_counts(plan.stdout) if rule.startswith("study_")} == {"study_tokenization"}


def test_every_claim_has_a_result_with_a_verdict(tmp_path):
    shutil.copy(REPOSITORY / "tests/workflow/studies.bed", tmp_path)
    studies(tmp_path)
    folders = {path.parent.name for path in (tmp_path / "results/studies").glob("*/result.json")}
    assert folders == CLAIMS
    for name in CLAIMS:
        result = read_json(tmp_path / f"results/studies/{name}/result.json")
        assert result["name"] == name and result["verdict"] in VERDICTS and result["setting"]["scale"] == "simulated"
        assert all(part["low"] <= part["value"] <= part["high"] for part in result["comparisons"]), name
        assert read_table(tmp_path / f"results/studies/{name}/table.tsv")
    assert job_counts(studies(tmp_path, "--dry-run")) == {}
