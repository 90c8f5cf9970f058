"""The published files of DNABERT-2 load into this project's classes, and baselines learn a published data set."""

import gzip
import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from tests.real.marks import NEEDS_REAL_DATA
from workflow_scripts.common.files import read_json
from workflow_scripts.finetune import finetune_model
from workflow_scripts.inference.models import read_pretrained
from workflow_scripts.inference.predictor import load
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM

pytestmark = NEEDS_REAL_DATA
SEQUENCE = "ACGTAGCATCGGATCTATCTATCGACACTTGGTTATCGATCTACGAGCATCTCGTTAGC"
IDS = [1, 5, 194, 32, 757, 1239, 2092, 294, 24, 359, 88, 93, 32, 75, 77, 19, 2]


@pytest.fixture
def published(tmp_path):
    """The published files, with constant weights of the same names and shapes; the real weights are not available."""
    folder = tmp_path / "published"
    shutil.copytree(Path(os.environ["REAL_DATA"]) / "published_model", folder, copy_function=shutil.copyfile)
    with torch.device("meta"):
        model = DnaBert2ForMaskedLM(DnaBert2Config())
    state = {name: torch.full(tensor.shape, 0.01) for name, tensor in model.state_dict().items()}
    torch.save(state, folder / "pytorch_model.bin")
    return folder


def test_published_directory_is_a_classifier(published):
    pretrained = read_pretrained(published, outputs=2)
    model, encoder = pretrained.model, pretrained.encoder
    assert sum(parameter.numel() for parameter in model.parameters()) == 117_070_082 and encoder.pad_id == 3
    encoded = encoder.encode([SEQUENCE, SEQUENCE * 100], 0)
    assert encoded.ids[0].tolist() == IDS and encoded.truncated == 0 and len(encoded.ids[1]) > 1000
    assert encoder.encode([(SEQUENCE, "ACGT")], 0).types[0].tolist()[-3:] == [1, 1, 1]
    assert torch.all(model.bert.encoder.layer[11].mlp.wo.weight == 0.01)


def test_published_directory_embeds_and_its_tokens_spell_the_sequence(published):
    model = load(published)
    assert model.embed([SEQUENCE, "ACGT"]).shape == (2, 768)
    (spans,) = model.encode([SEQUENCE]).spans
    assert "".join(SEQUENCE[start:end] for source, start, end in spans.tolist() if source == 0) == SEQUENCE


@pytest.mark.parametrize("baseline", ["kmer_regression", "cnn"])
def test_baseline_learns_a_published_data_set(tmp_path, baseline):
    for split in ("train", "dev", "test"):
        source = Path(os.environ["REAL_DATA"]) / "gue" / "mouse" / "2" / f"{split}.csv.gz"
        (tmp_path / f"{split}.csv").write_bytes(gzip.decompress(source.read_bytes()))
    settings = {"learning_rate": 1e-3, "epochs": 4, "min_steps": 0, "eval_steps": 0, "warmup_steps": 0}
    command = ["--name", baseline, "tf_mouse", "2", "--method", "full", "--seed", "42", "--data", str(tmp_path)]
    out = tmp_path / "out"
    command += ["--tokens", str(tmp_path / "tokens"), "--state", str(tmp_path / "state")]
    options = ["--model", json.dumps({"baseline": baseline}), "--settings", json.dumps(settings), "--out", str(out)]
    assert finetune_model.main([*command, *options]) == 0
    fit = read_json(out / "metrics.json")
    assert fit["test"]["mcc"] > 0.4 and fit["test"]["rows"] == 328 and fit["truncated"]["test"] == 0
