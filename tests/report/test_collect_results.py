"""Statistics of scores, the tables of results, verdicts and pairs, and the paper's claims recomputed."""

import json
import os
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from workflow_scripts.common.files import read_table
from workflow_scripts.common.intervals import t_interval
from workflow_scripts.report import collect_results, paper
from workflow_scripts.report.score_statistics import (
    compare_scores,
    critical_difference,
    group_ranks,
    mean_by_task,
    rank_runs,
)

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def collect(run, *more):
    """The table of results and the summary, made by the program."""
    assert collect_results.main([*run.arguments(), *more]) == 0
    return read_table(run.root / "results.tsv"), json.loads((run.root / "summary.json").read_text())


def test_t_interval_equals_scipy():
    values = [71.2, 68.9, 73.3]
    low, high = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    found = t_interval(values)
    assert found["mean"] == pytest.approx(np.mean(values))
    assert found["sd"] == pytest.approx(np.std(values, ddof=1))
    assert (found["low"], found["high"]) == pytest.approx((low, high))


def test_two_values_have_no_interval_and_equal_ones_have_an_empty_one():
    assert t_interval([50.0]) == {"mean": 50.0, "sd": None, "low": None, "high": None}
    assert t_interval([49.0, 51.0]) == {"mean": 50.0, "sd": pytest.approx(2**0.5), "low": None, "high": None}
    assert t_interval([50.0] * 3) == {"mean": 50.0, "sd": 0.0, "low": 50.0, "high": 50.0}


def test_comparison_counts_only_common_data_sets_and_equals_scipy():
    first = {str(n): 50 + 1.1 * n for n in range(8)} | {"mine": 99.0}
    second = dict.fromkeys(map(str, range(8)), 52.0) | {"theirs": 1.0}
    differences = np.array([first[str(n)] - 52 for n in range(8)])
    found = compare_scores(first, second)
    assert found["datasets"] == found["wins"] + found["ties"] + found["losses"] == 8
    assert found["wins"] == (differences > 0).sum()
    assert found["difference"] == pytest.approx(differences.mean())
    assert found["p"] == pytest.approx(stats.wilcoxon(np.round(differences, 2)).pvalue)


def test_comparison_of_few_equal_or_different_data_sets():
    assert compare_scores({"a": 1.0}, {"b": 1.0}) is None
    assert compare_scores({"a": 1.0, "b": 3.0}, {"a": 2.0, "b": 1.0})["p"] is None
    same = dict.fromkeys("abcdefgh", 60.0)
    assert compare_scores(same, {key: value + 0.001 for key, value in same.items()})["ties"] == 8
    assert compare_scores(same, same)["p"] is None


def test_task_means():
    scores = {("emp", "H3"): 70.0, ("emp", "H4"): 80.0, ("covid", "variants"): 10.0}
    assert mean_by_task(scores, [*scores]) == {
        "emp": {"mean": 75, "datasets": 2},
        "covid": {"mean": 10, "datasets": 1},
    }
    assert mean_by_task(scores, [*scores, ("emp", "H2")])["emp"] == {"mean": None, "datasets": 2}


def test_paper_tables_are_complete(run):
    cells, _metrics = paper.read_cells(run.paper)
    models = [row["model"] for row in read_table(run.paper_models)]
    assert set(cells) == set(models)
    assert all(len(paper.gue_28(scores)) == 28 for scores in cells.values())


def test_paper_claims_follow_from_its_scores(run):
    cells, _metrics = paper.read_cells(run.paper)
    kmers = paper.against_kmers(cells)
    assert (kmers["wins_over_best"], kmers["datasets"]) == (23, 28)
    assert kmers["mean_difference"] == pytest.approx(5.97, abs=0.01)
    assert kmers["wins_over_each"] == [23, 25, 24, 24]


def test_one_quoted_average_does_not_follow_from_its_scores(run):
    cells, _metrics = paper.read_cells(run.paper)
    models = read_table(run.paper_models)
    averages = paper.averages(cells, models)
    assert [row["model"] for row in averages if row["agrees"] is False] == ["NT-500M-1000g"]
    for model, average in zip(models, averages, strict=True):
        assert average["recomputed"] == pytest.approx(float(model["average_of_cells"]), abs=0.0006)


def test_table_of_results(run):
    for seed, score in enumerate([0.78, 0.80, 0.76]):
        run.fit("mine", "full", "emp", "H3", seed, score)
    run.fit("mine", "full", "species", "fungi", 0, 0.9)
    (h3, fungi), _summary = collect(run)
    assert float(h3["mean"]) == pytest.approx(78.0) and float(h3["sd"]) == pytest.approx(2)
    assert (h3["seeds"], h3["missing"], h3["test_rows"]) == ("3", "", "400")
    low, high = stats.t.interval(0.95, 2, loc=78, scale=stats.sem([78, 80, 76]))
    assert (float(h3["seeds_low"]), float(h3["seeds_high"])) == pytest.approx((low, high), abs=1e-4)
    assert float(h3["low"]) < min(low, float(h3["rows_low"])) < 78 < float(h3["rows_high"]) < float(h3["high"])
    assert [float(h3[name]) for name in ("mcc", "f1", "accuracy", "auroc")] == pytest.approx([78, 89, 89, 89])
    assert float(h3["mcc_low"]) == float(h3["low"]) and float(h3["f1_low"]) > float(h3["mcc_low"])
    assert float(h3["paper_dnabert2"]) == 78.27
    assert float(h3["difference_dnabert2"]) == pytest.approx(-0.27)
    assert h3["verdict"] == "inconclusive" and h3["why"].startswith("90% interval of the difference -")
    assert h3["scores"] == "78.00 80.00 76.00"
    assert fungi["paper_dnabert2"] == fungi["difference_dnabert2"] == ""
    assert (fungi["verdict"], fungi["why"]) == ("not comparable", "the published metric is unknown, ours f1")
    assert fungi["sd"] == fungi["seeds_low"] == "" and fungi["low"] == fungi["rows_low"]
    assert (fungi["over"], fungi["missing"]) == ("rows", "1 2")


def test_a_collapsed_fit_counts_and_is_counted(run):
    for seed, score in enumerate([0.78, 0.80, 0.0]):
        run.fit("mine", "full", "emp", "H3", seed, score, collapse="constant prediction" if seed == 2 else None)
        run.fit("mine", "full", "emp", "H4", seed, 0.0, collapse="loss at chance")
    (h3, h4), summary = collect(run)
    assert float(h3["mean"]) == pytest.approx(158 / 3, abs=1e-4) and float(h3["mean_without_collapsed"]) == 79
    assert (h3["collapsed"], h4["collapsed"]) == ("1", "3")
    assert h4["mean"] == "0.0000" and h4["mean_without_collapsed"] == "" and h4["truncated"] == "3.0000"
    assert h4["unknown_tokens"] == "0.4000"
    names = summary["runs"][0]["collapsed"]
    assert names[0] == "emp/H3 (seed 2: constant prediction)" and len(names) == 4


def test_scores_of_simulated_data_are_not_compared_with_the_paper(run):
    run.fit("mine", "full", "emp", "H3", 0, 0.78)
    (row,), summary = collect(run, "--simulated")
    assert row["difference_dnabert2"] == row["paper_dnabert2"] == ""
    assert (row["verdict"], row["why"]) == ("not comparable", "simulated data")
    assert summary["comparisons"] == []


def test_summary_means_comparisons_and_ranks(run):
    for model, bonus in (("a", 0.02), ("b", 0.0), ("c", 0.3)):
        for task, dataset in [("emp", n) for n in ("H3", "H3K14ac", "H4")] + [("tf_human", n) for n in "012"]:
            run.fit(model, "lora", task, dataset, 1, 0.6 + bonus)
    run.fit("a", "lora", "covid", "variants", 1, 0.7)
    _rows, summary = collect(run)
    a, b, _c = summary["runs"]
    assert a["missing"] == [] and b["missing"] == ["covid/variants"]
    assert a["tasks"]["emp"] == {"mean": pytest.approx(62), "datasets": 3}
    assert a["mean"] == pytest.approx((6 * 62 + 70) / 7) and b["mean"] is None, "b lacks a data set"
    pair = summary["comparisons"][0]
    assert (pair["first"], pair["second"], pair["datasets"]) == ("a, lora", "b, lora", 6)
    assert pair["difference"] == pytest.approx(2)
    assert (pair["wins"], pair["ties"], pair["losses"]) == (6, 0, 0)
    assert pair["p"] == pytest.approx(stats.wilcoxon([2.0] * 6).pvalue)
    assert [row["rank"] for row in summary["ranks"]["runs"]] == [2, 3, 1]
    assert summary["ranks"]["p"] == pytest.approx(stats.friedmanchisquare([2] * 6, [3] * 6, [1] * 6).pvalue)
    assert "epi/K562" in summary["not_run"] and "emp/H3" not in summary["not_run"]
    assert summary["paper"]["against_kmers"]["wins_over_best"] == 23


def test_ties_share_a_rank_and_ranks_need_common_data_sets():
    assert rank_runs({"a": {"x": 1.0}}) is None and rank_runs({"a": {"x": 1.0}, "b": {"y": 1.0}}) is None
    found = rank_runs({"a": {"x": 1.0, "y": 5.0}, "b": {"y": 4.0, "x": 1.001}})
    assert [row["rank"] for row in found["runs"]] == [1.25, 1.75] and found["p"] is None


def test_the_critical_difference_is_that_of_demsar():
    """His Table 5(a): q is 2.343 for 3 and 2.728 for 5 classifiers. His example: 1.25 for 4 on 14 data sets."""
    assert critical_difference(3, 100) == pytest.approx(2.343 * (3 * 4 / 600) ** 0.5, rel=1e-3)
    assert critical_difference(5, 100) == pytest.approx(2.728 * (5 * 6 / 600) ** 0.5, rel=1e-3)
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_groups_of_ranks_are_the_largest():
    def groups(*ranks: float) -> list[str]:
        return [
            "".join(group)
            for group in group_ranks([{"run": n, "rank": r} for n, r in zip("abcde", ranks, strict=False)], 1.0)
        ]

    assert groups(1.0, 1.5, 1.9, 2.6, 4.0) == ["abc", "cd"]
    assert groups(1.0, 2.0, 3.0) == [] and groups(3.0, 1.0, 2.5, 1.2) == ["bd", "ca"]
    assert groups(1.0, 1.1, 1.2) == ["abc"]


def test_runs_with_few_data_sets_are_not_ranked():
    whole = dict.fromkeys("tuvwxyz", 1.0)
    scores = {"a": whole, "b": whole | {"t": 2.0}, "c": dict.fromkeys(whole, 0.5), "few": {"t": 9.0}}
    found = rank_runs(scores)
    assert found["datasets"] == 7 and [row["run"] for row in found["runs"]] == ["a", "b", "c"]
    assert found["critical_difference"] and found["groups"] == [["b", "a"]]


def test_runs_are_paired_on_the_same_rows(run):
    """Errors on the same rows cancel: the interval of the difference is narrower than those of the scores."""
    for seed in range(3):
        run.fit("a", "full", "emp", "H3", seed, 0.66)
        run.fit("b", "full", "emp", "H3", seed, 0.60)
        run.fit("c", "full", "emp", "H3", seed, 0.60)
    rows, summary = collect(run)
    ab, _ac, bc = read_table(run.root / "pairs.tsv")
    assert float(ab["difference"]) == pytest.approx(6) and float(ab["low"]) > 0 and float(ab["p"]) < 0.01
    width = float(rows[0]["rows_high"]) - float(rows[0]["rows_low"])
    assert float(ab["high"]) - float(ab["low"]) < 0.7 * width
    assert [float(bc[name]) for name in ("difference", "low", "high", "p", "p_holm")] == [0, 0, 0, 1, 1]
    assert (ab["better"], bc["better"]) == ("a, full", "")
    counts = [[pair[name] for name in ("tested", "better", "worse")] for pair in summary["comparisons"][:3]]
    assert counts == [[1, 1, 0], [1, 1, 0], [1, 0, 0]]


def test_seeds_count_against_a_difference(run):
    """The same means as above, on the same rows, of fits that differ among themselves as much as the runs do."""
    for seed, shift in enumerate((-0.06, 0.0, 0.06)):
        run.fit("a", "full", "emp", "H3", seed, 0.66 + shift)
        run.fit("b", "full", "emp", "H3", seed, 0.60 + shift)
    collect(run)
    (pair,) = read_table(run.root / "pairs.tsv")
    assert float(pair["difference"]) == pytest.approx(6) and float(pair["low"]) < 0 < float(pair["high"])
    assert pair["better"] == "" and float(pair["p"]) > 0.05


def test_fewer_than_three_seeds_show_a_difference_and_no_winner(run):
    for seed in range(2):
        run.fit("a", "full", "emp", "H3", seed, 0.9)
        run.fit("b", "full", "emp", "H3", seed, 0.1)
    _rows, summary = collect(run)
    (pair,) = read_table(run.root / "pairs.tsv")
    assert float(pair["difference"]) == pytest.approx(80)
    assert [pair[name] for name in ("low", "high", "p", "p_holm", "better")] == [""] * 5
    assert [summary["comparisons"][0][name] for name in ("tested", "better", "worse")] == [0, 0, 0]


def test_winners_are_corrected_for_the_number_of_data_sets(run):
    """A difference that is significant on a single data set is not if it is one of ten."""
    for seed in range(3):
        run.fit("a", "full", "emp", "H3", seed, 0.63)
        run.fit("b", "full", "emp", "H3", seed, 0.60)
    collect(run)
    (alone,) = read_table(run.root / "pairs.tsv")
    assert 0.005 < float(alone["p"]) < 0.05 and alone["better"] == "a, full"
    for task, datasets in run.datasets.items():
        for dataset in datasets:
            for model in "ab":
                for seed in range(3):
                    if dataset != "H3":
                        run.fit(model, "full", task, dataset, seed, 0.60)
    collect(run)
    among = next(row for row in read_table(run.root / "pairs.tsv") if row["dataset"] == "H3")
    assert among["p"] == alone["p"] and among["better"] == ""
    assert float(among["p_holm"]) == pytest.approx(10 * float(among["p"]), abs=0.001)


def test_a_mixture_of_collapsed_and_other_fits_has_no_interval(run):
    for seed, collapse in enumerate((None, "loss at chance", None)):
        run.fit("mixed", "full", "emp", "H3", seed, 0.02 if collapse else 0.5, collapse=collapse, steps=30 * seed + 30)
        run.fit("lost", "full", "emp", "H3", seed, 0.02, collapse="loss at chance")
        run.fit("cnn", "full", "emp", "H3", seed, 0.5)
    run.floors = ["cnn"]
    rows, summary = collect(run)
    cells = {row["model"]: row for row in rows}
    columns = [name for name in rows[0] if name.endswith(("low", "high"))]
    assert {cells["mixed"][name] for name in [*columns, "over"]} == {""} and cells["mixed"]["sd"]
    assert cells["lost"]["low"] and cells["lost"]["over"] == "seeds and rows", "all are of one distribution"
    assert (float(cells["mixed"]["steps"]), cells["lost"]["steps"]) == (60, "")
    assert {run["model"]: run["floor"] for run in summary["runs"]} == {"mixed": False, "lost": False, "cnn": True}


def test_pairs_name_the_data_sets_that_they_are_over(run):
    for model, names in (("a", ("H3", "H4")), ("b", ("H4",))):
        for name in names:
            run.fit(model, "full", "emp", name, 0, 0.5)
    _rows, summary = collect(run)
    over = {(pair["first"], pair["second"]): pair["over"] for pair in summary["comparisons"]}
    assert over["a, full", "b, full"] == ["emp/H4"]
    assert over["a, full", "DNABERT-2 in the paper"] == ["emp/H3", "emp/H4"]


def test_missing_fits_are_listed_and_the_others_are_scored(run):
    for seed in (0, 1):
        run.fit("mine", "full", "emp", "H3", seed, 0.5)
    run.fit("mine", "full", "emp", "H4", 0, 0.5)
    run.plan("mine", "full", "promoter/tata", 0)
    run.plan("failed", "lora", "emp/H3", 0)
    rows, summary = collect(run)
    cells = {(row["model"], row["dataset"]): row for row in rows}
    assert [cells["mine", name]["missing"] for name in ("H3", "H4", "tata")] == ["", "1", "0 1"]
    assert cells["mine", "tata"]["seeds"] == "0" and cells["mine", "tata"]["mean"] == ""
    assert cells["mine", "tata"]["verdict"] == "not run" and cells["mine", "tata"]["metric"] == "mcc"
    mine, failed = summary["runs"]
    assert mine["missing"] == ["promoter/tata", "emp/H4 (seed 1)"]
    assert failed["mean"] is None and failed["missing"] == ["emp/H3", "emp/H4", "promoter/tata"]


def test_the_order_of_plan_and_seeds_changes_only_the_order_of_runs(run):
    for model in "ab":
        for dataset in ("H4", "H3"):
            for seed, score in ((3, 0.5), (1, 0.7), (2, 0.64)):
                run.fit(model, "full", "emp", dataset, seed, score)
        run.plan(model, "full", "tf_human/0", 3)
    first, _summary = collect(run)
    run.planned = {key: dict.fromkeys(reversed(sets)) for key, sets in reversed(run.planned.items())}
    run.seeds = dict.fromkeys(reversed(run.seeds))
    second, _summary = collect(run)
    assert [row["dataset"] for row in first] == ["H3", "H4", "0"] * 2
    assert first[2]["missing"] == "1 2 3"
    assert first == second[3:] + second[:3]


@pytest.mark.slow
def test_the_hash_seed_changes_nothing(run):
    for model in "ab":
        for task, dataset in (("emp", "H3"), ("covid", "variants"), ("tf_human", "0")):
            run.fit(model, "full", task, dataset, 0, 0.5)
    names = ("results.tsv", "verdicts.tsv", "pairs.tsv", "summary.json")
    collect(run)
    here = [(run.root / name).read_bytes() for name in names]
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    command = [sys.executable, "-m", "workflow_scripts.report.collect_results", *run.arguments()]
    subprocess.run(command, check=True, env=ENVIRONMENT | {"PYTHONHASHSEED": seed})
    assert [(run.root / name).read_bytes() for name in names] == here


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        ({"score": float("nan")}, "nan"),
        ({"metric": "f1"}, "expected mcc"),
        ({"test": {"rows": 3}}, "mcc"),
        ({"task": "covid", "dataset": "variants", "test": {"f1": 0.5, "rows": 400}}, "its metrics.json has nan"),
        ({"test": {"mcc": 0.52, "rows": 400}}, "mcc 0.500000 where its metrics.json has 0.520000"),
    ],
)
def test_bad_metrics_are_one_line_and_write_no_file(run, capsys, fit, words):
    path = run.fit(**{"model": "m", "method": "x", "task": "emp", "dataset": "H3", "seed": 0, "score": 0.5} | fit)
    assert collect_results.main(run.arguments()) == 1
    error = capsys.readouterr().err
    assert str(path.parent) in error and words in error and error.count("\n") == 1
    assert not (run.root / "results.tsv").exists()


def test_files_of_another_fit_or_of_other_rows_are_named(run, capsys):
    first = run.fit("m", "full", "emp", "H3", 0, 0.5)
    second = run.fit("m", "full", "emp", "H3", 1, 0.5)
    original = second.read_text()
    second.write_text(first.read_text())
    assert collect_results.main(run.arguments()) == 1
    assert f"{second}: these are the metrics of another fit, m full emp H3 0" in capsys.readouterr().err
    second.write_text(original)
    table = second.parent / "predictions.parquet"
    pq.write_table(pq.read_table(table).slice(1), table)
    assert collect_results.main(run.arguments()) == 1
    assert f"{table}: other test rows" in capsys.readouterr().err
    table.unlink()
    assert collect_results.main(run.arguments()) == 1
    assert f"{table}: no such file" in capsys.readouterr().err


def test_without_any_fit_the_program_fails(run, capsys):
    run.plan("m", "full", "emp/H3", 0)
    assert collect_results.main(run.arguments()) == 1
    assert "none of the fits" in capsys.readouterr().err


def test_fits_that_predict_no_classes_have_an_interval_over_seeds(run):
    for seed, score in enumerate((0.5, 0.55, 0.6)):
        run.fit(
            "m",
            "full",
            "custom",
            "heights",
            seed,
            score,
            problem="regression",
            metric="pearson",
            test={"pearson": score, "rows": 9},
        )
    (row,), _summary = collect(run)
    assert (row["over"], row["rows_low"], row["mcc"], row["mean"]) == ("seeds", "", "", "55.0000")
    assert (row["verdict"], row["why"]) == ("not comparable", "no published value")
