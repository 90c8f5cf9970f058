"""A small model learns real DNA: fewer bits a base than an order-3 Markov model of the same bases, in minutes."""

import pytest

from benchmarks.learning import MARK, chosen, learned

pytestmark = pytest.mark.real


def test_a_small_model_needs_fewer_bits_a_base_than_a_markov_model(real, tmp_path):
    folder = real / "genomes"
    log, markov, _ = learned(folder, chosen(folder, 15_000_000), 150, tmp_path)
    bits = [entry["bits_per_base"] for entry in log if "validation_loss" in entry]
    assert bits[0] > 2, "before training it knows less than that there are four bases"
    assert markov < 2
    assert bits[-1] < min(markov, MARK)
