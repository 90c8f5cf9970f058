"""The top of the page: the run in short, and what failed or is missing, each thing once and in words."""

import re

import pytest

from tests.report.conftest import MadeUpRun
from tests.report.pages import Reader, fits, make, whole
from workflow_scripts.report import collect_results, count_costs, overview

pytestmark = pytest.mark.usefixtures("few_resamples")


def told(run: MadeUpRun, *more: object) -> dict[str, str]:
    """What the lists on top of a page say, by their terms, each as one line."""
    html = make(run, *more).read_text()
    parts = re.findall(r"<dt>([^<]+)</dt>(.*?)(?=<dt>|</dl>)", html, re.S)
    return {term: " ".join(Reader(part).text.split()) for term, part in parts}


def test_a_whole_run_in_short(run):
    fits(run, "ours")
    said = told(run, *whole(run))
    assert said["Corpus"].startswith("4 genomes , ") and said["Corpus"].endswith("chunks.")
    assert said["Vocabulary"] == "bpe_4096 : 4,096 entries, 4.710 bases per token."
    assert said["Pre-training"] == "demo : validation loss 6.9000 after 2,000 steps (16,384,000 tokens)."
    assert "ours, full: mean" in said["Benchmark"] and "over 10 data sets" in said["Benchmark"]
    assert said["Cost"] == "20 fits of 1 run; on a made-up machine."


def test_means_beside_the_paper_are_over_the_same_data_sets(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.78)  # the paper has 78.27
    run.fit("ours", "full", "emp", "H4", 0, 0.98)  # 80.71
    run.datasheet("promoter", "tata", origin="primary")
    run.fit("ours", "full", "promoter", "tata", 0, 0.10)
    said = told(run)["Benchmark"]
    assert "mean 62.00 over 3 data sets" in said, said
    assert "Over the 2 of them that compare, 88.00. The paper's DNABERT‑2 has 79.49 over the same: " in said, said
    assert said.endswith("1 reproduced, 1 above, 0 below, 1 not comparable.")


def test_a_run_that_does_not_compare_says_why_in_one_sentence(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    run.simulated = True
    html = make(run).read_text()
    assert "Nothing compares with the paper: simulated data." in html
    assert "Verdicts beside each of the paper" not in html


def test_nothing_failed_is_said_in_words(run):
    fits(run, "ours", "theirs")
    said = told(run, *whole(run))
    assert said["Fits not run"] == "none; every fit that was asked for is there"
    assert said["Collapsed fits"] == "none"
    assert said["Asked of other runs only"] == "none; all runs have the same"
    assert said["Counts that do not add up"] == "none; every base read is kept or dropped"
    assert said["Species without assembly"] == "Madeupia absens"
    assert said["Not given to this page"] == "the study of tokenizers, costs, the record of the run"


def test_what_failed_or_is_missing_is_named_by_run(run):
    for seed in (0, 1):
        run.fit("ours", "full", "emp", "H3", seed, 0.5)
    run.fit("ours", "full", "emp", "H4", 1, 0.5)
    run.plan("ours", "full", "tf_human/0", 0)
    run.fit("theirs", "lora", "covid", "variants", 0, 0.02, collapse="loss at chance")
    run.fit("theirs", "lora", "covid", "variants", 1, 0.3)
    said = told(run)
    assert said["Fits not run"] == "ours, full: emp/H4 (seed 0), tf_human/0 (seeds 0, 1)"
    assert said["Collapsed fits"] == "theirs, lora: covid/variants (seed 0: loss at chance)"
    assert said["Asked of other runs only"] == "ours, full: covid/variants theirs, lora: emp/H3, emp/H4, tf_human/0"
    assert said["In no run"].startswith("7 data sets emp/H3K14ac, promoter/all") and "epi/K562" in said["In no run"]
    assert "Counts that do not add up" not in said and "Species without assembly" not in said
    assert said["Not given to this page"].startswith("9 inputs the corpus, tokenizers, ")


def test_counts_that_do_not_add_up_are_said(run):
    path = run.corpus()
    lines = path.read_text().splitlines()
    cells = lines[3].split("\t")
    cells[lines[0].split("\t").index("bases")] = str(10**9)
    path.write_text("\n".join([*lines[:3], "\t".join(cells), *lines[4:]]) + "\n")
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    said = told(run, "--corpus", path)["Counts that do not add up"]
    assert re.fullmatch(r"fungi has [\d,]+ bases neither kept nor dropped", said)
    assert "The counts add up" not in (run.root / "report" / "index.html").read_text()


def test_costs_are_summed_over_all_fits(run):
    run.fit("ours", "lora", "emp", "H3", 0, 0.7, seconds=90.0, gpu_seconds=72.0, memory_mb=900)
    run.fit("ours", "lora", "emp", "H4", 0, 0.7, seconds=110.0, gpu_seconds=72.0, memory_mb=800)
    run.fit("baseline", "full", "emp", "H4", 0, 0.7, seconds=40.0, gpu_seconds=0.0, memory_mb=90)
    assert collect_results.main(run.arguments()) == 0
    models = {name: {"config": None} for name in ("ours", "baseline")}
    assert count_costs.main(run.cost_arguments(models)) == 0
    said = told(run, "--efficiency", run.root / "efficiency.tsv")["Cost"]
    assert said == (
        "3 fits of 2 runs: 4.0 minutes in all, 0.04 GPU hours, at most 900 MB of memory; on a made-up machine."
    )


def test_costs_that_were_not_measured_are_not_summed():
    measured = {"fits": "2", "seconds_per_fit": "10", "gpu_hours_per_fit": "", "memory_mb": "5"}
    theirs = {"fits": "", "seconds_per_fit": "", "gpu_hours_per_fit": "", "memory_mb": ""}
    assert overview.spent([measured, theirs]) == {"seconds": 20.0, "gpu_hours": 0, "memory_mb": 5.0}
    unknown = measured | {"seconds_per_fit": ""}
    assert overview.spent([measured, unknown])["seconds"] is None
