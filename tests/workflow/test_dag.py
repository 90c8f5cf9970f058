"""What the full configuration would run: job counts of every target, without Slurm and without network."""

import re

import pytest

from tests.workflow.harness import job_counts, snakemake

pytestmark = pytest.mark.slow
# 850 genomes, 79 primary files, 36 data sets; 2 models; 5 seeds x 36 x (2 models full + 1 model LoRA) = 540 fits.
GENOMES = {"download_genome": 850, "chunk_genome": 850}
TOKENS = {**GENOMES, "train_tokenizer": 1, "encode_genome": 850}
DATA = {"fetch_source": 79, "build_dataset": 36, "audit_dataset": 36}
FITS = {**TOKENS, "pretrain_model": 2, **DATA, "finetune_model": 540}
RESULTS = {**FITS, "collect_results": 1}
STUDIES = {"summarize_corpus": 1, "study_tokenization": 1}
TABLES = ("collect_audits", "score_by_similarity", "count_costs", "collect_evidence", "record_run", "write_report")
REPORT = {**RESULTS, **STUDIES, **dict.fromkeys(TABLES, 1)}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("genomes", {**GENOMES, "summarize_corpus": 1, "genomes": 1}),
        ("tokenizer", {**TOKENS, "tokenizer": 1}),
        ("pretrain", {**TOKENS, "pretrain_model": 2, "pretrain": 1}),
        ("gue", {**DATA, "gue": 1}),
        ("finetune", {**FITS, "finetune": 1}),
        ("gue_results", {**RESULTS, "gue_results": 1}),
        ("studies", {**GENOMES, "train_tokenizer": 1, **STUDIES, "studies": 1}),
        ("report", {**REPORT, "report": 1}),
        ("all", REPORT),
    ],
)
def test_full_configuration_runs_exactly_these_jobs(tmp_path, target, expected):
    output = snakemake("--profile", "slurm", target, "-n", "--directory", tmp_path).stdout
    assert job_counts(output) == expected


def test_where_leaks_are_errors_no_fit_starts_before_the_audit(tmp_path):
    (tmp_path / "strict.yaml").write_text("gue: {fail_on_leak: true, split: homology}\n")
    output = snakemake("finetune", "-n", "--directory", tmp_path, "--configfile", tmp_path / "strict.yaml").stdout
    assert job_counts(output) == {**FITS, "finetune": 1}
    _, *blocks = re.split(r"\n *rule finetune_model:", output)
    assert len(blocks) == 540 and all("audit.json" in block.split("output:")[0] for block in blocks)


def test_slurm_profile_works_as_typed_at_the_root():
    """`snakemake --profile slurm all -n`: jobs ask for the resources of their rules, GPU rules for a GPU."""
    output = snakemake("--profile", "slurm", "all", "-n", "--forceall", "--quiet", "host").stdout
    assert job_counts(output) == REPORT
    blocks = re.split(r"\n *rule ", output)
    gpu = [block for block in blocks if "gpu=1" in block]
    # dnabert2 and every fit; the random baseline is written by a CPU
    assert len(gpu) == 1 + 540
    assert all(block.startswith(("pretrain_model", "finetune_model")) for block in gpu)


def test_short_fits_share_a_job_and_long_ones_ask_for_their_time():
    output = snakemake("--profile", "slurm", "finetune", "-n", "--forceall", "--quiet", "host").stdout
    parts = re.split(r"\n(?=\[.*\] Group job |rule |localrule )", output)
    fits = {part: re.findall(r"rule finetune_model:.*?runtime=(\d+)", part, re.S) for part in parts}
    shared = [list(map(int, minutes)) for part, minutes in fits.items() if "Group job small_fits" in part]
    alone = [int(minutes[0]) for part, minutes in fits.items() if part.startswith("rule finetune_model")]
    assert len(alone) + sum(map(len, shared)) == 540
    assert max(map(max, shared)) <= 30 < min(alone), "a fit is short where it asks for half an hour at most"
    assert max(map(len, shared)) == 12 and len(shared) == -(-sum(map(len, shared)) // 12)
    assert max(alone) > 4 * 60, "73,335 rows of the variants, eight times"


def test_a_stage_asks_for_nothing_that_comes_after_it(tmp_path):
    output = snakemake("gue_results", "-n", "--directory", tmp_path).stdout
    assert "write_report" not in job_counts(output)


def test_a_report_that_may_lack_fits_waits_for_none(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("report: {missing_fits: true}")
    output = snakemake("gue_results", "-n", "--directory", tmp_path, "--configfile", mine).stdout
    without_audits = {rule: count for rule, count in DATA.items() if rule != "audit_dataset"}
    assert job_counts(output) == {**without_audits, "collect_results": 1, "gue_results": 1}


@pytest.mark.parametrize("profile", ["profiles/demo", "profiles/workstation", "profiles/slurm"])
def test_every_profile_gives_a_dag(tmp_path, profile):
    assert job_counts(snakemake("--profile", profile, "-n", "--directory", tmp_path).stdout)["pretrain_model"] == 2


def test_an_archive_on_the_web_is_fetched_once_for_all_data_sets(tmp_path):
    overlay = tmp_path / "published.yaml"
    address = "https://example.org/GUE.zip"
    overlay.write_text(f"gue: {{origin: published, published: '{address}', published_md5: '{'0' * 32}'}}\n")
    output = snakemake("gue", "-n", "-p", "--configfile", overlay, "--directory", tmp_path).stdout
    counts = job_counts(output)
    assert counts["fetch_source"] == 1 and counts["import_dataset"] == 36
    assert f"--url {address} --md5 {'0' * 32}" in output
    assert output.count("--from results/gue/sources/published.archive") == 36


def test_twins_are_split_audited_and_fitted_beside_their_data_sets(tmp_path):
    """Each data set has a twin of its own rows, so nothing is built twice; fits without twins are the same jobs."""
    overlay = tmp_path / "twins.yaml"
    overlay.write_text("gue: {homology_twins: true, datasets: ['tf_mouse/*']}\n")
    output = snakemake("gue_results", "-n", "-p", "--configfile", overlay, "--directory", tmp_path).stdout
    counts = job_counts(output)
    assert (counts["build_dataset"], counts["split_by_homology"], counts["audit_dataset"]) == (5, 5, 10)
    assert counts["finetune_model"] == 2 * 5 * 5 * 3 and counts["compare_splits"] == counts["collect_results"] == 1
    assert output.count("--dataset 0.homology") == 1, "it is audited, and neither built nor imported"


def test_a_draw_scores_every_candidate_and_fetches_none_twice(tmp_path):
    """179 candidates, the peaks of all ten sets among them, and two genomes."""
    overlay = tmp_path / "calibrate.yaml"
    overlay.write_text("gue: {calibrate: true, datasets: ['tf_*']}\n")
    output = snakemake("gue", "-n", "-p", "--configfile", overlay, "--directory", tmp_path).stdout
    counts = job_counts(output)
    assert (counts["score_candidate"], counts["draw_candidates"], counts["fetch_source"]) == (179, 2, 181)
    for task in ("tf_human", "tf_mouse"):
        for number in range(5):
            assert f"--source peaks=results/gue/candidates/{task}/{number}.narrowPeak.gz" in output
