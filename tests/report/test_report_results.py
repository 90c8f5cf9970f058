"""Scores, comparisons, the table of results, and the paper's sums from its own cells."""

import json

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.common.files import read_table
from workflow_scripts.report import paper, results
from workflow_scripts.report.scores import compare, interval, mean_by_task


def arguments(run, *more):
    return [
        *("--metrics", *map(str, run.metrics), "--registry", str(run.registry()), "--paper", str(run.paper)),
        *("--paper-models", str(run.paper_models), "--out", str(run.root / "results.tsv")),
        *("--summary", str(run.root / "summary.json"), *more),
    ]


def make(run):
    assert results.main(arguments(run)) == 0
    return read_table(run.root / "results.tsv"), json.loads((run.root / "summary.json").read_text())


def test_interval_equals_scipy():
    values = [71.2, 68.9, 73.3]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    found = interval(values)
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (found["low"], found["high"]) == pytest.approx((low, high))


def test_one_seed_has_no_interval_and_equal_seeds_a_narrow_one():
    assert interval([50.0]) == {"mean": 50.0, "sd": None, "low": None, "high": None}
    assert interval([50.0, 50.0]) == {"mean": 50.0, "sd": 0.0, "low": 50.0, "high": 50.0}


def test_comparison_counts_shared_data_sets_only_and_equals_scipy():
    first = {str(n): 50 + 1.1 * n for n in range(8)} | {"mine": 99.0}
    second = dict.fromkeys(map(str, range(8)), 52.0) | {"theirs": 1.0}
    differences = np.array([first[str(n)] - 52 for n in range(8)])
    found = compare(first, second)
    assert found["datasets"] == found["wins"] + found["ties"] + found["losses"] == 8
    assert found["wins"] == (differences > 0).sum()
    assert found["difference"] == pytest.approx(differences.mean())
    assert found["p"] == pytest.approx(stats.wilcoxon(np.round(differences, 2)).pvalue)


def test_comparison_of_few_equal_or_foreign_data_sets():
    assert compare({"a": 1.0}, {"b": 1.0}) is None
    assert compare({"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 1.0})["p"] is None
    same = dict.fromkeys("abcdefgh", 60.0)
    assert compare(same, {key: value + 0.001 for key, value in same.items()})["ties"] == 8
    assert compare(same, same)["p"] is None


def test_task_means():
    scores = {("emp", "H3"): 70.0, ("emp", "H4"): 80.0, ("covid", "variants"): 10.0}
    assert mean_by_task(scores) == {"emp": {"mean": 75, "datasets": 2}, "covid": {"mean": 10, "datasets": 1}}


def test_paper_tables_are_whole(run):
    cells, _metrics = paper.read_cells(run.paper)
    models = [row["model"] for row in read_table(run.paper_models)]
    assert set(cells) == set(models)
    assert all(len(paper.gue_28(scores)) == 28 for scores in cells.values())


def test_paper_claims_follow_from_its_cells(run):
    cells, _metrics = paper.read_cells(run.paper)
    kmers = paper.against_kmers(cells)
    assert (kmers["wins_over_best"], kmers["datasets"]) == (23, 28)
    assert kmers["mean_difference"] == pytest.approx(5.97, abs=0.01)
    assert kmers["wins_over_each"] == [23, 25, 24, 24]


def test_one_quoted_average_does_not_follow_from_its_cells(run):
    cells, _metrics = paper.read_cells(run.paper)
    models = read_table(run.paper_models)
    averages = paper.averages(cells, models)
    assert [row["model"] for row in averages if row["agrees"] is False] == ["NT-500M-1000g"]
    for model, average in zip(models, averages, strict=True):
        assert average["recomputed"] == pytest.approx(float(model["average_of_cells"]), abs=0.0006)


def test_table_of_results(run):
    for seed, score in enumerate([0.78, 0.80, 0.76]):
        run.fit("mine", "full", "emp", "H3", seed, score, collapsed=seed == 2)
    run.fit("mine", "full", "species", "fungi", 0, 0.9)
    rows, _summary = make(run)
    h3, fungi = rows
    assert float(h3["mean"]) == pytest.approx(78.0)
    assert (h3["seeds"], h3["collapsed"], h3["test_rows"]) == ("3", "1", "1000")
    low, high = stats.t.interval(0.95, 2, loc=78, scale=stats.sem([78, 80, 76]))
    assert (float(h3["low"]), float(h3["high"])) == pytest.approx((low, high), abs=1e-4)
    assert float(h3["paper_dnabert2"]) == 78.27
    assert float(h3["difference_dnabert2"]) == pytest.approx(-0.27)
    assert fungi["paper_dnabert2"] == "93.0400"
    assert fungi["difference_dnabert2"] == "", "the paper's metric for species is not known"
    assert fungi["sd"] == fungi["low"] == fungi["high"] == ""


def test_scores_of_simulated_data_are_compared_with_nothing_of_the_paper(run):
    run.fit("mine", "full", "emp", "H3", 0, 0.78)
    assert results.main([*arguments(run), "--simulated"]) == 0
    (row,) = read_table(run.root / "results.tsv")
    summary = json.loads((run.root / "summary.json").read_text())
    assert row["difference_dnabert2"] == "" and float(row["paper_dnabert2"]) == 78.27
    assert summary["comparisons"] == []


def test_summary_means_comparisons_and_missing_fits(run):
    for model, bonus in (("a", 0.02), ("b", 0.0)):
        for task, dataset in [("emp", n) for n in ("H3", "H3K14ac", "H4")] + [("tf_human", n) for n in "012"]:
            run.fit(model, "lora", task, dataset, 1, 0.6 + bonus)
    run.fit("a", "lora", "covid", "variants", 1, 0.7)
    _rows, summary = make(run)
    a, b = summary["runs"]
    assert a["missing"] == [] and b["missing"] == ["covid/variants"]
    assert a["tasks"]["emp"] == {"mean": pytest.approx(62), "datasets": 3}
    assert a["mean"] == pytest.approx((6 * 62 + 70) / 7)
    pair = summary["comparisons"][0]
    assert (pair["first"], pair["second"], pair["datasets"]) == ("a, lora", "b, lora", 6)
    assert pair["difference"] == pytest.approx(2)
    assert (pair["wins"], pair["ties"], pair["losses"]) == (6, 0, 0)
    assert pair["p"] == pytest.approx(stats.wilcoxon([2.0] * 6).pvalue)
    assert "epi/K562" in summary["not_run"] and "emp/H3" not in summary["not_run"]
    assert summary["paper"]["against_kmers"]["wins_over_best"] == 23


def test_list_of_files_gives_the_same_table(run):
    run.fit("mine", "full", "emp", "H4", 0, 0.5)
    make(run)
    whole = (run.root / "results.tsv").read_bytes()
    listing = run.root / "list.txt"
    listing.write_text("".join(f"{path}\n" for path in run.metrics))
    assert results.main(["--metrics-list", str(listing), *arguments(run)[2:]]) == 0
    assert (run.root / "results.tsv").read_bytes() == whole


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        ({"task": "emp", "dataset": "H99"}, "emp/H99"),
        ({"score": float("nan")}, "nan"),
        ({"metric": "f1", "test": {"f1": 0.5, "rows": 3}}, "registry has mcc"),
        ({"test": {"rows": 3}}, "mcc"),
    ],
)
def test_bad_metrics_are_one_line_and_leave_nothing(run, capsys, fit, words):
    path = run.fit(**{"model": "m", "method": "x", "task": "emp", "dataset": "H3", "seed": 0, "score": 0.5} | fit)
    assert results.main(arguments(run)) == 1
    error = capsys.readouterr().err
    assert str(path) in error and words in error and error.count("\n") == 1
    assert not (run.root / "results.tsv").exists()


def test_missing_and_repeated_fits_are_named(run, capsys):
    run.fit("m", "full", "emp", "H3", 0, 0.5)
    run.fit("m", "full", "emp", "H3", 0, 0.6)
    assert results.main(arguments(run)) == 1
    assert "same fit" in capsys.readouterr().err
    run.metrics[1].unlink()
    assert results.main(arguments(run)) == 1
    assert str(run.metrics[1]) in capsys.readouterr().err
