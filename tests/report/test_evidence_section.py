"""The section of the page on what is behind the scores."""

import re

import pytest

from tests.report.conftest import write_tsv
from tests.report.pages import Reader, all_inputs, make_page
from workflow_scripts.report.evidence_section import SHOWN_ERRORS, evidence

RUNS = ["ours, full", "other, full"]
FIT = {"model": "ours", "method": "full", "task": "emp", "dataset": "H3"}


def write_tables(run, errors: int = 5):
    """Three classes, of which the second is mostly taken for the third and has no row in another run."""
    folder = run.root / "evidence"
    folder.mkdir()
    scores = {"precision": 80, "recall": 70, "f1": 75, "auroc": 91.5, "auprc": 88.25}
    classes = [FIT | {"seeds": 3, "class": name, "rows": 100, "predicted": 90.3333} | scores for name in "abc"]
    classes.append(
        FIT | {"model": "other"} | {"seeds": 1, "class": "b", "rows": 0, "predicted": 0} | dict.fromkeys(scores, "")
    )
    write_tsv(folder / "classes.tsv", classes)
    pairs = [("a", "a", 100), ("b", "b", 60), ("b", "a", 10), ("b", "c", 30), ("c", "c", 100)]
    more = [{"label": x, "prediction": y, "rows": n, "percent_of_label": n} for x, y, n in pairs]
    write_tsv(folder / "confusions.tsv", [FIT | {"seeds": 3} | row for row in more])
    facts = {"id": "<chr1>", "label": "b", "prediction": "c", "probability_of_label": 0.012}
    rows = [FIT | {"line": n} | facts | {"wrong": 2, "seeds": 3, "sequence": "ACGT" * 30} for n in range(2, 2 + errors)]
    write_tsv(folder / "errors.tsv", rows)
    curves = [("roc", 0, 0.5), ("roc", 1, 1), ("precision-recall", 0, 1), ("precision-recall", 1, 0.4)]
    write_tsv(folder / "curves.tsv", [FIT | {"seeds": 3, "curve": name, "x": x, "y": y} for name, x, y in curves])
    learning = [(seed, step, 1 / step, 2 / step) for seed in (0, 1) for step in (1, 2)]
    points = [{"seed": seed, "step": step, "training_loss": a, "dev_loss": b} for seed, step, a, b in learning]
    write_tsv(folder / "learning.tsv", [FIT | row | {"dev_score": 50 + 9 * row["seed"]} for row in points])
    return folder


def test_classes_have_their_most_frequent_mistake_and_errors_are_few(run):
    (part,) = evidence(write_tables(run), RUNS)
    assert part["name"] == "emp/H3"
    assert [(row["class"], row["taken_for"], row["percent"]) for row in part["classes"]] == [
        ("a", None, None),
        ("b", "c", 30),
        ("c", None, None),
        ("b", None, None),
    ]
    assert [row["line"] for row in part["errors"]] == list(range(2, 2 + SHOWN_ERRORS))
    assert part["errors"][0]["sequence"] == "ACGT" * 15 + "…"


def test_curves_are_drawn_with_what_a_constant_reaches(run):
    (part,) = evidence(write_tables(run), RUNS)
    roc, recall, scores, losses = part["panels"]
    assert [line["name"] for line in roc["lines"]] == ["a constant", "ours, full"]
    constant = re.findall(r"[\d.]+", recall["lines"][0]["path"])
    at = {tick["text"]: tick["at"] for tick in recall["y_ticks"]}
    share = (at["0"] - float(constant[1])) / (at["0"] - at["1"])
    assert share == pytest.approx(1 / 3, abs=0.01), "the share of a class, the mean over three"
    assert [line["name"] for line in scores["lines"]] == ["ours, full, seed 0", "ours, full, seed 1"]
    assert [line["name"] for line in losses["lines"]] == ["ours, full: dev loss", "ours, full: training loss"]
    assert losses["lines"][0]["dash"] != losses["lines"][1]["dash"]


def test_a_confusion_matrix_has_a_line_for_each_label(run):
    (part,) = evidence(write_tables(run), RUNS)
    (found,) = part["matrices"]
    assert (found["run"], found["names"]) == ("ours, full", ["a", "b", "c"])
    shares = [[cell and cell["percent_of_label"] for cell in line] for line in found["lines"]]
    assert shares == [[100, None, None], [10, 60, 30], [None, None, 100]]


@pytest.mark.slow
@pytest.mark.usefixtures("few_resamples")
def test_the_page_draws_evidence_strata_and_floors(run):
    """With the tables of their programs, for one model that is worse than looking up and one that is not."""
    curve = [{"step": 9 * n, "training_loss": 0.5, "dev_loss": 0.6, "dev_score": 0.1 * n} for n in (1, 2)]
    for model, score in (("good", 0.8), ("weak", 0.3), ("cnn", 0.6)):
        for seed in range(3):
            run.fit(model, "full", "emp", "H3", seed, score, steps=18, learning_curve=curve)
    run.floors = ["cnn"]
    run.datasets = {"emp": ["H3"]}
    html = make_page(run, *all_inputs(run)).read_text()
    text = " ".join(Reader(html).text.split())
    for words in (
        "On 1 of 1 data sets a model is no better than a floor, or has collapsed.",
        "emp/H3: in 290 of 400 test rows the partner, with another label, is in train.",
        "cnn, full (60.00), partner flip (52.00), k-mer regression of the audit (43.21), nearest neighbour (31.00)",
        "18 steps are few: raise min_steps or epochs; 800 training rows are few",
        "Accuracy × 100 on test rows that leak",
        "Confusion matrices of emp/H3",
        "<row 182>",
    ):
        assert words in text or words in html, words
    assert html.count('class="panel"') == 4 + 1 and "weak, full, seed 2" in text
    shown = re.search(r"No better than a floor</dt>\s*<dd[^>]*>([^<]*)<", html)
    assert shown and shown[1].strip() == "weak, full: emp/H3"


@pytest.mark.slow
@pytest.mark.usefixtures("few_resamples")
def test_the_page_shows_what_is_behind_the_scores(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.5)
    folder = write_tables(run)
    html = make_page(run, "--evidence", folder).read_text()
    text = " ".join(Reader(html[html.index('id="evidence"') :]).text.split())
    for words in ("Classes of emp/H3", "88.25", "c (30.0%)", "2 of 3", "0.012", "<chr1>", "undefined"):
        assert words in text, words
    assert "&lt;chr1&gt;" in html and "<chr1>" not in html
    assert "No fit is there" in Reader(make_page(run).read_text()).text
