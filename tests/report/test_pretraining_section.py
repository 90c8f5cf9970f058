"""The row of a pre-trained model: its gain is over the best of the predictors that count."""

import json

import pytest

from workflow_scripts.report.pretraining_section import model_row


@pytest.fixture
def summary(tmp_path):
    def summary(**changes):
        references = {"unigram_loss": 7.4, "both_sides_loss": [7.5, 7.1], "markov_bits_per_base": [2.0, 1.9]}
        values = {"model": "m", "mask_loss": 6.9, "references": references | {"copy": {"bits_per_base": 1.8}}}
        (tmp_path / "summary.json").write_text(json.dumps(values | changes))
        return tmp_path / "summary.json"

    return summary


def test_the_gain_is_over_the_better_of_frequencies_and_markov_models(summary):
    row = model_row(summary())
    assert row["gain"] == pytest.approx(0.2)
    assert (row["both_sides_loss"], row["markov_bits_per_base"], row["copying"]) == (7.1, 1.9, 1.8)
    assert model_row(summary(mask_loss=7.2))["gain"] == pytest.approx(-0.1), "better than frequencies is not enough"


def test_overlapping_tokens_are_compared_with_frequencies_alone(summary):
    references = {"unigram_loss": 7.4, "both_sides_loss": None, "markov_bits_per_base": [2.0]}
    assert model_row(summary(references=references))["gain"] == pytest.approx(0.5)


def test_a_summary_whose_loss_was_of_all_places_shows_none(summary):
    """As older versions wrote it: a tenth of its places could be copied."""
    row = model_row(summary(mask_loss=None, references=None, validation_loss=6.1, unigram_entropy=6.5))
    assert row["gain"] is None and row["mask_loss"] is None
