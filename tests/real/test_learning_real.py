"""Training on real DNA: in minutes, a small model predicts [MASK] places better than counting does."""

import pytest

from benchmarks.learning import chosen, learned

pytestmark = pytest.mark.real


def test_a_small_model_learns_more_than_counting_tells(real, tmp_path):
    """The random weights of step 0 know no more than frequencies; the trained ones more than Markov models."""
    folder = real / "genomes"
    log, summary, _ = learned(folder, chosen(folder, 6_000_000), 150, tmp_path)
    losses = [entry["mask_loss"] for entry in log if "mask_loss" in entry]
    references = summary["references"]
    counting = min(references["unigram_loss"], *references["both_sides_loss"])
    assert losses[0] > references["unigram_loss"], "random weights"
    assert losses[-1] < counting
