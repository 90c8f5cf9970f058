"""What runs again and what does not, on a finished run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workflow.harness import clone, job_counts, snakemake, tiny

pytestmark = pytest.mark.slow


def pending(root: Path, *arguments: str) -> dict[str, int]:
    """The jobs that a dry run of a clone would start."""
    return job_counts(snakemake("-n", "--cores", "2", *tiny(root), *arguments, cwd=root).stdout)


def scores(root: Path) -> dict[str, dict]:
    """Every metrics.json below the results, by path, without what is measured by the clock."""
    results = root / "results"
    told = {str(path.relative_to(results)): json.loads(path.read_text()) for path in results.rglob("metrics.json")}
    for fit in told.values():
        assert all(fit.pop(measured) >= 0 for measured in ("seconds", "gpu_seconds", "memory_mb"))
    return told


def data_bytes(root: Path) -> dict[str, bytes]:
    """The bytes of everything up to the token shards and the data sets."""
    results = root / "results"
    names = ("*.csv", "places.tsv", "datasheet.json", "README.md", "audit.json")
    of_data_sets = (f"gue/**/{name}" for name in names)
    kinds = ("demo/**/*", "genomes/**/*", "tokenizer/**/*", *of_data_sets)
    files = {path for kind in kinds for path in results.glob(kind) if path.is_file()}
    return {str(path.relative_to(results)): path.read_bytes() for path in files}


def test_a_second_run_has_nothing_to_do(finished):
    assert pending(finished) == {}


def test_touching_every_script_and_table_changes_nothing(run):
    now = time.time() + 10
    for folder in ("workflow_scripts", "config", "rules", "envs"):
        for path in (run / folder).rglob("*"):
            os.utime(path, (now, now))
    os.utime(run / "Snakefile", (now, now))
    assert pending(run) == {}


def test_more_cores_change_nothing(finished):
    assert pending(finished, "--cores", "1") == {}
    assert pending(finished, "--cores", "8") == {}


def test_a_new_clone_over_the_results_has_nothing_to_do(run):
    """The scripts are written anew, with new times, beside results at another path than they were made at."""
    for path in run.iterdir():
        if path.name not in ("results", ".snakemake"):
            subprocess.run(["rm", "-rf", str(path)], check=True)
    clone(run)
    assert pending(run) == {}


@pytest.mark.parametrize("module", ["write_report", "figures"])
def test_an_edited_script_or_module_reruns_its_rule(run, module):
    script = run / f"workflow_scripts/report/{module}.py"
    script.write_text(script.read_text() + "\n")
    assert pending(run) == {"write_report": 1}


def test_an_edited_module_of_several_stages_reruns_what_it_decides(run):
    module = run / "workflow_scripts/common/special_tokens.py"
    module.write_text(module.read_text() + "\n")
    jobs = pending(run)
    assert jobs["train_tokenizer"] == 1 and jobs["encode_genome"] == 17 and jobs["study_tokenization"] == 1
    assert not jobs.keys() & {"chunk_genome", "build_dataset"}


def test_an_edited_module_that_decides_no_result_reruns_nothing(run):
    for module in ("common/files.py", "common/snakemake_hooks.py", "settings/names.py", "dag/genomes.py"):
        path = run / "workflow_scripts" / module
        path.write_text(path.read_text() + "\n")
    assert pending(run) == {}


def test_settings_that_change_no_model_and_the_file_with_them_rerun_nothing(run):
    overlay = run / "mine.yaml"
    overlay.write_text("pretrain: {dnabert2: {training: {micro_batch_size: 8, checkpoint_every: 7}}}\n")
    (run / "results/configuration.json").write_text("{}")
    output = snakemake("-n", "--cores", "2", *tiny(run), str(overlay), cwd=run).stdout
    assert job_counts(output) == {}


def test_one_setting_of_one_task_reruns_its_fits_and_the_report(run):
    overlay = run / "mine.yaml"
    overlay.write_text("finetune: {tasks: {promoter: {learning_rate: 1.0e-3}}}\n")
    output = snakemake("-n", "--cores", "2", *tiny(run), str(overlay), cwd=run).stdout
    # promoter/tata with two models and one seed
    report = dict.fromkeys(
        ("collect_results", "collect_evidence", "score_by_similarity", "count_costs", "record_run", "write_report"), 1
    )
    assert job_counts(output) == {"finetune_model": 2, **report}
    assert output.count("task=promoter, dataset=tata") == 2


def test_one_species_more_reruns_what_depends_on_the_corpus(run):
    table = run / "config/demo/species.tsv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join(lines[:-1]) + "\n")  # one genome less
    jobs = pending(run)
    assert jobs["summarize_corpus"] == jobs["train_tokenizer"] == 1 and jobs["pretrain_model"] == 2


def test_results_go_where_directory_says_and_code_stays(finished, tmp_path):
    snakemake("gue", "--cores", "2", *tiny(finished), "--directory", tmp_path / "elsewhere", cwd=finished)
    built = sorted(path.parent.name for path in (tmp_path / "elsewhere/results/gue").rglob("datasheet.json"))
    assert built == ["tata", "tata", "variants"]
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} == {"results", ".snakemake"}
    made, before = data_bytes(tmp_path / "elsewhere"), data_bytes(finished)
    assert made and all(before[name] == content for name, content in made.items())


def test_another_clone_at_another_path_makes_the_same_bytes_and_scores(finished, tmp_path, monkeypatch):
    """With another hash seed and locale: everything up to the tokens, the pre-trained weights, and one fit."""
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("LC_ALL", "C")
    root = clone(tmp_path / "deep" / "other")
    fit = "finetune/dnabert2/full/promoter/tata/seed42/metrics.json"
    snakemake("genomes", "tokenizer", "gue", f"results/{fit}", "--cores", "2", *tiny(root), cwd=root)
    made, before = data_bytes(root), data_bytes(finished)
    assert {name: before[name] for name in made} == made
    assert made.keys() == before.keys()
    assert scores(root) == {fit: scores(finished)[fit]}
    weights = "results/pretrain/dnabert2/model.safetensors"
    assert (root / weights).read_bytes() == (finished / weights).read_bytes()


def test_a_killed_run_goes_on_and_ends_with_the_same_results(finished, tmp_path):
    """SIGKILL while the model is being pre-trained: only unfinished jobs run again, results are the same."""
    root = clone(tmp_path / "killed")
    command = [str(Path(sys.executable).with_name("snakemake")), "--cores", "2", "--scheduler", "greedy", *tiny(root)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=root, stdout=log, stderr=log, start_new_session=True)
        state = root / "results/pretrain/.state/dnabert2"
        deadline = time.monotonic() + 1200
        while not list(state.glob("step-*.safetensors")):
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()[-3000:]
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = {path: path.stat().st_mtime_ns for path in (root / "results/genomes").rglob("*") if path.is_file()}
    snakemake("--unlock", *tiny(root), cwd=root)
    output = snakemake("--cores", "2", "--rerun-incomplete", *tiny(root), cwd=root).stdout
    jobs = {line.split()[1].rstrip(":") for line in output.splitlines() if line.startswith(("rule ", "localrule "))}
    assert "pretrain_model" in jobs and not jobs & {"simulate_world", "download_genome", "chunk_genome"}
    assert "resumed at step" in (root / "results/logs/pretrain/pretrain_model/dnabert2.log").read_text()
    after = {path: path.stat().st_mtime_ns for path in before}
    assert before == after
    assert data_bytes(root) == data_bytes(finished)
    assert scores(root) == scores(finished) and len(scores(root)) == 6
