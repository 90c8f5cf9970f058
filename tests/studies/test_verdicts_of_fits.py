"""Claims about scores: planted fits that are better, worse and the same give the three verdicts."""

import pytest

from tests.studies.conftest import BETTER, EXPECTED, SAME, WORSE
from workflow_scripts.studies import study_sample_efficiency

RIGHT = {BETTER: 0.8, WORSE: 0.6, SAME: 0.7}


@pytest.fixture
def shares(planted):
    """``shares(planned)``: fits to 1% and to all rows; a gain is planted at 1% only."""

    def shares(planned: str) -> dict:
        planted.fits("ours_few", RIGHT[planned], key=1, train_share=0.01)
        planted.fits("random_few", 0.7, key=2, train_share=0.01)
        planted.fits("ours", 0.9, key=3)
        planted.fits("random", 0.9, key=4)
        planted.fits("baseline_few", 0.95, key=5, train_share=0.01)
        options = ["--pretrained", "ours", "ours_few", "--random", "random_few", "random"]
        command = [*planted.fit_options(), *options, "--baselines", "baseline_few"]
        return planted.judge(study_sample_efficiency.main, *command)

    return shares


@pytest.mark.parametrize("planned", [BETTER, WORSE, SAME])
def test_the_gain_with_the_fewest_rows_decides(shares, planned):
    names, verdicts = zip(*((part["name"], part["verdict"]) for part in shares(planned)["comparisons"]), strict=True)
    assert names == (
        "gain of pre-training at 1% of the rows",
        "gain of pre-training at 100% of the rows",
        "gain of pre-training at 1% minus that at 100% of the rows",
        "pre-trained model minus baseline_few at 1% of the rows",
    )
    assert verdicts == (EXPECTED[planned], "not decided", EXPECTED[planned], "does not hold here")


def test_fits_to_other_shares_or_twice_to_one_are_refused(planted, capsys):
    planted.fits("ours", 0.7, train_share=0.01)
    planted.fits("random", 0.7, train_share=0.05)
    files = ["--out", str(planted.root / "a.json"), "--table", str(planted.root / "a.tsv")]

    def told(*models: str) -> str:
        assert study_sample_efficiency.main([*planted.fit_options(), *models, *files]) == 1
        return capsys.readouterr().err

    assert "shares of pretrained [0.01], of random [0.05]" in told("--pretrained", "ours", "--random", "random")
    twice = told("--pretrained", "ours", "ours", "--random", "random")
    assert "fitted to the same share" in twice
