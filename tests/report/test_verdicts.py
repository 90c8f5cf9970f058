"""Verdicts against published scores: the paper's and those of re-runs."""

import json

import pytest

from tests.report.conftest import write_tsv
from workflow_scripts.common.files import read_table
from workflow_scripts.report import collect_results, verdicts
from workflow_scripts.report.references import read_reruns


def lines_of(run) -> dict[tuple[str, str], dict[str, str]]:
    """The table of verdicts, by data set and published model, of re-runs "source: model"."""
    assert collect_results.main(run.arguments()) == 0
    rows = read_table(run.root / "verdicts.tsv")
    names = [
        row["published_model"] if row["source"] == "paper" else f"{row['source']}: " + row["published_model"]
        for row in rows
    ]
    return {(row["dataset"], name): row for row, name in zip(rows, names, strict=True)}


def fit_seeds(run, dataset: str, *scores: float, model: str = "mine", **more) -> None:
    for seed, score in enumerate(scores):
        run.fit(model, "full", *dataset.split("/"), seed, score, **more)


def write_reruns(run, *rows: tuple[str, str, str, str, str, str]) -> None:
    names = ("task", "dataset", "model", "metric", "scores", "source")
    run.reruns = write_tsv(run.root / "reruns.tsv", [dict(zip(names, row, strict=True)) for row in rows])


def test_a_close_and_precise_score_is_reproduced_and_an_imprecise_one_is_not(run):
    """On H3 DNABERT-2 has 78.27. On 6,000 rows a score of 0.78 has an error of 0.8 points, on 400 rows one of 3.1."""
    fit_seeds(run, "emp/H3", 0.78, 0.78, 0.78, rows=6000)
    precise = lines_of(run)["H3", "DNABERT-2"]
    assert precise["verdict"] == "reproduced" and float(precise["p_equivalent"]) < 0.05
    assert -5 < float(precise["low"]) < float(precise["difference"]) < float(precise["high"]) < 5
    fit_seeds(run, "emp/H3", 0.78, 0.78, 0.78)
    imprecise = lines_of(run)["H3", "DNABERT-2"]
    assert imprecise["verdict"] == "inconclusive" and imprecise["difference"] == precise["difference"]
    assert float(imprecise["low"]) < -5


def test_far_scores_are_above_or_below_if_they_are_so_for_sure(run):
    fit_seeds(run, "emp/H3", 0.60, 0.61, 0.59)
    fit_seeds(run, "emp/H4", 0.98, 0.98, 0.98)  # the paper has 80.71
    fit_seeds(run, "emp/H3K14ac", 0.2, 0.6, 0.0)  # 52.57
    lines = lines_of(run)
    found = {dataset: lines[dataset, "DNABERT-2"]["verdict"] for dataset in ("H3", "H4", "H3K14ac")}
    assert found == {"H3": "below", "H4": "above", "H3K14ac": "inconclusive"}
    assert float(lines["H3", "DNABERT-2"]["p_holm"]) >= float(lines["H3", "DNABERT-2"]["p"])


def test_a_baseline_reproduces_nothing(run):
    fit_seeds(run, "emp/H3", 0.78, 0.78, 0.78, rows=6000)
    run.floors = ["mine"]
    line = lines_of(run)["H3", "DNABERT-2"]
    assert (line["verdict"], line["why"]) == ("no verdict", "a baseline")
    assert float(line["difference"]) == pytest.approx(-0.27)


def test_two_seeds_are_inconclusive(run):
    fit_seeds(run, "emp/H3", 0.78, 0.78, rows=6000)
    line = lines_of(run)["H3", "DNABERT-2"]
    assert (line["verdict"], line["why"], line["low"]) == ("inconclusive", "fewer than 3 seeds", "")


def test_what_is_not_comparable_has_no_published_value_next_to_it(run):
    fit_seeds(run, "emp/H4", 0.78, 0.78, 0.78)
    run.datasheet("emp", "H4", origin="primary")
    fit_seeds(run, "emp/H3K14ac", 0.78, 0.78, 0.78)
    run.datasheet("emp", "H3K14ac", published=3305)
    fit_seeds(run, "epi/K562", 0.78, 0.78, 0.78)
    fit_seeds(run, "species/fungi", 0.9, 0.9, 0.9)
    run.plan("mine", "full", "covid/variants", 0)
    lines = lines_of(run)
    found = {dataset: (row["verdict"], row["why"]) for (dataset, model), row in lines.items() if model == "DNABERT-2"}
    assert found == {
        "H4": ("not comparable", "built from primary sources, not the published rows"),
        "H3K14ac": ("not comparable", "400 test rows, published 3,305"),
        "K562": ("not comparable", "no published value"),
        "fungi": ("not comparable", "the published metric is unknown, ours f1"),
        "variants": ("not run", "no fit"),
    }
    assert {row["published"] + row["difference"] for row in lines.values() if row["source"] == "paper"} == {""}


def test_verdicts_against_re_runs(run):
    """One with a spread over seeds, which is part of the error, and a single run, which tells nothing of it."""
    write_reruns(
        run,
        ("emp", "H3", "DNABERT-2", "mcc", "77.9 78.1 78.0 78.2", "A"),
        ("emp", "H3", "DNABERT-2", "mcc", "78.0", "B"),
        ("emp", "H3", "other", "mcc", "48 79 78 80 81", "A"),
        ("emp", "H3", "DNABERT-2", "mcc", "77.9 78.1", "C"),
    )
    fit_seeds(run, "emp/H3", 0.78, 0.78, 0.78, rows=6000)
    lines = lines_of(run)
    assert lines["H3", "A: DNABERT-2"]["verdict"] == "reproduced"
    single, unstable = lines["H3", "B: DNABERT-2"], lines["H3", "A: other"]
    assert (single["verdict"], single["why"]) == ("inconclusive", "published of fewer than 3 seeds")
    two = lines["H3", "C: DNABERT-2"]
    assert (two["verdict"], two["why"], two["low"]) == ("inconclusive", "published of fewer than 3 seeds", "")
    assert unstable["verdict"] == "inconclusive" and float(unstable["high"]) - float(unstable["low"]) > 10
    row = read_table(run.root / "results.tsv")[0]
    assert [row[name] for name in ("rerun_source", "rerun_seeds", "verdict_rerun")] == ["A", "4", "reproduced"]
    assert float(row["rerun_dnabert2"]) == pytest.approx(78.05) and row["verdict"] == "reproduced"


def test_collapsed_replicates_are_counted(run):
    """DNABERT-2 on covid collapsed in four of the ten replicates of Lindsey et al.; in no other of its data sets."""
    reference = next(found for found in read_reruns(run.reruns) if (found.source, found.model)[0].startswith("Lindsey"))
    assert reference.model == "DNABERT-2" and len(reference.scores) == 18
    covid = reference.scores["covid", "variants"]
    assert (covid.seeds, covid.collapsed, covid.metric) == (10, 4, "f1") and covid.sd > 30
    assert sum(quoted.collapsed for quoted in reference.scores.values()) == 4
    h0 = reference.scores["tf_human", "0"]
    assert (h0.seeds, round(h0.mean, 2), round(h0.sd, 2)) == (10, 66.81, 1.48), "as the authors give them"


def test_the_re_runs_are_of_registered_data_sets_and_metrics(run):
    metrics = {(row["task"], row["dataset"]): row["metric"] for row in read_table(run.paper.parent / "gue.tsv")}
    rows = read_table(run.reruns)
    assert {row["metric"] for row in rows if (row["task"], row["dataset"]) not in metrics} == set()
    assert all(-100 <= float(score) <= 100 for row in rows for score in row["scores"].split())


@pytest.mark.parametrize(
    ("scores", "words"),
    [("70 x", "could not convert"), ("", "no scores"), ("70 71", "a second row of DNABERT-2 on emp/H3 by A; keep one")],
)
def test_a_bad_row_of_the_re_runs_is_named(run, capsys, scores, words):
    write_reruns(run, ("emp", "H3", "DNABERT-2", "mcc", "70 71", "A"), ("emp", "H3", "DNABERT-2", "mcc", scores, "A"))
    fit_seeds(run, "emp/H3", 0.78)
    assert collect_results.main(run.arguments()) == 1
    error = capsys.readouterr().err
    assert "reruns.tsv:3" in error and words in error and error.count("\n") == 1


def test_verdicts_are_counted_by_run_and_published_model(run):
    write_reruns(run, ("emp", "H3", "DNABERT-2", "mcc", "77.9 78.1 78.0", "A"))
    fit_seeds(run, "emp/H3", 0.78, 0.78, 0.78, rows=6000)
    fit_seeds(run, "emp/H4", 0.20, 0.20, 0.20)
    lines_of(run)
    counts = json.loads((run.root / "summary.json").read_text())["verdicts"]
    assert len(counts) == 11 and all(sum(row[name] for name in verdicts.VERDICTS) == 2 for row in counts)
    paper, rerun = (
        next(row for row in counts if row["source"] == source and row["published_model"] == "DNABERT-2")
        for source in ("paper", "A")
    )
    assert (paper["reproduced"], paper["below"]) == (1, 1)
    assert (rerun["reproduced"], rerun["not comparable"]) == (1, 1)
