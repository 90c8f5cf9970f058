"""The demo on a real Slurm, with what a site writes and nothing else: what it asks for, and equal results.

The configuration is that of `make demo` with fewer data sets, so what is there must be what that run has made.
"""

from pathlib import Path

import pytest

from tests.workflow.harness import demo_results
from workflow_scripts.common.files import read_json

pytestmark = pytest.mark.slow
CONFIGURATION = ("--configfile", "config/demo.yaml", "tests/cluster/demo.yaml")
MADE = ("demo", "genomes", "tokenizer", "gue", "pretrain", "finetune", "apply")
# They tell of time; README.md is the card of a model.
TIMED = ("*/log.jsonl", "*/metrics.json", "*/.snakemake_timestamp", "pretrain/*/README.md")


@pytest.fixture(scope="module")
def demo(workflow):
    """The finished run on the Slurm."""
    run = workflow("demo")
    run.start(*CONFIGURATION)
    run.finish(minutes=60)
    return run


def amount(job: dict[str, str], resource: str) -> str:
    """What a job asked for of a resource, by Slurm's accounts."""
    return dict(item.split("=") for item in job["ReqTRES"].split(",")).get(resource, "0")


def test_every_job_ran_once_and_ended_well(demo):
    jobs = demo.jobs()
    assert {job["State"] for job in jobs} == {"COMPLETED"}
    assert len(jobs) == len({job["JobIDRaw"] for job in jobs})
    single = [job["Comment"] for job in jobs if not job["Comment"].startswith("rule_small")]
    assert len(single) == len(set(single))


ON_GPUS = ("rule_small_fits", "rule_pretrain_model_wildcards_dnabert2", "rule_predict")


def test_jobs_asked_for_memory_and_time_and_those_of_gpu_rules_for_a_gpu(demo):
    for job in demo.jobs():
        trains = job["Comment"].startswith(ON_GPUS)
        gpus = "0" if "dnabert2_random" in job["Comment"] and "pretrain" in job["Comment"] else str(int(trains))
        assert amount(job, "gres/gpu") == gpus, job["Comment"]
        assert job["Partition"] == ("gpu" if trains else "cpu"), job["Comment"]
        assert job["Timelimit"] != "UNLIMITED"
    asked = {(name, amount(job, "mem"), job["Timelimit"]) for name in ("fetch", "pretrain") for job in demo.jobs(name)}
    assert asked == {("fetch", "1000M", "04:00:00"), ("pretrain", "3000M", "1-00:00:00")}


def test_small_genomes_and_short_fits_shared_jobs(demo):
    """17 genomes in groups of 10, or of 25 where they are encoded, and 20 fits in groups of 12."""
    assert [len(demo.jobs(group)) for group in ("small_genomes", "small_encodings", "small_fits")] == [2, 1, 2]
    alone = ("download_genome", "chunk_genome", "encode_genome", "finetune_model")
    assert not any(demo.jobs(rule) for rule in alone)


def content(results: Path, name: Path) -> bytes:
    """The bytes of a file; where an adapter names its base model by an absolute path, that within the results."""
    return (results / name).read_bytes().replace(str(results.absolute()).encode(), b"results")


def test_results_are_those_of_a_run_without_slurm(demo):
    local = demo_results()
    files = [path for stage in MADE for path in (demo.results / stage).rglob("*") if path.is_file()]
    kept = {".tokens", ".genomes"}  # the index of a genome is named by the time of its file
    names = [path.relative_to(demo.results) for path in files if not kept & {*path.parts}]
    names = [name for name in names if not any(name.match(pattern) for pattern in TIMED)]
    assert [name for name in names if content(demo.results, name) != content(local, name)] == []
    assert len(names) > 300
    fits = sorted(path.relative_to(demo.results) for path in demo.results.glob("finetune/**/metrics.json"))
    assert len(fits) == 20
    for fit in fits:
        ours, theirs = read_json(demo.results / fit), read_json(local / fit)
        assert ours["test"] == theirs["test"] and ours["dev"] == theirs["dev"], fit
