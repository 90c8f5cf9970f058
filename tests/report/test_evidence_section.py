"""The section of the page on what is behind the scores."""

import pytest

from tests.report.conftest import write_tsv
from tests.report.pages import Reader, make_page
from workflow_scripts.report.evidence_section import SHOWN_ERRORS, evidence

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
    write_tsv(folder / "curves.tsv", [FIT | {"seeds": 3, "curve": "roc", "x": 0, "y": 0.5}])
    return folder


def test_classes_have_their_most_frequent_mistake_and_errors_are_few(run):
    (part,) = evidence(write_tables(run))
    assert part["name"] == "emp/H3"
    assert [(row["class"], row["taken_for"], row["percent"]) for row in part["classes"]] == [
        ("a", None, None),
        ("b", "c", 30),
        ("c", None, None),
        ("b", None, None),
    ]
    assert [row["line"] for row in part["errors"]] == list(range(2, 2 + SHOWN_ERRORS))
    assert part["errors"][0]["sequence"] == "ACGT" * 15 + "…"


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
    assert "No fit predicts classes" in Reader(make_page(run).read_text()).text
