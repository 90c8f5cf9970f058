"""Every kind of fit is explained: all weights, adapters, heads on frozen encoders, k-mers, numbers and labels."""

import csv
import gzip

import numpy as np
import pytest
from scipy.special import expit, logit

from tests.apply.tiny_fits import CLASSES, FITS
from workflow_scripts.apply import explain_sequences, write_explanations
from workflow_scripts.apply.integrated_gradients import integrated_gradients
from workflow_scripts.apply.mutagenesis import mutagenesis, values_of
from workflow_scripts.common.files import write_text
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


@pytest.mark.parametrize("kind", KINDS)
def test_the_shortest_and_unknown_sequences_are_explained(fits, kind, tmp_path):
    """Also those without a token, or without a known base."""
    write_text(tmp_path / "in.fa", ">one\na\n>unknown\nNNNNNNN\n>rna\nacguRacguu\n")
    part, out = tmp_path / "part.parquet", tmp_path / "out"
    assert (
        explain_sequences.main(
            ["--model", str(fits[kind]), "--input", str(tmp_path / "in.fa"), "--steps", "3", "--out", str(part)]
        )
        == 0
    )
    assert (
        write_explanations.main(
            ["--parts", str(part), "--input", str(tmp_path / "in.fa"), "--out", str(out), "--pictures", "1"]
        )
        == 0
    )
    with gzip.open(out / "explanations.tsv.gz", "rt") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert "".join(row["base"] for row in rows) == "A" + "N" * 7 + "ACGTRACGTT"
    assert all((row["importance"] == "") == (row["base"] in "NR") for row in rows if row["name"] != "one")
    explained = {row["explained"] for row in rows}
    names = {"value"} if kind == "regression" else {"0", "1"} if kind == "labels" else {*CLASSES}
    assert explained <= names
