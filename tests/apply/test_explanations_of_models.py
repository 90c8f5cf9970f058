"""Maps of fitted models: they are what a loop of predictions gives, and peak where the motif is."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from tests.apply.planted import LENGTH, MOTIF, sequence
from workflow_scripts.apply.integrated_gradients import integrated_gradients
from workflow_scripts.apply.mutagenesis import bases_read, importance, mutagenesis, values_of
from workflow_scripts.inference.predictor import Predictor, load

pytestmark = pytest.mark.slow
KINDS = ("cnn", "ours")


@pytest.fixture(scope="module", params=KINDS)
def model(request, planted) -> Predictor:
    return load(planted[request.param])


def found(model: Predictor, count: int = 12) -> list[tuple[str, int]]:
    """Sequences that the model finds the motif in, and where that begins."""
    rows = [sequence("map", number) for number in range(2 * count)]
    hits = model.predict([letters for letters, _ in rows]).prediction
    return [row for row, hit in zip(rows, hits, strict=True) if hit][:count]


@pytest.mark.parametrize("both_strands", [False, True])
def test_the_map_is_that_of_a_plain_loop_of_predictions(model, both_strands):
    (letters, _), *_ = found(model, 1)
    model = replace(model, record=replace(model.fitted, both_strands=both_strands))
    letters = letters[:20] + "N" + letters[21:]
    changed = np.full((LENGTH, 4), np.nan)
    for place in set(range(LENGTH)) - {20}:
        for column, base in enumerate("ACGT"):
            text = letters[:place] + base + letters[place + 1 :]
            changed[place, column] = model.predict([text]).probabilities[0, 1]
    reference = model.predict([letters]).probabilities[0, 1]
    effects = mutagenesis(model, letters, 1)
    np.testing.assert_allclose(expit(logit(reference) + effects), changed, atol=1e-5)
    # probabilities are in 32 bits, of which those near 0 and 1 leave few for log odds
    clear = np.abs(changed - 0.5) < 0.45
    if abs(reference - 0.5) < 0.45:
        np.testing.assert_allclose(effects[clear], logit(changed[clear]) - logit(reference), atol=1e-5)


def test_the_other_of_two_classes_has_the_opposite_map(model):
    (letters, _), *_ = found(model, 1)
    np.testing.assert_allclose(mutagenesis(model, letters, 0), -mutagenesis(model, letters, 1), atol=1e-9)


def test_the_map_peaks_on_the_motif_and_not_elsewhere(model):
    inside, outside, highest = [], [], []
    for letters, place in found(model):
        values = importance(mutagenesis(model, letters, 1))
        motif = slice(place, place + len(MOTIF))
        inside.append(values[motif].mean())
        outside.append(np.abs(np.delete(values, motif)).mean())
        sums = np.convolve(values, np.ones(len(MOTIF)), "valid")
        highest.append(abs(int(sums.argmax()) - place) <= 2)
    assert np.mean(inside) > 3 * np.mean(outside)
    assert np.mean(highest) >= 0.8


def test_integrated_gradients_add_up_and_peak_on_the_motif(model):
    inside, outside = [], []
    for letters, place in found(model, 6):
        shares, delta = integrated_gradients(model, letters, 1, 200)
        assert abs(delta) < 0.02 * abs(shares.sum())
        motif = slice(place, place + len(MOTIF))
        inside.append(shares[motif].mean())
        outside.append(np.abs(np.delete(shares, motif)).mean())
    assert np.mean(inside) > 1.5 * np.mean(outside)


def test_shares_add_up_to_the_difference_from_the_masked_sequence(planted):
    """The baseline is found by other code: for cnn a row of N, which is what it reads as zeros."""
    model = load(planted["cnn"])
    letters, _ = sequence("complete")
    difference = values_of(model, [letters])[0, 1] - values_of(model, ["N" * LENGTH])[0, 1]
    assert integrated_gradients(model, letters, 1, 400).shares.sum() == pytest.approx(difference, rel=0.01)


def test_all_bases_of_a_sequence_that_is_not_cut_are_read(model):
    assert bases_read(model, sequence("read")[0]).all()
