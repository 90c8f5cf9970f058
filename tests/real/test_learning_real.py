"""Training on real DNA: in minutes, a small model needs fewer bits per base than an order-3 Markov model."""

import pytest

from benchmarks.learning import MARK, chosen, learned

pytestmark = pytest.mark.real


def test_a_small_model_needs_fewer_bits_per_base_than_a_markov_model(real, tmp_path):
    folder = real / "genomes"
    log, markov, _ = learned(folder, chosen(folder, 15_000_000), 150, tmp_path)
    bits = [entry["bits_per_base"] for entry in log if "validation_loss" in entry]
    assert bits[0] > 2, "before training it is worse than a uniform guess of the base"
    assert markov < 2
    assert bits[-1] < min(markov, MARK)
