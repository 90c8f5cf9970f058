"""Baselines read every base, learn what they can see, and do not depend on the batch they are in."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from workflow_scripts.finetune import data, metrics
from workflow_scripts.finetune.finetune_model import problem_of
from workflow_scripts.finetune.problems import Classification
from workflow_scripts.finetune.training import Fit
from workflow_scripts.inference import baselines, models
from workflow_scripts.settings.finetune import FitSettings

BASELINES = ("kmer_regression", "cnn")
SETTINGS = FitSettings(learning_rate=1e-2, epochs=20, batch_size=16, warmup_steps=0, eval_steps=0, precision="fp32")


def kmer_features(texts: list[str]) -> sparse.csr_array:
    """Square roots of the counts of each k-mer, by scikit-learn [texts, 4^K]."""
    words = ["".join(letters) for letters in product("ACGT", repeat=baselines.K)]
    counter = CountVectorizer(
        analyzer="char", ngram_range=(baselines.K, baselines.K), lowercase=False, vocabulary=words
    )
    return counter.transform(texts).sqrt()


def logits(baseline: models.Loaded, texts: list[data.Text]) -> torch.Tensor:
    """The logits of texts in one batch."""
    batch = data.collate(baseline.encode(texts, 0), np.arange(len(texts)), baseline.pad_id, torch.device("cpu"))
    with torch.no_grad():
        return baseline.model.eval()(**batch).logits


@pytest.fixture(params=BASELINES)
def baseline(request) -> models.Loaded:
    """A baseline with weights that are not zero."""
    loaded = models.load({"baseline": request.param}, 3, SETTINGS, "full", 42)
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.uniform_(-0.5, 0.5)
    return loaded


def test_padding_and_case_do_not_matter(baseline):
    texts = ["ACGTTGCATTACCA" * n for n in (1, 3, 7)]
    together = logits(baseline, texts)
    for line, text in enumerate(texts):
        torch.testing.assert_close(together[line], logits(baseline, [text])[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(logits(baseline, [text.lower() for text in texts]), together)


def test_both_sequences_of_a_pair_matter_and_their_joint_is_no_motif(baseline):
    one, other, third = logits(baseline, [("ACGTAC", "GGGTTTA"), ("ACGTAC", "GGGTTAA"), ("TCGTAC", "GGGTTTA")])
    assert not torch.allclose(one, other) and not torch.allclose(one, third)
    assert not torch.allclose(logits(baseline, [("ACGTAC", "GGGTTTA")]), logits(baseline, ["ACGTACGGGTTTA"]))


def test_longer_inputs_are_cut_and_counted(baseline):
    encoded = baseline.encode(["ACGTACGTAC", "ACGTAC" * 10], 20)
    assert len(encoded.ids[1]) == 20 and encoded.truncated == 0.5 and encoded.types is None
    assert baseline.encode(["ACGTAC" * 10], 0).truncated == 0


def test_regression_sees_the_roots_of_the_counts_of_kmers():
    texts = ["ACGTTGCA" * 5, "AAAAAAAAAA", "ACGNTTGACCA", "ACG"]
    loaded = models.load({"baseline": "kmer_regression"}, 2, SETTINGS, "full", 42)
    torch.nn.init.normal_(loaded.model.classifier.weight)
    weights, bias = (parameter.detach().numpy() for parameter in loaded.model.classifier.parameters())
    expected = kmer_features(texts) @ weights.T + bias
    np.testing.assert_allclose(logits(loaded, texts).numpy(), expected, rtol=1e-4, atol=1e-5)


def fitted(name: str, folder, states) -> np.ndarray:
    """What a baseline that was fitted says of the test rows of a data set."""
    rows = data.read_splits(folder, Classification)
    loaded = models.load({"baseline": name}, 2, SETTINGS, "full", 42)
    tokens = {split: data.Tokens(loaded.encode(part.texts, 0), part.labels) for split, part in rows.items()}
    fit = Fit(loaded, problem_of(SETTINGS, "mcc", rows["train"].labels), tokens, SETTINGS, "mcc", 42)
    fit.train(states, {})
    return fit.predict("test")


@pytest.mark.parametrize("name", BASELINES)
def test_planted_motif_is_learned(datasets, name, states):
    labels = data.read_rows(datasets["two"] / "test.csv", Classification).labels
    assert metrics.scores(labels, fitted(name, datasets["two"], states))["mcc"] > 0.8


def test_the_loop_finds_what_a_solver_finds(datasets, states):
    train, test = (data.read_rows(datasets["two"] / f"{split}.csv", Classification) for split in ("train", "test"))
    solved = LogisticRegression(C=0.1, max_iter=300).fit(kmer_features(train.texts), train.labels)
    theirs = solved.predict_proba(kmer_features(test.texts))
    ours = fitted("kmer_regression", datasets["two"], states)
    assert (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean() >= 0.9
    assert abs(metrics.scores(test.labels, ours)["mcc"] - metrics.scores(test.labels, theirs)["mcc"]) < 0.15


def test_a_name_that_is_no_baseline_is_refused():
    with pytest.raises(ValueError, match="baseline 'roof' is neither 'kmer_regression' nor 'cnn'"):
        baselines.build("roof", 2)
