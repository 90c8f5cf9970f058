"""Embeddings are those of a plain loop over the library's model; nothing depends on padding or the batch size."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from workflow_scripts.common.errors import UserError
from workflow_scripts.inference.encoders import kmers
from workflow_scripts.inference.predictor import Predictor, load

KINDS = ("ours", "published", "esm", "bert")
DRAWN = np.random.default_rng(1)
TEXTS = ["".join(DRAWN.choice(list("ACGT"), size)) for size in (12, 21, 7, 15, 20, 9, 18)]


@pytest.fixture(params=KINDS)
def model(request, entries) -> Predictor:
    return load(**entries[request.param])


@torch.no_grad()
def plain_states(directory: str, text: str, kmer: int = 0) -> list[np.ndarray]:
    """Hidden states of one text by the library: of the embedding and each layer, [tokens, hidden size]."""
    tokenizer = AutoTokenizer.from_pretrained(directory)
    plain = AutoModel.from_pretrained(directory).eval()
    batch = tokenizer(kmers(text, kmer) if kmer else text, return_tensors="pt")
    batch = {key: batch[key] for key in ("input_ids", "attention_mask")}
    return [states[0].numpy() for states in plain(**batch, output_hidden_states=True).hidden_states]


@pytest.mark.parametrize("kind", ["ours", "esm", "bert"])
def test_embeddings_are_those_of_a_plain_loop(entries, kind):
    model, expected = load(**entries[kind]), [plain_states(text=text, **entries[kind]) for text in TEXTS]
    for layer in (0, 1, 2, -1):
        states = [found[layer] for found in expected]
        for found, rows in zip(model.embed_tokens(TEXTS, layer), states, strict=True):
            np.testing.assert_allclose(found, rows, rtol=0, atol=1e-5)
        mean, first = np.stack([rows.mean(axis=0) for rows in states]), np.stack([rows[0] for rows in states])
        np.testing.assert_allclose(model.embed(TEXTS, layer), mean, rtol=0, atol=1e-5)
        np.testing.assert_allclose(model.embed(TEXTS, layer, pooling="first"), first, rtol=0, atol=1e-5)
    assert not np.allclose(model.embed(TEXTS, 1), model.embed(TEXTS, 2), atol=1e-2)


def test_the_published_directory_embeds_as_ours(entries):
    ours, published = (load(**entries[kind]).embed(TEXTS) for kind in ("ours", "published"))
    np.testing.assert_array_equal(ours, published)


def test_neither_padding_nor_the_batch_size_changes_a_value(model):
    whole, tokens = model.embed(TEXTS), model.embed_tokens(TEXTS)
    assert whole.dtype == np.float32 and whole.shape == (len(TEXTS), whole.shape[1])
    for size in (1, 3):
        np.testing.assert_allclose(model.embed(TEXTS, batch_size=size), whole, rtol=0, atol=1e-6)
        for one, other in zip(model.embed_tokens(TEXTS, batch_size=size), tokens, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    order = np.random.default_rng(0).permutation(len(TEXTS))
    shuffled = model.embed([TEXTS[entry] for entry in order], batch_size=3)
    np.testing.assert_allclose(shuffled, whole[order], rtol=0, atol=1e-6)


def test_vectors_of_tokens_belong_to_the_spans_of_the_same_call(model):
    encoded, vectors = model.encode(TEXTS), model.embed_tokens(TEXTS)
    assert [len(spans) for spans in encoded.spans] == [len(rows) for rows in vectors]
    pairs = list(itertools.pairwise(TEXTS))
    assert [len(spans) for spans in model.encode(pairs).spans] == [len(rows) for rows in model.embed_tokens(pairs)]


def test_longer_texts_than_a_model_has_positions_for_are_cut(model):
    long = "ACGTTGCATCA" * 30
    assert np.isfinite(model.embed([long])).all()
    cut = model.encode([long]).truncated
    assert cut == (1 if model.encoder.longest else 0)


def test_a_layer_that_is_not_there_is_one_line(model):
    for layer in (3, -4):
        with pytest.raises(UserError, match=f"layer {layer}: the model has no such layer; -1 is the last"):
            model.embed(TEXTS, layer)


def test_a_model_that_was_never_fitted_predicts_nothing(model):
    with pytest.raises(UserError, match="its head was never fitted, so it predicts nothing; fit the model first"):
        model.predict(TEXTS)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"num_labels": 3}, "classification"),
        ({"num_labels": 3, "problem_type": "multi_label_classification"}, "multilabel"),
        ({"num_labels": 1}, "regression"),
    ],
)
@torch.no_grad()
def test_a_model_that_was_fitted_elsewhere_predicts_by_its_configuration(entries, tmp_path, config, problem):
    folder = Path(entries["bert"]["directory"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    fitted = AutoModelForSequenceClassification.from_pretrained(folder, **config).eval()
    fitted.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    batch = tokenizer([kmers(text, 3) for text in TEXTS], padding=True, return_tensors="pt")
    logits = fitted(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    told = load(tmp_path, kmer=3).predict(TEXTS)
    if problem == "regression":
        assert told.probabilities is None
        np.testing.assert_allclose(told.prediction, logits[:, 0], rtol=0, atol=1e-6)
    elif problem == "classification":
        np.testing.assert_allclose(told.probabilities, logits.softmax(dim=1), rtol=0, atol=1e-6)
        assert told.prediction.tolist() == logits.argmax(dim=1).tolist()
    else:
        np.testing.assert_allclose(told.probabilities, logits.sigmoid(), rtol=0, atol=1e-6)
        assert told.prediction.tolist() == (logits >= 0).int().tolist()


def test_what_is_no_model_is_one_line(tmp_path):
    with pytest.raises(UserError, match=rf"^{tmp_path}/none: no config\.json; a model directory holds it"):
        load(tmp_path / "none")
