"""On every backend the model computes the outputs of an independent implementation of the published architecture.

golden/ has random weights of a small model under the published names, inputs with padding, and the outputs. Its
pad_token_id is 0, as in the published configuration.
"""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM, DnaBert2ForSequenceClassification

GOLDEN = Path(__file__).parent / "golden"
TOLERANCE = {"rtol": 0, "atol": 1e-4}


@pytest.fixture(scope="module")
def golden():
    return load_file(GOLDEN / "small.io.safetensors")


@pytest.fixture(scope="module", params=["sdpa", "flex"])  # the backends of a CPU; benchmarks/gpu.py has the others
def load(request):
    """Loads the golden weights into a model of a class; every parameter of the model must be among them."""
    sizes = json.loads((GOLDEN / "small.config.json").read_text())
    sizes.pop("lengths")
    weights = load_file(GOLDEN / "small.weights.safetensors")

    def load(kind: type) -> torch.nn.Module:
        model = kind(DnaBert2Config(pad_token_id=0, **sizes)).eval()
        assert set(model.state_dict()) <= set(weights)
        model.load_state_dict({name: weights[name] for name in model.state_dict()})
        assert model.use_attention(request.param, torch.float32) == request.param
        return model

    return load


def test_inputs_have_three_lengths(golden):
    lengths = json.loads((GOLDEN / "small.config.json").read_text())["lengths"]
    assert golden["attention_mask"].sum(dim=1).tolist() == lengths
    assert len(set(lengths)) == 3


@torch.no_grad()
def test_hidden_states_equal_the_golden_ones(load, golden):
    hidden = load(DnaBert2ForMaskedLM).bert(golden["input_ids"], golden["attention_mask"]).last_hidden_state
    torch.testing.assert_close(hidden, golden["last_hidden_state"], **TOLERANCE)


@torch.no_grad()
def test_masked_lm_logits_and_loss_equal_the_golden_ones(load, golden):
    model = load(DnaBert2ForMaskedLM)
    output = model(golden["input_ids"], golden["attention_mask"], labels=golden["labels"])
    torch.testing.assert_close(output.logits.flatten(0, 1), golden["mlm_logits"], **TOLERANCE)
    torch.testing.assert_close(output.loss, golden["mlm_loss"].squeeze(), **TOLERANCE)
    # as in pre-training: the head runs only on the positions to predict
    positions = golden["labels"] > 0
    logits = model.masked_logits(golden["input_ids"], golden["attention_mask"], positions)
    torch.testing.assert_close(logits, golden["mlm_logits"][positions.flatten()], **TOLERANCE)


@torch.no_grad()
def test_classifier_logits_equal_the_golden_ones(load, golden):
    output = load(DnaBert2ForSequenceClassification)(golden["classifier_input_ids"], golden["attention_mask"])
    torch.testing.assert_close(output.logits, golden["classifier_logits"], **TOLERANCE)
