"""Baselines read every base, and do not depend on the batch they are in."""

import numpy as np
import pytest
import torch

from tests.kmer_features import kmer_features
from workflow_scripts.inference import baselines
from workflow_scripts.inference.encoding import NO_BASES, Text, collate

NAMES = ("kmer_regression", "cnn")


def logits(baseline, texts: list[Text]) -> torch.Tensor:
    """The logits of texts in one batch."""
    model, encoder = baseline
    batch = collate(encoder.encode(texts, 0), np.arange(len(texts)), encoder.pad_id, torch.device("cpu"))
    with torch.no_grad():
        return model.eval()(**batch).logits


@pytest.fixture(params=NAMES)
def baseline(request):
    """A baseline with weights that are not zero, and its encoder."""
    torch.manual_seed(0)
    model, encoder = baselines.build(request.param, 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.uniform_(-0.5, 0.5)
    return model, encoder


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
    _, encoder = baseline
    encoded = encoder.encode(["ACGTACGTAC", "ACGTAC" * 10], 20, spans=True)
    assert len(encoded.ids[1]) == len(encoded.spans[1]) == 20 and encoded.truncated == 0.5 and encoded.types is None
    assert encoder.encode(["ACGTAC" * 10], 0).truncated == 0


def test_no_length_is_too_long(baseline):
    encoded = baseline[1].encode(["ACGTTGCA" * 300], 0)
    assert encoded.truncated == 0 and len(encoded.ids[0]) > 600


def test_tokens_know_their_bases():
    _, encoder = baselines.build("cnn", 2)
    encoded = encoder.encode([("ACN", "GT")], 0, spans=True)
    assert encoded.ids[0].tolist() == [0, 1, 4, 4, 2, 3]
    assert encoded.spans[0].tolist() == [[0, 0, 1], [0, 1, 2], [0, 2, 3], list(NO_BASES), [1, 0, 1], [1, 1, 2]]
    assert encoder.encode(["ACGT"], 0).spans is None
    _, encoder = baselines.build("kmer_regression", 2)
    pair = "ACGTACGNACGTACG", "ACGTACG"
    encoded = encoder.encode([pair], 0, spans=True)
    assert encoded.spans[0].tolist() == [
        *([0, start, start + 6] for start in (0, 1, 8, 9)),
        *([1, start, start + 6] for start in (0, 1)),
    ]
    words = [pair[source][start:end] for source, start, end in encoded.spans[0].tolist()]
    assert words == ["ACGTAC", "CGTACG"] * 3 and len(set(encoded.ids[0].tolist())) == 2


def test_regression_sees_the_roots_of_the_counts_of_kmers():
    texts = ["ACGTTGCA" * 5, "AAAAAAAAAA", "ACGNTTGACCA", "ACG"]
    model, encoder = baselines.build("kmer_regression", 2)
    torch.nn.init.normal_(model.classifier.weight)
    weights, bias = (parameter.detach().numpy() for parameter in model.classifier.parameters())
    expected = kmer_features(texts) @ weights.T + bias
    np.testing.assert_allclose(logits((model, encoder), texts).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_what_is_saved_is_read_again(baseline, tmp_path):
    model, encoder = baseline
    model.save_pretrained(tmp_path)
    encoder.save(tmp_path)
    assert baselines.is_baseline(tmp_path)
    texts = ["ACGTTGCATTACCA", "GGGTTTA"]
    torch.testing.assert_close(logits(baselines.read_baseline(tmp_path), texts), logits(baseline, texts))


def test_a_name_that_is_no_baseline_is_refused():
    with pytest.raises(ValueError, match="baseline 'roof' is neither 'kmer_regression' nor 'cnn'"):
        baselines.build("roof", 2)
