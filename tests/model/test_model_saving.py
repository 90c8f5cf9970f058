"""A saved directory loads through the Auto classes, with and without this repository."""

import json
import os
import subprocess
import sys

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

from workflow_scripts.model import DnaBert2ForMaskedLM, DnaBert2ForSequenceClassification, DnaBert2Model

# config.json of DNABERT-2-117M (zhihan1996/DNABERT-2-117M), with smaller sizes.
PUBLISHED_CONFIG = {
    "_name_or_path": "zhihan1996/DNABERT-2-117M",
    "alibi_starting_size": 512,
    "attention_probs_dropout_prob": 0.0,
    "auto_map": {
        "AutoConfig": "configuration_bert.BertConfig",
        "AutoModel": "bert_layers.BertModel",
        "AutoModelForMaskedLM": "bert_layers.BertForMaskedLM",
        "AutoModelForSequenceClassification": "bert_layers.BertForSequenceClassification",
    },
    "classifier_dropout": None,
    "gradient_checkpointing": False,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 32,
    "initializer_range": 0.02,
    "intermediate_size": 48,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "position_embedding_type": "absolute",
    "torch_dtype": "float32",
    "transformers_version": "4.28.0",
    "type_vocab_size": 2,
    "use_cache": True,
    "vocab_size": 40,
}

OUTSIDE = """
import importlib.util, json, sys
import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

assert importlib.util.find_spec("workflow_scripts") is None
mlm, classifier, ids = sys.argv[1], sys.argv[2], torch.tensor(json.loads(sys.argv[3]))
load = dict(trust_remote_code=True)
encoder = AutoModel.from_pretrained(mlm, **load).eval()
model = AutoModelForMaskedLM.from_pretrained(mlm, **load).eval()
head = AutoModelForSequenceClassification.from_pretrained(classifier, **load).eval()
fresh = AutoModelForSequenceClassification.from_pretrained(mlm, num_labels=5, **load)
with torch.no_grad():
    json.dump(
        {
            "hidden": encoder(ids).last_hidden_state.tolist(),
            "logits": model(ids).logits.tolist(),
            "tied": model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight,
            "classes": head(ids).logits.tolist(),
            "fresh": list(fresh(ids).logits.shape),
        },
        sys.stdout,
    )
"""


@pytest.fixture
def models(build):
    """A masked language model with a changed decoder bias, and a classifier."""
    model, classifier = build(DnaBert2ForMaskedLM), build(DnaBert2ForSequenceClassification, num_labels=3)
    with torch.no_grad():
        model.cls.predictions.decoder.bias.normal_()
    return model, classifier


@pytest.fixture
def saved(models, tmp_path):
    """Their saved directories."""
    folders = tmp_path / "mlm", tmp_path / "classifier"
    for model, folder in zip(models, folders, strict=True):
        model.save_pretrained(folder)
    return folders


def assert_same_weights(one: torch.nn.Module, other: torch.nn.Module) -> None:
    weights, others = one.state_dict(), other.state_dict()
    assert set(weights) == set(others)
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def test_auto_classes_load_with_this_repository_and_without_remote_code(models, saved, ids):
    model, classifier = models
    mlm, folder = saved
    loaded = AutoModelForMaskedLM.from_pretrained(mlm)
    assert type(loaded) is DnaBert2ForMaskedLM
    assert_same_weights(loaded, model)
    encoder = AutoModel.from_pretrained(mlm)
    assert type(encoder) is DnaBert2Model
    assert torch.equal(encoder(ids).last_hidden_state, model.bert(ids).last_hidden_state)
    assert_same_weights(AutoModelForSequenceClassification.from_pretrained(folder), classifier)
    assert AutoConfig.from_pretrained(folder).num_labels == 3


def test_every_parameter_of_a_trained_model_is_restored(build, ids, tmp_path):
    model = build(DnaBert2ForMaskedLM, initializer_range=0.02)
    fresh = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    types = torch.arange(ids.shape[1])[None] % 2
    for _ in range(2):
        model(ids, token_type_ids=types, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert all(not torch.equal(parameter, fresh[name]) for name, parameter in model.named_parameters())
    model.save_pretrained(tmp_path / "trained")
    loaded = AutoModelForMaskedLM.from_pretrained(tmp_path / "trained")
    assert_same_weights(loaded, model)
    assert torch.equal(loaded(ids).logits, model(ids).logits)
    weights = {path.name for path in (tmp_path / "trained").iterdir() if path.suffix in (".safetensors", ".bin", ".pt")}
    assert weights == {"model.safetensors"}


def test_decoder_is_tied_to_the_embeddings_after_reload(saved):
    model = AutoModelForMaskedLM.from_pretrained(saved[0])
    assert model.cls.predictions.decoder.weight is model.bert.embeddings.word_embeddings.weight
    model.bert.embeddings.word_embeddings.weight.data[7] += 1
    assert torch.equal(model.cls.predictions.decoder.weight[7], model.get_input_embeddings().weight[7])


@pytest.mark.slow
def test_directory_loads_without_this_repository(models, saved, ids, tmp_path):
    script = tmp_path / "outside.py"
    script.write_text(OUTSIDE)
    environment = {"PATH": os.environ["PATH"], "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-I", str(script), *map(str, saved), json.dumps(ids.tolist())]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    outputs = json.loads(done.stdout)
    model, classifier = models
    with torch.no_grad():
        for name, expected in (
            ("hidden", model.bert(ids).last_hidden_state),
            ("logits", model(ids).logits),
            ("classes", classifier(ids).logits),
        ):
            torch.testing.assert_close(torch.tensor(outputs[name]), expected, rtol=0, atol=1e-5)
    assert outputs["tied"] and outputs["fresh"] == [1, 5]


def test_the_published_layout_loads_and_is_saved_with_this_code(build, tmp_path):
    """Loads config.json and pytorch_model.bin as released; the saved directory refers to the code that it contains."""
    model = build(DnaBert2ForMaskedLM)
    (tmp_path / "config.json").write_text(json.dumps(PUBLISHED_CONFIG))
    torch.save({name: tensor.clone() for name, tensor in model.state_dict().items()}, tmp_path / "pytorch_model.bin")
    loaded = DnaBert2ForMaskedLM.from_pretrained(tmp_path)
    assert_same_weights(loaded, model)
    loaded.save_pretrained(tmp_path / "again")
    auto_map = json.loads((tmp_path / "again" / "config.json").read_text())["auto_map"]
    assert len(auto_map) == 4
    for place in auto_map.values():
        assert (tmp_path / "again" / f"{place.split('.')[0]}.py").is_file(), place


class Attack:
    """Writes a file when it is unpickled."""

    def __init__(self, path: str):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_checkpoint_that_would_run_code_is_refused(build, tmp_path):
    model = build(DnaBert2ForMaskedLM)
    (tmp_path / "config.json").write_text(json.dumps(PUBLISHED_CONFIG))
    trap = tmp_path / "trap"
    torch.save({**model.state_dict(), "extra": Attack(str(trap))}, tmp_path / "pytorch_model.bin")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        DnaBert2ForMaskedLM.from_pretrained(tmp_path)
    assert not trap.exists()
