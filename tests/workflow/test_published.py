"""config/published.yaml runs from the hub to the page, and then without a network; the hub is of this machine."""

import shutil

import pytest
import yaml

from tests.hub import Hub
from tests.published_hub import fill
from tests.workflow.harness import REPOSITORY, job_counts, snakemake
from workflow_scripts.common.files import read_json, read_table

pytestmark = pytest.mark.slow

DATASETS = ["emp/H3"]
FITS = {"epochs": 1, "min_steps": 0, "batch_size": 8, "warmup_steps": 0, "eval_steps": 0, "precision": "fp32"}
OFFLINE = "http://127.0.0.1:9"


@pytest.fixture
def published(tmp_path, monkeypatch):
    """``published(*arguments, others={}, tasks={})``: runs config/published.yaml with only sizes reduced.

    ``others``: models of other families; ``tasks``: changed settings.
    """
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")

    def published(*arguments: str, others: dict, tasks: dict | None = None) -> str:
        methods = {"full": ["dnabert2_117m", "dnabert_3", "kmer_regression", *others], "lora": ["nt_500m_1000g"]}
        runs = [{"models": models, "method": method, "datasets": ["*"]} for method, models in methods.items()]
        fits = {"runs": runs, "seeds": [42], "gpus": 0, "threads": 1, "settings": FITS, "tasks": tasks or {}}
        small = {"gue": {"datasets": DATASETS}, "finetune": fits | {"models": others}}
        (tmp_path / "small.yaml").write_text(yaml.safe_dump(small))
        configs = ["--configfile", str(REPOSITORY / "config/published.yaml"), str(tmp_path / "small.yaml")]
        return snakemake(*arguments, "--directory", str(tmp_path / "run"), *configs).stdout

    return published


def test_from_the_hub_to_the_page_and_on_without_it(published, tmp_path, monkeypatch):
    run = ["gue_results", "report", "--cores", "2", "--scheduler", "greedy"]
    results = tmp_path / "run/results"
    with Hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        others = fill(hub, tmp_path / "tiny")
        others = {"modernbert": others["modernbert"], "code": others["code"] | {"settings": {"pooling": "mean"}}}
        plan = [line for line in published(*run, "-n", others=others).splitlines() if line.startswith("to do: ")]
        assert "data sets: 1 to fetch from the hub" in plan[0] and "models: 5 to fetch from the hub, about " in plan[1]
        assert "is not known" not in plan[1], "of the last two the hub was asked"
        published(*run, others=others)
    table = read_table(results / "report/gue_results.tsv")
    models = ["code", "dnabert2_117m", "dnabert_3", "kmer_regression", "modernbert", "nt_500m_1000g"]
    assert sorted({row["model"] for row in table}) == models
    assert (results / "report/index.html").is_file() and not (results / "genomes").exists()
    for name in DATASETS:
        record, sheet = read_json(results / f"gue/hub/{name}.json"), read_json(results / f"gue/{name}/datasheet.json")
        assert record["commit"] == record["revision"] == "240df51a2cd2c0fb1d88efffaf86e8d1e477f932"
        stated = {file["sha256"] for file in record["files"].values()}
        assert {source["sha256"] for source in sheet["sources"]} == stated
        assert all(source["verified"] == "differs from the known file" for source in sheet["sources"])
    assert read_json(results / "finetune/models/code.json")["files"].keys() >= {"config.json", "modeling_stand_in.py"}

    monkeypatch.setenv("HF_ENDPOINT", OFFLINE)
    assert job_counts(published(*run, "-n", others=others)) == {}
    shutil.rmtree(results / "finetune/models/dnabert2_117m")
    shutil.rmtree(results / "gue/hub/emp")
    shutil.rmtree(results / "gue/emp")
    changed = published("gue_results", *run[2:], others=others, tasks={"emp": {"batch_size": 4}})
    assert "rule fetch_model" in changed and "rule fetch_dataset" in changed, "again, from the library's cache"
    metrics = read_json(results / "finetune/dnabert2_117m/full/emp/H3/seed42/metrics.json")
    assert metrics["settings"]["batch_size"] == 4


def test_without_a_target_nothing_is_trained_and_what_is_missing_is_told_at_once(tmp_path):
    configs = ["--configfile", str(REPOSITORY / "config/published.yaml")]
    counts = job_counts(snakemake("-n", "--directory", str(tmp_path), *configs).stdout)
    assert counts["fetch_dataset"] == 36 and counts["fetch_model"] == 9
    assert not {"pretrain_model", "download_genome", "train_tokenizer", "build_dataset"} & counts.keys()
    (tmp_path / "GUE/EMP/H3").mkdir(parents=True)
    (tmp_path / "folder.yaml").write_text("gue: {published: GUE}")
    told = snakemake("-n", "--directory", str(tmp_path), *configs, str(tmp_path / "folder.yaml"), check=False)
    assert told.returncode
    assert "GUE lacks files of 36 of 36 data sets: emp/H3 (EMP/H3/{train,dev,test}.csv)" in told.stdout
