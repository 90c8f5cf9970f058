"""Every kind of fit is explained: all weights, adapters, heads on frozen encoders, k-mers, numbers and labels."""

import numpy as np
import pytest
from scipy.special import expit, logit

from tests.apply.tiny_fits import FITS
from workflow_scripts.apply.integrated_gradients import integrated_gradients
from workflow_scripts.apply.mutagenesis import mutagenesis, values_of
from workflow_scripts.inference.predictor import load

pytestmark = pytest.mark.slow
LETTERS = "ACGTTATATATATACGGT"
KINDS = [name for name in FITS if name not in ("pairs", "seed2")]


@pytest.mark.parametrize("kind", KINDS)
def test_effects_are_differences_of_predictions(fits, kind):
    model = load(fits[kind])
    output = 0 if kind == "regression" else 1
    effects = mutagenesis(model, LETTERS, output)
    for place, base in ((0, "T"), (6, "G"), (17, "A")):
        changed = LETTERS[:place] + base + LETTERS[place + 1 :]
        found = model.predict([LETTERS, changed])
        effect = effects[place, "ACGT".index(base)]
        if kind == "regression":
            before, after = found.prediction
            assert effect == pytest.approx(after - before, abs=1e-5)
        else:
            before, after = found.probabilities[:, output]
            assert expit(logit(before) + effect) == pytest.approx(after, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_integrated_gradients_are_complete(fits, kind):
    model, output = load(fits[kind]), 0 if kind == "regression" else 1
    shares, delta = integrated_gradients(model, LETTERS, output, 300)
    assert np.abs(shares).sum() > 0 and abs(delta) < 0.02 * np.abs(shares).sum() + 1e-4
    assert np.isfinite(values_of(model, [LETTERS])).all()
