"""LoRA trains little, saves little, and what it saves gives the same model again."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import digest, read_json
from workflow_scripts.finetune.datasets import read_rows
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.finetune.initial_model import initial_model
from workflow_scripts.finetune.problems import Classification
from workflow_scripts.inference.encoding import collate
from workflow_scripts.model import DnaBert2ForSequenceClassification
from workflow_scripts.settings.fit_settings import FitSettings

pytestmark = pytest.mark.slow
RANK, HIDDEN, LAYERS, CLASSES = 2, 32, 2, 2


@pytest.fixture
def fitted(arguments, tmp_path):
    """The folder of a LoRA fit."""
    assert main(arguments("lora", method="lora", rank=RANK, epochs=2, eval_steps=0)) == 0
    return tmp_path / "lora"


@pytest.fixture
def reloaded(base, fitted):
    """The adapter of that fit on the base model, as its user loads it."""
    model = DnaBert2ForSequenceClassification.from_pretrained(base, num_labels=CLASSES)
    return PeftModel.from_pretrained(model, fitted / "model").eval()


@pytest.fixture
def test_batch(base, datasets):
    """The rows of the test split in one batch."""
    initial = initial_model({"directory": base}, CLASSES, FitSettings(), "full", 42)
    rows = read_rows(datasets["two"] / "test.csv", Classification)
    return collate(initial.encoder.encode(rows.texts, 0), np.arange(len(rows.labels)), 3, torch.device("cpu"))


def test_only_adapters_and_head_are_trained(fitted):
    told = read_json(fitted / "metrics.json")
    adapters = LAYERS * RANK * (HIDDEN + 3 * HIDDEN)
    head = HIDDEN * HIDDEN + HIDDEN + HIDDEN * CLASSES + CLASSES
    assert told["trainable_parameters"] == adapters + head
    assert told["trainable_parameters"] < 0.1 * told["parameters"]
    assert told["method"] == "lora" and told["settings"]["rank"] == RANK


def test_adapter_file_holds_adapters_and_head_only(arguments, fitted, tmp_path):
    assert main(arguments("full", epochs=1)) == 0
    adapter = fitted / "model" / "adapter_model.safetensors"
    assert adapter.stat().st_size < 0.15 * (tmp_path / "full" / "model" / "model.safetensors").stat().st_size
    assert all("lora_" in name or "pooler" in name or "classifier" in name for name in load_file(adapter))
    assert read_json(fitted / "metrics.json")["weights_sha256"] == digest(adapter)
    assert read_json(fitted / "model" / "adapter_config.json")["target_modules"] == ["Wqkv"]
    assert (fitted / "model" / "tokenizer.json").is_file()


@torch.no_grad()
def test_adapter_on_the_base_gives_the_same_probabilities(reloaded, fitted, test_batch):
    predictions = pq.read_table(fitted / "predictions.parquet").to_pylist()
    expected = torch.tensor([row["probabilities"] for row in predictions])
    torch.testing.assert_close(reloaded(**test_batch).logits.softmax(dim=1), expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_merged_equals_unmerged(reloaded, test_batch):
    logits = reloaded(**test_batch).logits
    with reloaded.disable_adapter():
        assert not torch.allclose(reloaded(**test_batch).logits, logits, atol=1e-3), "the adapter does nothing"
    merged = reloaded.merge_and_unload()
    assert isinstance(merged, DnaBert2ForSequenceClassification)
    torch.testing.assert_close(merged(**test_batch).logits, logits, rtol=0, atol=1e-5)


def test_encoder_stays_as_it_was_pre_trained(base, reloaded):
    weights = load_file(base / "model.safetensors")
    kept = {
        name.replace("base_layer.", "").removeprefix("base_model.model."): t
        for name, t in reloaded.state_dict().items()
    }
    encoder = [name for name in weights if name.startswith("bert.")]
    assert encoder and all(torch.equal(kept[name], weights[name]) for name in encoder)


def test_same_seed_same_bytes(arguments, fitted, results, tmp_path):
    assert main(arguments("again", method="lora", rank=RANK, epochs=2, eval_steps=0)) == 0
    assert results(fitted) == results(tmp_path / "again")


def test_new_adapter_depends_on_the_seed_alone(base):
    def adapter(seed: int, drawn: int) -> torch.Tensor:
        torch.rand(drawn)  # what was drawn before must not matter
        weights = initial_model({"directory": base}, CLASSES, FitSettings(), "lora", seed).model.state_dict()
        return next(tensor for name, tensor in weights.items() if "lora_A" in name)

    assert torch.equal(adapter(42, drawn=0), adapter(42, drawn=7))
    assert not torch.equal(adapter(42, drawn=0), adapter(43, drawn=0))


def test_further_targets(arguments, tmp_path):
    command = arguments("out", method="lora", rank=RANK, epochs=1, targets=["Wqkv", "wo"])
    assert main(command) == 0
    told = read_json(tmp_path / "out" / "metrics.json")
    names = load_file(tmp_path / "out" / "model" / "adapter_model.safetensors")
    assert sum(".wo.lora_" in name for name in names) == 2 * LAYERS
    assert told["settings"]["targets"] == json.loads(command[command.index("--settings") + 1])["targets"]


def test_targets_that_match_nothing_are_one_line(arguments, tmp_path, capsys):
    assert main(arguments("out", method="lora", targets=["query", "value"])) == 1
    told = capsys.readouterr().err
    (line,) = [line for line in told.splitlines() if line.startswith("error: ")]
    assert line == (
        "error: targets: query, value match no layer of this model; its linear layers are Wqkv, dense, gated_layers, wo"
    )
    assert "Traceback" not in told and not (tmp_path / "out").exists()


def test_each_target_must_match_a_layer_outside_the_head(entries):
    def refused(kind: str, *targets: str) -> str:
        with pytest.raises(UserError) as caught:
            initial_model(entries[kind], CLASSES, FitSettings(targets=list(targets)), "lora", 1)
        return str(caught.value)

    for kind, layers in (("ours", "Wqkv, dense, gated_layers, wo"), ("esm", "dense, key, query, value")):
        for targets in (("Wqkw",), ("dense", "Wqkw"), ("pooler.dense", "Wqkw")):
            told = refused(kind, *targets)
            assert told.endswith(f"Wqkw match no layer of this model; its linear layers are {layers}")
    refused("ours", "pooler.dense")
    initial_model(entries["ours"], CLASSES, FitSettings(targets=["attention.output.dense"]), "lora", 1)
