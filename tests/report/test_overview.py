"""The top of the page: the summary of the run, and what failed or is missing."""

import re

import pytest

from tests.report.conftest import FictitiousRun
from tests.report.pages import Reader, all_inputs, fits, make_page
from workflow_scripts.report import collect_results, count_costs, overview

pytestmark = [pytest.mark.usefixtures("few_resamples"), pytest.mark.slow]  # each makes a page, in seconds


def overview_of(run: FictitiousRun, *more: object) -> dict[str, str]:
    """The lists at the top of the page: term -> text in one line."""
    html = make_page(run, *more).read_text()
    parts = re.findall(r"<dt>([^<]+)</dt>(.*?)(?=<dt>|</dl>)", html, re.S)
    return {term: " ".join(Reader(part).text.split()) for term, part in parts}


def test_the_summary_of_a_whole_run(run):
    fits(run, "ours")
    shown = overview_of(run, *all_inputs(run))
    assert shown["Corpus"].startswith("4 genomes with ") and shown["Corpus"].endswith("chunks.")
    assert shown["Vocabulary"] == "bpe_4096 : 4,096 entries, 4.710 bases per token."
    cost = "a [MASK] costs 6.9000 nats (token frequencies 7.4000, the best Markov model 7.1000)"
    assert shown["Pre-training"] == f"demo : {cost} after 2,000 steps (16,384,000 tokens)."
    assert "ours, full: mean" in shown["Benchmark"] and "over 10 data sets" in shown["Benchmark"]
    assert shown["Cost"] == "20 fits of 1 run; on an invented machine."


def test_means_compared_with_the_paper_are_over_the_same_data_sets(run):
    for seed in range(3):
        run.fit("ours", "full", "emp", "H3", seed, 0.78, rows=6000)  # the paper has 78.27
        run.fit("ours", "full", "emp", "H4", seed, 0.98)  # 80.71
        run.fit("ours", "full", "promoter", "tata", seed, 0.10)
    run.datasheet("promoter", "tata", origin="primary")
    shown = overview_of(run)["Benchmark"]
    assert "mean 62.00 over 3 data sets" in shown, shown
    assert "Over the 2 comparable data sets: 88.00." in shown, shown
    assert "The paper's DNABERT‑2 has 79.49 over the same data sets. " in shown, shown
    assert shown.endswith("Against its DNABERT‑2: 1 reproduced, 1 above, 1 not comparable.")


def test_means_over_different_data_sets_are_not_shown(run):
    for dataset in ("H3", "H4"):
        run.fit("ours", "full", "emp", dataset, 0, 0.78)
    run.fit("theirs", "full", "emp", "H3", 0, 0.9)
    shown = overview_of(run)["Benchmark"]
    assert "ours, full: mean 78.00 over 2 data sets. " in shown
    assert "theirs, full: 1 of 2 data sets, no mean. Against its DNABERT‑2: 1 inconclusive." in shown
    assert "90.00" not in shown


def test_the_summary_says_why_no_score_is_comparable(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    run.simulated = True
    html = make_page(run).read_text()
    assert "No score is comparable with the paper: simulated data." in html
    assert "Number of data sets by verdict" not in html


def test_lists_without_entries_say_none(run):
    fits(run, "ours", "theirs")
    shown = overview_of(run, *all_inputs(run))
    assert shown["Fits not run"] == "none; all planned fits exist"
    assert shown["Collapsed fits"] == "none"
    assert shown["No better than a floor"].startswith("ours, full: emp/H3, "), "flipping the partner's label"
    assert shown["Planned only for other runs"] == "none; all runs agree"
    assert shown["Counts that do not add up"] == "none; every base read is kept or dropped"
    assert shown["Species without assembly"] == "Inventia absens"
    assert shown["Not given to this page"] == "the tokenization study, costs, the record of the run"


def test_failed_and_missing_fits_are_listed_by_run(run):
    for seed in (0, 1):
        run.fit("ours", "full", "emp", "H3", seed, 0.5)
    run.fit("ours", "full", "emp", "H4", 1, 0.5)
    run.plan("ours", "full", "tf_human/0", 0)
    run.fit("theirs", "lora", "covid", "variants", 0, 0.02, collapse="loss at chance")
    run.fit("theirs", "lora", "covid", "variants", 1, 0.3)
    shown = overview_of(run)
    assert shown["Fits not run"] == "ours, full: emp/H4 (seed 0), tf_human/0 (seeds 0, 1)"
    assert shown["Collapsed fits"] == "theirs, lora: covid/variants (seed 0: loss at chance)"
    assert shown["Planned only for other runs"] == "ours, full: covid/variants theirs, lora: emp/H3, emp/H4, tf_human/0"
    assert shown["In no run"].startswith("7 data sets emp/H3K14ac, promoter/all") and "epi/K562" in shown["In no run"]
    assert "Counts that do not add up" not in shown and "Species without assembly" not in shown
    assert shown["Not given to this page"].startswith("11 inputs the corpus, tokenizers, ")


def test_counts_that_do_not_add_up_are_listed(run):
    path = run.corpus()
    lines = path.read_text().splitlines()
    cells = lines[3].split("\t")
    cells[lines[0].split("\t").index("bases")] = str(10**9)
    path.write_text("\n".join([*lines[:3], "\t".join(cells), *lines[4:]]) + "\n")
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    shown = overview_of(run, "--corpus", path)["Counts that do not add up"]
    assert re.fullmatch(r"fungi has [\d,]+ bases neither kept nor dropped", shown)
    assert "The counts add up" not in (run.root / "report" / "index.html").read_text()


def test_costs_are_totals_over_all_fits(run):
    run.fit("ours", "lora", "emp", "H3", 0, 0.7, seconds=90.0, gpu_seconds=72.0, memory_mb=900)
    run.fit("ours", "lora", "emp", "H4", 0, 0.7, seconds=110.0, gpu_seconds=72.0, memory_mb=800)
    run.fit("baseline", "full", "emp", "H4", 0, 0.7, seconds=40.0, gpu_seconds=0.0, memory_mb=90)
    assert collect_results.main(run.arguments()) == 0
    models = {name: {"config": None} for name in ("ours", "baseline")}
    assert count_costs.main(run.cost_arguments(models)) == 0
    shown = overview_of(run, "--efficiency", run.root / "efficiency.tsv")["Cost"]
    assert shown == (
        "3 fits of 2 runs: 4.0 minutes in total, 0.04 GPU hours, at most 900 MB of memory; on an invented machine."
    )


def test_costs_without_measurements_have_no_total():
    measured = {"fits": "2", "seconds_per_fit": "10", "gpu_hours_per_fit": "", "memory_mb": "5"}
    theirs = {"fits": "", "seconds_per_fit": "", "gpu_hours_per_fit": "", "memory_mb": ""}
    assert overview.total_costs([measured, theirs]) == {"seconds": 20.0, "gpu_hours": 0, "memory_mb": 5.0}
    unknown = measured | {"seconds_per_fit": ""}
    assert overview.total_costs([measured, unknown])["seconds"] is None
