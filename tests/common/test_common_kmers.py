"""Counts of k-mers by hand, and the regression over them."""

import numpy as np
import pytest

from workflow_scripts.common.kmers import fit_regression, kmer_features, known_kmers

ORDER = ["".join((a, b)) for a in "ACGT" for b in "ACGT"]


@pytest.mark.parametrize(
    ("sequence", "kmers"),
    [("ACGT", ["AC", "CG", "GT"]), ("acGT", ["AC", "CG", "GT"]), ("ACNGT", ["AC", "GT"]), ("A", []), ("NéN", [])],
)
def test_kmers_of_a_sequence(sequence, kmers):
    assert [ORDER[number] for number in known_kmers(sequence, 2)] == kmers


def test_features_are_roots_of_counts():
    features = kmer_features(["AAAAA", "ACAC", "N", "GTT"], 2)
    assert features.shape == (4, 16) and features.dtype == np.float32
    dense = features.toarray()
    assert dense[0, ORDER.index("AA")] == 2  # AA stands there four times
    assert dense[1, ORDER.index("AC")] == pytest.approx(2**0.5) and dense[1, ORDER.index("CA")] == 1
    assert not dense[2].any()
    assert (dense**2).sum(axis=1).tolist() == pytest.approx([4, 3, 0, 2])
    assert kmer_features([], 3).shape == (0, 64)


def test_regression_learns_a_motif_and_gives_the_same_again():
    draw = np.random.default_rng(0)
    rows = ["".join(draw.choice(list("ACGT"), 30)) + "GATTACA" * (number % 2) for number in range(200)]
    labels = np.arange(200) % 2
    features = kmer_features(rows, 4)
    model = fit_regression(features[:150], labels[:150])
    assert (model.predict(features[150:]) == labels[150:]).mean() > 0.95
    assert np.array_equal(model.coef_, fit_regression(features[:150], labels[:150]).coef_)
