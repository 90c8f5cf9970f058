"""Published code of other families, as its authors wrote it, with tiny weights.

``PUBLISHED_FAMILIES`` names a folder with ``hyenadna/`` (configuration_hyena.py, modeling_hyena.py) and ``caduceus/``
(configuration_caduceus.py, modeling_caduceus.py, modeling_rcps.py, tokenization_caduceus.py), copied from public
repositories. This repository holds none of it.
"""

import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from tests.inference.test_families import EVERY, TEXTS
from tests.stand_ins import FOLDER
from tests.tiny_families import code_of_models
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import write_json
from workflow_scripts.inference.models import Pretrained, read_pretrained
from workflow_scripts.inference.network import Network

PUBLISHED = Path(os.environ.get("PUBLISHED_FAMILIES", ""))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("PUBLISHED_FAMILIES" not in os.environ, reason="PUBLISHED_FAMILIES names no folder"),
]
HYENA = {
    "auto_map": {
        "AutoConfig": "configuration_hyena.HyenaConfig",
        "AutoModel": "modeling_hyena.HyenaDNAModel",
        "AutoModelForSequenceClassification": "modeling_hyena.HyenaDNAForSequenceClassification",
    },
    **{"model_type": "hyenadna", "d_model": 16, "n_layer": 2, "d_inner": 32, "max_seq_len": 64, "filter_order": 8},
    **{"emb_dim": 3, "vocab_size": 12, "transformers_version": "4.57.1"},
}
CADUCEUS = {
    "auto_map": {
        "AutoConfig": "configuration_caduceus.CaduceusConfig",
        "AutoModel": "modeling_caduceus.Caduceus",
        "AutoModelForSequenceClassification": "modeling_caduceus.CaduceusForSequenceClassification",
    },
    **{"model_type": "caduceus", "d_model": 16, "n_layer": 2, "vocab_size": 12, "transformers_version": "4.38.1"},
}


@pytest.fixture
def folder(tmp_path):
    """A directory with the code of a family, its configuration, and a tokenizer that is code."""

    def folder(name: str, described: dict) -> Path:
        place = tmp_path / name
        shutil.copytree(PUBLISHED / name, place, ignore=lambda _, names: [n for n in names if not n.endswith(".py")])
        write_json(place / "config.json", described)
        return place

    with code_of_models(tmp_path / "modules"):
        yield folder


@pytest.fixture
def hyena(folder) -> Path:
    place = folder("hyenadna", HYENA)
    shutil.copyfile(FOLDER / "tokenization_stand_in.py", place / "tokenization_stand_in.py")
    tokenizer = {"AutoTokenizer": ["tokenization_stand_in.StandInTokenizer", None]}
    write_json(place / "tokenizer_config.json", {"tokenizer_class": "StandInTokenizer", "auto_map": tokenizer})
    torch.manual_seed(0)
    config = AutoConfig.from_pretrained(place, trust_remote_code=True)
    model = AutoModelForSequenceClassification.from_config(config, trust_remote_code=True)
    torch.save(model.state_dict(), place / "pytorch_model.bin")
    return place


def logits(pretrained: Pretrained, entries: np.ndarray) -> torch.Tensor:
    network = Network(pretrained.model.eval(), pretrained.encoder.pad_id, "fp32", torch.device("cpu"))
    with torch.no_grad():
        return network.logits(pretrained.encoder.encode(TEXTS, 0), entries)


@pytest.mark.parametrize("pooling", ["cls", "mean", "last"])
def test_hyenadna_reads_a_text_alike_in_any_batch(hyena, pooling):
    pretrained = read_pretrained(hyena, 0, True, 2, pooling)
    name = "HyenaDNAForSequenceClassification" if pooling == "cls" else "PooledClassifier"
    assert type(pretrained.model).__name__ == name and pretrained.encoder.longest == 64
    together = logits(pretrained, EVERY)
    alone = torch.cat([logits(pretrained, EVERY[[entry]]) for entry in EVERY])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    assert together.std(dim=0).min() > 1e-5


@pytest.mark.skipif(importlib.util.find_spec("mamba_ssm") is not None, reason="mamba_ssm is installed")
def test_caduceus_says_what_it_lacks(folder):
    place = folder("caduceus", CADUCEUS)
    tokenizer = {"AutoTokenizer": ["tokenization_caduceus.CaduceusTokenizer", None]}
    described = {"tokenizer_class": "CaduceusTokenizer", "model_max_length": 131072, "auto_map": tokenizer}
    write_json(place / "tokenizer_config.json", described)
    with pytest.raises(UserError) as caught:
        read_pretrained(place, 0, True, 2, "cls")
    assert "mamba_ssm" in str(caught.value) and "\n" not in str(caught.value)
