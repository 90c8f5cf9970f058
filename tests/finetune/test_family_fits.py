"""Fits of other families: trained, saved, and loaded with the same predictions, by every method."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests import tiny_families
from workflow_scripts.common.files import read_json
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.inference.predictor import load

pytestmark = pytest.mark.slow

FITS = [
    ("modernbert", "full", "cls", ["Wqkv"]),
    ("modernbert", "lora", "mean", ["Wqkv", "Wo"]),
    ("gpt2", "full", "cls", []),
    ("gpt2", "lora", "last", ["c_attn"]),
    ("llama", "lora", "cls", ["q_proj", "v_proj"]),
    ("llama", "knn", "last", []),
    ("unet", "full", "mean", []),
    ("code", "full", "mean", []),
    ("code", "lora", "mean", ["out_proj"]),
    ("code", "probe", "mean", []),
    ("code_classifier", "full", "cls", []),
    ("code_classifier", "lora", "cls", ["out_proj"]),
]


@pytest.fixture(scope="module")
def families(base, tmp_path_factory) -> dict[str, dict]:
    root = tmp_path_factory.mktemp("families")
    with tiny_families.code_of_models(root / "modules"):
        yield tiny_families.write_all(root, base)


@pytest.mark.parametrize(("kind", "method", "pooling", "targets"), FITS)
def test_a_fit_of_any_family_loads_again(families, entries, fit, datasets, monkeypatch, kind, method, pooling, targets):
    monkeypatch.setitem(entries, kind, families[kind])
    layers = {"targets": targets} if targets else {}
    folder = fit(kind, method, pooling=pooling, max_steps=6, **layers)
    texts = [line.split(",")[0] for line in (datasets["two"] / "test.csv").read_text().splitlines()[1:]]
    trusted = families[kind].get("trust_remote_code", False)
    found = load(folder / "model", trust_remote_code=trusted).predict(texts).probabilities
    expected = np.stack(pq.read_table(folder / "predictions.parquet")["probabilities"].to_numpy())
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected[:, 0]) > 1e-4
    card = (folder / "model" / "README.md").read_text()
    own_head = pooling != "cls" or method == "probe"
    assert ("workflow_scripts.inference.predictor" in card) == own_head
    assert ("trust_remote_code=True" in card) == trusted


def test_lora_of_a_model_without_a_mask_is_trained(families, entries, fit, monkeypatch):
    monkeypatch.setitem(entries, "code_classifier", families["code_classifier"])
    folder = fit("code_classifier", "lora", targets=["out_proj"], max_steps=6)
    metrics = read_json(folder / "metrics.json")
    assert 0 < metrics["trainable_parameters"] < metrics["parameters"] and np.isfinite(metrics["training_loss"])


def test_texts_longer_than_a_rotary_model_was_trained_for_are_cut_and_told(
    families, arguments, datasets, tmp_path, capsys
):
    folder = tmp_path / "long"
    folder.mkdir()
    for split in ("train", "dev", "test"):
        rows = [f"{'ACGT' * 70}A,0", f"{'TTGC' * 70}A,1", "ACGTTGCA,0", "TTGCATTT,1"]
        (folder / f"{split}.csv").write_text("\n".join(["sequence,label", *rows]) + "\n")
    command = arguments("out", max_steps=1)
    command[command.index("--model") + 1] = json.dumps(families["modernbert"])
    command[command.index("--data") + 1] = str(folder)
    assert main(command) == 0
    assert "train: 50.0% of the sequences are cut to the limit" in capsys.readouterr().err
    assert read_json(tmp_path / "out" / "metrics.json")["truncated"] == dict.fromkeys(("train", "dev", "test"), 0.5)
