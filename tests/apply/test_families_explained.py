"""Mutagenesis and integrated gradients of every kind of model, fitted or not: identities that hold for any weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests import tiny_models
from workflow_scripts.apply.integrated_gradients import integrated_gradients
from workflow_scripts.apply.mutagenesis import bases_read, importance, mutagenesis, values_of
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.inference import baselines
from workflow_scripts.inference.fit_record import FitRecord
from workflow_scripts.inference.network import Network
from workflow_scripts.inference.outputs import Outputs
from workflow_scripts.inference.predictor import Predictor, load

TWO = Outputs("classification", 2)
FAMILIES = ("ours", "published", "esm", "bert")


@pytest.fixture(scope="module")
def entries(tmp_path_factory) -> dict[str, dict]:
    return tiny_models.write_all(tmp_path_factory.mktemp("models"))


def baseline(name: str, outputs: Outputs = TWO, **record) -> Predictor:
    torch.manual_seed(0)
    model, encoder = baselines.build(name, outputs.size)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-0.25, 0.25)
    network = Network(model.eval(), encoder.pad_id, "fp32", torch.device("cpu"))
    return Predictor(Path("baseline"), network, encoder, FitRecord(outputs, **record))


def family(entry: dict, **record) -> Predictor:
    """A pre-trained model with a head that is drawn, and larger than a fresh one, so that effects are not tiny."""
    torch.manual_seed(0)
    model = load(**entry)
    with torch.no_grad():
        for parameter in list(model.network.model.parameters())[-2:]:
            parameter.normal_(std=1.0)
    return replace(model, record=FitRecord(TWO, kmer=entry.get("kmer", 0), **record))


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("both_strands", [False, True])
def test_integrated_gradients_are_complete(entries, kind, both_strands, random_sequences):
    model = family(entries[kind], both_strands=both_strands)
    (letters,) = random_sequences(1, 20)
    shares, delta = integrated_gradients(model, letters, 1, 300)
    assert np.abs(shares).sum() > 1e-3
    assert abs(delta) < 0.01 * np.abs(shares).sum()


def test_completeness_is_of_the_masked_sequence(entries, random_sequences):
    model = family(entries["ours"])
    (letters,) = random_sequences(1, 30)
    encoded = model.encode([letters])
    masked = np.where(encoded.spans[0][:, 0] >= 0, model.encoder.tokenizer.mask_token_id, encoded.ids[0])
    with torch.no_grad():
        logits = model.network.model(torch.from_numpy(np.stack([encoded.ids[0], masked]))).logits
    difference = float((logits[0, 1] - logits[0, 0]) - (logits[1, 1] - logits[1, 0]))
    shares, delta = integrated_gradients(model, letters, 1, 300)
    assert shares.sum() - delta == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("kind", FAMILIES)
def test_both_strands_give_one_map(entries, kind, random_sequences):
    """A change on one strand is the complementary change on the other."""
    model = family(entries[kind], both_strands=True)
    (letters,) = random_sequences(1, 20)
    forward, backward = mutagenesis(model, letters, 1), mutagenesis(model, reverse_complement(letters), 1)
    np.testing.assert_allclose(forward, backward[::-1, ::-1], atol=1e-5)
    shares = [integrated_gradients(model, text, 1, 20).shares for text in (letters, reverse_complement(letters))]
    np.testing.assert_allclose(shares[0], shares[1][::-1], atol=1e-5)


def test_the_map_of_a_regression_is_in_its_unit():
    model = baseline("kmer_regression", Outputs("regression", 1, mean=100.0, deviation=7.0))
    letters = "ACGTTGCATTACCATG"
    effects = mutagenesis(model, letters, 0)
    before, after = model.predict([letters, "T" + letters[1:]]).prediction
    assert effects[0, 3] == pytest.approx(after - before, abs=1e-5) and effects[0, 0] == 0


def test_labels_are_explained_one_by_one():
    model = baseline("cnn", Outputs("multilabel", 3))
    letters = "ACGTTGCATTACCATG"
    with torch.no_grad():
        logits = model.network.logits(model.encode([letters, "T" + letters[1:]]), np.arange(2))
    for label in range(3):
        expected = float(logits[1, label] - logits[0, label])
        assert mutagenesis(model, letters, label)[0, 3] == pytest.approx(expected, abs=1e-5)


def test_three_classes_are_explained_against_all_others():
    model = baseline("cnn", Outputs("classification", 3))
    probabilities = model.predict(["ACGTTGCATT"]).probabilities[0]
    np.testing.assert_allclose(
        values_of(model, ["ACGTTGCATT"])[0], np.log(probabilities / (1 - probabilities)), atol=1e-5
    )


def test_unknown_letters_and_bases_that_are_not_read_have_no_effect():
    model = baseline("cnn", max_tokens=10)
    effects = mutagenesis(model, "ACGTNACGTACGTTA", 1)
    assert np.isnan(effects).all(axis=1).nonzero()[0].tolist() == [4, 10, 11, 12, 13, 14]
    both = baseline("cnn", max_tokens=10, both_strands=True)
    assert bases_read(both, "ACGTNACGTACGTTA").all()
    assert bases_read(both, "ACGTT" * 5).tolist() == [True] * 10 + [False] * 5 + [True] * 10


def test_a_part_of_a_sequence_has_the_effects_of_the_whole(random_sequences):
    model = baseline("cnn")
    (letters,) = random_sequences(1, 30)
    whole, part = mutagenesis(model, letters, 1), mutagenesis(model, letters, 1, (10, 20))
    np.testing.assert_allclose(part[10:20], whole[10:20], atol=1e-6)
    assert np.isnan(np.delete(part, range(10, 20), axis=0)).all()


def test_importance_is_minus_the_mean_effect():
    effects = np.array([[0.0, -3, -3, -3], [1, 0, 2, 0], [np.nan] * 4])
    np.testing.assert_array_equal(importance(effects), [3, -1, np.nan])


def test_kmer_counts_have_no_gradient():
    with pytest.raises(UserError, match="--steps 0"):
        integrated_gradients(baseline("kmer_regression"), "ACGTACGT", 1)


def test_the_precision_of_a_fit_does_not_round_effects(random_sequences):
    model = baseline("cnn", precision="bf16")
    rounded = replace(model, network=replace(model.network, precision="bf16"))
    (letters,) = random_sequences(1, 30)
    np.testing.assert_array_equal(mutagenesis(rounded, letters, 1), mutagenesis(model, letters, 1))
