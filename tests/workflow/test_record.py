"""A finished run says what it was made with, and Snakemake packs its report."""

import pytest

from tests.workflow.harness import REPOSITORY, snakemake, tiny
from workflow_scripts.common.files import digest, read_json

pytestmark = pytest.mark.slow


def test_the_record_is_of_this_run(finished):
    told = read_json(finished / "results/report/run.json")
    assert told["configuration"]["pretrain"]["dnabert2"]["training"]["steps"] == 60, "of tests/workflow/tiny.yaml"
    assert told["configuration"]["finetune"]["settings"]["batch_size"] == 16, "of config/demo.yaml"
    run = read_json(finished / "results/configuration.json")
    assert {key: told[key] for key in run} == run
    assert told["git"] is None and told["software_deployment"] == [], "a copy without git, in this environment"
    tables = {"config/demo/species.tsv", "config/gue.tsv", "config/demo/gue_sources.tsv", "results/genomes/corpus.tsv"}
    assert tables <= told["files"].keys()
    assert "results/gue/promoter/tata/datasheet.json" in told["files"]
    assert all(digest(finished / path) == sha256 for path, sha256 in told["files"].items())
    page = (finished / "results/report/index.html").read_text()
    assert "Made with code without a known commit, Snakemake" in page


def test_snakemake_packs_a_report(finished, tmp_path):
    snakemake("--report", tmp_path / "report.html", *tiny(finished), cwd=finished)
    packed = (tmp_path / "report.html").read_text()
    tables = ("gue_results.tsv", "gue_verdicts.tsv", "gue_pairs.tsv", "gue_audit.tsv", "efficiency.tsv")
    figures = [path.name for path in (finished / "results/report/figures").glob("*.svg")]
    assert {"scores.svg", "tasks.svg", "corpus.svg", "pretraining.svg"} <= set(figures)
    for name in ("index.html", "run.json", *tables, *(f"figures/{figure}" for figure in figures)):
        assert f"results/report/{name}" in packed, name
    captions = set((REPOSITORY / "rules/captions").glob("*.rst"))
    for caption in captions - {REPOSITORY / "rules/captions/homology.rst"}:  # of a table that this run does not make
        assert caption.read_text()[:25] in packed, caption.name
