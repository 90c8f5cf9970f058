"""Directories of each kind are read into a model; what is no such model is refused in one line."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json, write_json
from workflow_scripts.inference.models import in_head, read_pretrained
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM


@pytest.fixture
def copied(entries, tmp_path):
    """A copy of an entry's directory, to be spoilt."""

    def copied(kind: str) -> Path:
        return shutil.copytree(entries[kind]["directory"], tmp_path / kind)

    return copied


def read(directory, kmer: int = 0, trust_remote_code: bool = False, pooling: str = "cls"):
    return read_pretrained(Path(directory), kmer, trust_remote_code, 2, pooling)


def refused(spec: dict, **options) -> str:
    """The one line that a model is refused with."""
    with pytest.raises(UserError) as caught:
        read(**spec, **options).encoder.encode(["ACGTACGTACGT"], 0)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_head_that_was_never_fitted_is_told(entries, tmp_path):
    for kind, entry in entries.items():
        pretrained = read(**entry)
        assert pretrained.fresh_head and not pretrained.model.training, kind
        pretrained.model.save_pretrained(tmp_path / kind)
        pretrained.encoder.save(tmp_path / kind)
        assert not read(tmp_path / kind).fresh_head
        assert read_pretrained(tmp_path / kind).model.config.num_labels == 2


def test_published_weights_are_those_of_our_classes(entries):
    ours, published = (read(**entries[kind]).model.state_dict() for kind in ("ours", "published"))
    assert ours.keys() == published.keys()
    encoder = [name for name in ours if not in_head(name)]
    assert len(encoder) == len(ours) - 4 and all(torch.equal(ours[name], published[name]) for name in encoder)


def test_inputs_are_cut_to_the_positions_that_a_model_has_learned(copied):
    """Not those of other models; the share of texts that are cut is told."""
    texts = ["ACGT" * 40, "ACG"]
    for kind, limited in (("alibi", False), ("rotary", False), ("learned", True)):
        folder = copied("ours")
        config = DnaBert2Config.from_pretrained(folder, positions=kind, max_positions=12)
        DnaBert2ForMaskedLM(config).save_pretrained(folder)
        pretrained = read(folder)
        encoded = pretrained.encoder.encode(texts, 0)
        assert (len(encoded.ids[0]) == 12) == limited and encoded.truncated == (0.5 if limited else 0)
        assert pretrained.model(input_ids=torch.tensor(encoded.ids[0])[None]).logits.isfinite().all()
        shutil.rmtree(folder)


def test_weights_that_lack_a_part_of_the_encoder_are_refused(copied):
    folder = copied("ours")
    weights = load_file(folder / "model.safetensors")
    weights.pop("bert.encoder.layer.1.mlp.wo.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    told = refused({"directory": folder})
    assert told == f"{folder}: 1 weights of the encoder are missing, such as bert.encoder.layer.1.mlp.wo.weight"


def test_what_is_no_model_is_refused(copied, tmp_path):
    assert refused({"directory": tmp_path / "none"}).startswith(f"{tmp_path}/none: no config.json")
    folder = copied("bert")
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert refused({"directory": folder, "kmer": 3}).startswith(f"{folder}: the model does not load")
    (folder / "vocab.txt").unlink()
    assert "no tokenizer.json and no vocab.txt" in refused({"directory": folder})
    (folder / "config.json").write_text("{")
    assert refused({"directory": folder}).startswith(f"{folder}/config.json: not JSON (")
    folder = copied("ours")
    described = read_json(folder / "tokenizer_config.json")
    write_json(folder / "tokenizer_config.json", {k: v for k, v in described.items() if k != "pad_token"})
    assert read(folder).encoder.pad_id == 3  # the word [PAD] of the vocabulary
    words = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(words.replace("[PAD]", "[FILL]"))
    assert "its tokenizer has no padding token" in refused({"directory": folder})


class Attack:
    """Unpickled, it writes a file."""

    def __init__(self, path: str):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_neither_pickles_nor_foreign_code_run_unless_they_are_trusted(copied, tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder, trap = copied("published"), tmp_path / "trap"
    weights = torch.load(folder / "pytorch_model.bin", weights_only=True)
    torch.save(weights | {"extra": Attack(str(trap))}, folder / "pytorch_model.bin")
    assert refused({"directory": folder}).startswith(f"{folder}: the model does not load")

    foreign = copied("esm")
    (foreign / "theirs.py").write_text(f"open({str(trap)!r}, 'w')\n")
    config = read_json(foreign / "config.json")
    code = {"AutoConfig": "theirs.TheirConfig", "AutoModelForSequenceClassification": "theirs.Theirs"}
    write_json(foreign / "config.json", config | {"model_type": "theirs", "auto_map": code})
    assert "trust_remote_code" in refused({"directory": foreign})
    assert not trap.exists()
    refused({"directory": foreign, "trust_remote_code": True})
    assert trap.exists()


def test_the_last_token_of_a_dnabert2_is_refused(entries):
    assert refused(entries["ours"], pooling="last").endswith("pooling 'last' is for decoders; set it to cls or mean")
