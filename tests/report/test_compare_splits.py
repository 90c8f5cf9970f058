"""Both splits of a data set side by side: the difference, its interval, and what is missing."""

import json
import re

import pytest

from tests.report.pages import page_arguments
from workflow_scripts.common.files import read_table
from workflow_scripts.report import collect_results, compare_splits, write_report


@pytest.fixture
def compared(run):
    """``compared({model: (own scores, twin scores)})``: the rows of the table by model."""

    def make(scores):
        planned = []
        for model, sides in scores.items():
            for name, values in zip(("0", "0.homology"), sides, strict=True):
                for seed, score in enumerate(values, start=1):
                    run.fit(model, "full", "tf_human", name, seed, score, rows=4000)
            planned.append({"model": model, "method": "full", "datasets": ["tf_human/0"]})
        out = run.root / "gue_homology.tsv"
        options = ["--fits", run.root / "fits", "--planned", json.dumps(planned), "--seed", 1, "--out", out]
        assert compare_splits.main([*map(str, options), "--seeds", "1", "2", "3"]) == 0
        return {row["model"]: row for row in read_table(out)}

    return make


def test_a_model_that_lives_on_leaks_falls_and_one_that_does_not_stays(compared):
    found = compared({"copies": ((0.9, 0.91, 0.92), (0.1, 0.12, 0.11)), "learns": ((0.6, 0.61, 0.62),) * 2})
    copies, learns = found["copies"], found["learns"]
    assert (copies["dataset"], copies["metric"], copies["seeds"], copies["test_rows"]) == ("0", "mcc", "3", "4000")
    assert float(copies["score"]) == pytest.approx(91) and float(copies["homology"]) == pytest.approx(11)
    assert (
        float(copies["difference"]) == pytest.approx(-80) and -90 < float(copies["low"]) < float(copies["high"]) < -70
    )
    assert float(learns["difference"]) == 0 and float(learns["low"]) < -1 and float(learns["high"]) > 1


def test_few_seeds_have_no_interval_and_missing_fits_no_difference(compared):
    found = compared({"few": ((0.5, 0.6), (0.3, 0.4, 0.5)), "none": ((0.5, 0.5, 0.5), ())})
    assert float(found["few"]["difference"]) == pytest.approx(-15) and found["few"]["low"] == "" == found["few"]["high"]
    assert (found["none"]["homology"], found["none"]["homology_seeds"], found["none"]["difference"]) == ("", "0", "")


def test_the_page_shows_both_scores_and_keeps_the_twin_out_of_every_other_table(run, compared):
    compared({"copies": ((0.9, 0.91, 0.92), (0.1, 0.12, 0.11))})
    run.planned = {("copies", "full"): {"tf_human/0": None}}
    assert collect_results.main(run.arguments()) == 0
    table = run.root / "gue_homology.tsv"
    assert write_report.main([*page_arguments(run), "--homology", str(table)]) == 0
    page = (run.root / "report/index.html").read_text()
    row = re.search(r"<tr><th scope=\"row\">tf_human/0</th><td>copies, full</td><td>mcc</td>.*?</tr>", page)[0]
    assert "91.00" in row and "11.00" in row and '<span class="down">−80.00</span>' in row
    assert "0.homology" not in page and "gue_homology.tsv" in page
    assert write_report.main(page_arguments(run)) == 0
    assert "split by homology" not in (run.root / "report/index.html").read_text()
