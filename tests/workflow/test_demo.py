"""The demo as `make demo` leaves it: counts add up from bases to tokens, and the models have learned."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import chi2_contingency
from scipy.stats.contingency import crosstab

from tests.workflow.harness import demo_results, job_counts, snakemake
from workflow_scripts.common.files import read_json, read_table

pytestmark = pytest.mark.slow
TASKS = {"emp", "promoter", "core_promoter", "tf_human", "tf_mouse", "splice", "covid", "epi", "species"}


@pytest.fixture(scope="module")
def results() -> Path:
    return demo_results()


def test_a_second_run_has_nothing_to_do(results):
    assert job_counts(snakemake("--profile", "profiles/demo", "-n").stdout) == {}


def test_every_base_is_accounted_for_and_every_kept_base_is_encoded(results):
    corpus = read_table(results / "genomes/corpus.tsv")
    assert len(corpus) == 17
    for row in corpus:
        counts = {key: int(value) for key, value in row.items() if value.isdigit()}
        dropped = sum(value for key, value in counts.items() if key.startswith("dropped_"))
        assert counts["bases"] == counts["kept_bases"] + dropped
        encoded = read_json(results / f"tokenizer/bpe4096/tokens/{row['accession']}.json")
        assert encoded["bases"] == counts["kept_bases"] and encoded["chunks"] == counts["chunks"]
        assert encoded["unknown"] == 0
        assert len(np.load(results / f"tokenizer/bpe4096/tokens/{row['accession']}.npy")) == encoded["tokens"]


def test_all_36_data_sets_are_there_with_the_rows_of_their_datasheets(results):
    datasheets = sorted((results / "gue").glob("*/*/datasheet.json"))
    assert len(datasheets) == 36
    assert {path.parts[-3] for path in datasheets} == TASKS
    for path in datasheets:
        for split, facts in read_json(path)["splits"].items():
            rows = (path.parent / f"{split}.csv").read_text().splitlines()
            assert len(rows) - 1 == facts["rows"] > 0
            assert read_json(path.with_name("audit.json"))["rows"][split] == facts["rows"]
    audits = read_table(results / "report/gue_audit.tsv")
    assert {f"{row['task']}/{row['dataset']}" for row in audits} == {"/".join(path.parts[-3:-1]) for path in datasheets}


def test_the_model_predicts_masked_tokens_better_than_their_frequencies_allow(results):
    trained = read_json(results / "pretrain/dnabert2/summary.json")
    untrained = read_json(results / "pretrain/dnabert2_random/summary.json")
    references = trained["references"]
    assert trained["mask_loss"] < references["unigram_loss"] - 0.6
    assert trained["mask_bits_per_base"] < min(references["markov_bits_per_base"])
    assert trained["mask_bits_per_base"] < references["copy"]["bits_per_base"]
    assert untrained["steps"] == 0 and untrained["mask_loss"] > references["unigram_loss"] - 0.05
    log = [json.loads(line) for line in (results / "pretrain/dnabert2/log.jsonl").read_text().splitlines()]
    losses = [entry["mask_loss"] for entry in log if "mask_loss" in entry]
    assert losses[-1] == trained["mask_loss"] < losses[1] < losses[0]


def test_pretraining_helps_on_the_mean_over_tasks(results):
    """One seed and 256 rows a data set: tasks of two classes show little, those of several classes much."""
    table = read_table(results / "report/gue_results.tsv")
    scores = {
        model: {
            (row["task"], row["dataset"]): float(row["mean"])
            for row in table
            if row["model"] == model and row["method"] == "full"
        }
        for model in ("dnabert2", "dnabert2_random")
    }
    pretrained, random = scores["dnabert2"], scores["dnabert2_random"]
    assert pretrained.keys() == random.keys() and len(pretrained) == 36
    tasks = [[pretrained[key] - random[key] for key in pretrained if key[0] == task] for task in sorted(TASKS)]
    assert np.mean([np.mean(differences) for differences in tasks]) > 5
    assert sum(difference > 0 for differences in tasks for difference in differences) > 18


def test_every_task_beats_chance_on_some_data_set(results):
    beaten = set()
    for path in (results / "finetune/dnabert2/full").rglob("metrics.json"):
        fit = read_json(path)
        rows = pq.read_table(path.with_name("predictions.parquet"))
        together = crosstab(rows["label"], rows["prediction"]).count
        if min(together.shape) > 1 and fit["test"]["mcc"] > 0 and chi2_contingency(together).pvalue < 1e-4:
            beaten.add(fit["task"])
    assert beaten == TASKS


def test_lora_trains_a_small_share_and_learns(results):
    fits = [read_json(path) for path in (results / "finetune/dnabert2/lora").rglob("metrics.json")]
    assert len(fits) == 2
    assert all(fit["trainable_parameters"] < 0.1 * fit["parameters"] for fit in fits)
    assert all(fit["test"]["mcc"] > 0.2 for fit in fits)


def test_the_report_says_that_the_data_are_simulated(results):
    page = (results / "report/index.html").read_text()
    assert "Simulated data." in page
    assert all(not row["difference_dnabert2"] for row in read_table(results / "report/gue_results.tsv"))
