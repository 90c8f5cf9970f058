"""Every kind of model loads by its entry, is fitted, saved, and gives the same predictions when it is loaded again."""

import itertools
import json
import shutil
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, EsmConfig, EsmForMaskedLM

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json, write_json, write_text
from workflow_scripts.finetune import data
from workflow_scripts.finetune.finetune_model import main
from workflow_scripts.finetune.problems import Classification
from workflow_scripts.inference import models
from workflow_scripts.inference.adapters import in_head
from workflow_scripts.inference.encoders import kmers
from workflow_scripts.settings.finetune import FitSettings

SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
QUICK = FitSettings(learning_rate=3e-3, max_steps=2, batch_size=16, warmup_steps=1, rank=2, precision="fp32")
TARGETS = {
    "ours": ("Wqkv",),
    "published": ("Wqkv",),
    "esm": ("query", "value", "key", "dense"),
    "bert": ("query", "dense"),
}
PRETRAINED = tuple(TARGETS)
BASELINES = ("kmer_regression", "cnn")


@pytest.fixture(scope="module")
def entries(base, tmp_path_factory) -> dict[str, dict]:
    """Entries of the configuration by kind; directories as the hub has them, in small."""
    root = tmp_path_factory.mktemp("entries")
    torch.manual_seed(0)

    # zhihan1996/DNABERT-2-117M: a configuration that points to code of its own, and tensors in a pickle
    published = root / "published"
    published.mkdir()
    config = read_json(base / "config.json")
    kept = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
    code = {"AutoConfig": "configuration_bert.BertConfig", "AutoModel": "bert_layers.BertModel"}
    write_json(
        published / "config.json", {key: config[key] for key in kept} | {"auto_map": code, "alibi_starting_size": 512}
    )
    torch.save(load_file(base / "model.safetensors"), published / "pytorch_model.bin")
    shutil.copyfile(base / "tokenizer.json", published / "tokenizer.json")
    described = read_json(base / "tokenizer_config.json")
    described.pop("model_input_names")
    write_json(published / "tokenizer_config.json", described)

    # Nucleotide Transformer: ESM with learned positions, 6-mers side by side, a tokenizer that is not compiled
    esm = root / "esm"
    words = ["<unk>", "<pad>", "<mask>", "<cls>", *map("".join, itertools.product("ATCG", repeat=6)), *"ATCGN"]
    EsmForMaskedLM(
        EsmConfig(
            vocab_size=len(words) + 1,
            pad_token_id=1,
            mask_token_id=2,
            max_position_embeddings=22,
            position_embedding_type="absolute",
            **SMALL,
        )
    ).save_pretrained(esm)
    write_text(esm / "vocab.txt", "\n".join(words))
    special = {f"{name}_token": f"<{name}>" for name in ("unk", "pad", "mask", "cls")}
    write_json(esm / "tokenizer_config.json", special | {"eos_token": None, "tokenizer_class": "EsmTokenizer"})

    # zhihan1996/DNA_bert_3: BERT with overlapping 3-mers as words
    bert = root / "bert"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map("".join, itertools.product("ATCG", repeat=3))]
    BertForMaskedLM(BertConfig(vocab_size=len(words), max_position_embeddings=24, **SMALL)).save_pretrained(bert)
    write_text(bert / "vocab.txt", "\n".join(words) + "\n")
    write_json(bert / "tokenizer_config.json", {"do_lower_case": False, "max_len": 512})
    return {
        "ours": {"directory": str(base)},
        "published": {"directory": str(published)},
        "esm": {"directory": str(esm)},
        "bert": {"directory": str(bert), "kmer": 3},
        **{name: {"baseline": name} for name in BASELINES},
    }


@pytest.fixture
def copied(entries, tmp_path):
    """A copy of an entry's directory, to be spoilt."""

    def copied(kind: str):
        return shutil.copytree(entries[kind]["directory"], tmp_path / kind)

    return copied


@pytest.fixture
def fit(entries, arguments, tmp_path):
    """Fits an entry with two steps; returns the folder of the results."""

    def fit(kind: str, method: str = "full", dataset: str = "two", **settings):
        out = f"{kind}_{method}_{dataset}"
        targets = {"targets": TARGETS[kind]} if kind in TARGETS else {}
        quick = {"max_steps": 2, "rank": 2, "precision": "fp32", **targets, **settings}
        command = arguments(out, method=method, dataset=dataset, **quick)
        command[command.index("--model") + 1] = json.dumps(entries[kind])
        assert main(command) == 0
        return tmp_path / out

    return fit


def probabilities(loaded: models.Loaded, model: torch.nn.Module, rows: data.Rows, limit: int = 0) -> torch.Tensor:
    """What a model says of the rows, in the order of the file."""
    batch = data.collate(
        loaded.encode(rows.texts, limit), np.arange(len(rows.labels)), loaded.pad_id, torch.device("cpu")
    )
    with torch.no_grad():
        return model.eval()(**batch).logits.softmax(dim=1)


def written(folder) -> torch.Tensor:
    return torch.tensor(pq.read_table(folder / "predictions.parquet")["probabilities"].to_pylist())


@pytest.mark.parametrize("dataset", ["two", "pairs"])
@pytest.mark.parametrize("kind", PRETRAINED)
def test_a_fitted_model_is_a_directory_that_predicts_the_same(entries, fit, datasets, kind, dataset):
    folder = fit(kind, dataset=dataset)
    rows = data.read_rows(datasets[dataset] / "test.csv", Classification)
    spec = entries[kind] | {"directory": folder / "model"}
    loaded = models.load(spec, 2, QUICK, "full", seed=7)  # another seed: nothing is drawn anew
    torch.testing.assert_close(probabilities(loaded, loaded.model, rows), written(folder), rtol=0, atol=1e-5)
    told = read_json(folder / "metrics.json")
    assert told["steps"] == 2 and told["parameters"] == told["trainable_parameters"] == loaded.parameters


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("dataset", ["three", "pairs"])
def test_a_fitted_baseline_predicts_the_same(entries, fit, datasets, kind, dataset):
    folder = fit(kind, dataset=dataset)
    rows = data.read_rows(datasets[dataset] / "test.csv", Classification)
    classes = 3 if dataset == "three" else 2
    loaded = models.load(entries[kind], classes, QUICK, "full", seed=7)
    fresh = probabilities(loaded, loaded.model, rows)
    assert not torch.allclose(fresh, written(folder), atol=1e-4), "two steps change something"
    loaded.model.load_state_dict(load_file(folder / "model" / "model.safetensors"))
    torch.testing.assert_close(probabilities(loaded, loaded.model, rows), written(folder), rtol=0, atol=1e-5)
    assert read_json(folder / "model" / "config.json") == {"baseline": kind, "outputs": classes}


@pytest.mark.parametrize("kind", PRETRAINED)
def test_adapter_and_merged_model_predict_the_same(entries, fit, datasets, kind, capsys):
    from peft import PeftModel

    folder = fit(kind, method="lora", merge=True)
    told = read_json(folder / "metrics.json")
    share = told["trainable_parameters"] / told["parameters"]
    assert f"parameters are trained ({share:.2%})" in capsys.readouterr().err
    rows = data.read_rows(datasets["two"] / "test.csv", Classification)
    loaded = models.load(entries[kind], 2, QUICK, "full", seed=7)
    adapted = PeftModel.from_pretrained(loaded.model, folder / "model")
    torch.testing.assert_close(probabilities(loaded, adapted, rows), written(folder), rtol=0, atol=1e-5)
    merged = models.load(entries[kind] | {"directory": folder / "model" / "merged"}, 2, QUICK, "full", seed=7)
    torch.testing.assert_close(probabilities(merged, merged.model, rows), written(folder), rtol=0, atol=1e-5)
    names = load_file(folder / "model" / "adapter_model.safetensors")
    assert not [name for name in names if ("lora_" in name) == ("pooler" in name or "classifier" in name)]
    for target in TARGETS[kind]:
        assert any(f".{target}.lora_A" in name for name in names)


def test_merged_model_is_saved_on_request_only(fit):
    assert not (fit("ours", method="lora") / "model" / "merged").exists()


def test_new_head_depends_on_the_seed_and_the_encoder_does_not(entries):
    for kind in (*PRETRAINED, "cnn"):
        load = partial(models.load, entries[kind], 2, QUICK, "full")
        one, two, other = (load(seed=seed).model.state_dict() for seed in (1, 1, 2))
        assert all(torch.equal(one[name], two[name]) for name in one)
        drawn = [name for name in one if not torch.equal(one[name], other[name])]
        assert drawn and (kind == "cnn" or all("pooler" in name or "classifier" in name for name in drawn))


def test_published_weights_are_those_of_our_classes(entries):
    ours, published = (
        models.load(entries[kind], 2, QUICK, "full", 1).model.state_dict() for kind in ("ours", "published")
    )
    assert ours.keys() == published.keys()
    encoder = [name for name in ours if not in_head(name)]
    assert len(encoder) == len(ours) - 4 and all(torch.equal(ours[name], published[name]) for name in encoder)


def test_kmers_of_a_sequence():
    assert kmers("ACGTA", 3) == "ACG CGT GTA"
    assert kmers("AC", 3) == ""


def test_tokens_of_each_kind(entries):
    def tokens(kind: str, text: data.Text, limit: int = 0) -> list[str]:
        loaded = models.load(entries[kind], 2, QUICK, "full", 1)
        tokenizer = AutoTokenizer.from_pretrained(entries[kind]["directory"])
        return tokenizer.convert_ids_to_tokens(loaded.encode([text], limit).ids[0].tolist())

    assert tokens("esm", "ACGTACGTNA") == ["<cls>", "ACGTAC", "G", "T", "N", "A"]
    assert tokens("esm", ("ACGTAC", "GGGGGGA")) == ["<cls>", "ACGTAC", "GGGGGG", "A"]
    assert tokens("bert", "ACGTA") == ["[CLS]", "ACG", "CGT", "GTA", "[SEP]"]
    assert tokens("bert", ("ACGT", "TTT")) == ["[CLS]", "ACG", "CGT", "[SEP]", "TTT", "[SEP]"]
    assert tokens("bert", "ACGTA", limit=4) == ["[CLS]", "ACG", "CGT", "[SEP]"]


def test_token_types_go_where_the_model_reads_them(entries):
    typed = {
        kind: models.load(entry, 2, QUICK, "full", 1).encode([("ACGTACG", "TTTTTTT")], 0).types
        for kind, entry in entries.items()
    }
    assert [kind for kind, types in typed.items() if types is not None] == ["ours", "published", "bert"]
    assert all(set(types[0]) == {0, 1} for types in typed.values() if types is not None)


@pytest.mark.parametrize(("kind", "longest", "bases_of_longest"), [("esm", 20, 19 * 6), ("bert", 24, 22 + 2)])
def test_what_a_model_has_no_position_for_is_cut_and_counted(entries, kind, longest, bases_of_longest):
    loaded = models.load(entries[kind], 2, QUICK, "full", 1)
    texts = ["ACGTAC" * 40, ("ACGTAC" * 40)[:bases_of_longest], "ACGTACG", ("ACGTAC" * 40)[: bases_of_longest + 1]]
    encoded = loaded.encode(texts, 0)
    assert [len(ids) for ids in encoded.ids[:2]] == [longest] * 2 and encoded.truncated == 0.5
    assert len(loaded.encode(texts, 10).ids[0]) == 10
    probabilities(loaded, loaded.model, data.Rows(texts, np.zeros(4, int)))  # the longest fits


def test_no_length_is_too_long_for_alibi_and_baselines(entries):
    for kind in ("ours", "cnn", "kmer_regression"):
        encoded = models.load(entries[kind], 2, QUICK, "full", 1).encode(["ACGTTGCA" * 300], 0)
        assert encoded.truncated == 0 and len(encoded.ids[0]) > 600


def test_the_hash_of_a_tokenizer_tells_what_changes_its_tokens(entries, copied):
    def fingerprint(spec: dict) -> str:
        return models.load(spec, 2, QUICK, "full", 1).tokenizer

    assert len({fingerprint(entry) for entry in entries.values()}) == len(entries)
    bert = entries["bert"]
    folder = copied("bert")
    assert fingerprint(bert) == fingerprint(bert | {"directory": folder}) != fingerprint(bert | {"kmer": 2})
    words = (folder / "vocab.txt").read_text().split()
    (folder / "vocab.txt").write_text("\n".join([*words[:5], *reversed(words[5:])]))
    assert fingerprint(bert | {"directory": folder}) != fingerprint(bert)


def refused(spec: dict, settings: FitSettings = QUICK, method: str = "full") -> str:
    """The one line that a model is refused with."""
    with pytest.raises(UserError) as caught:
        models.load(spec, 2, settings, method, 1).encode(["ACGTACGTACGT"], 0)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_each_target_must_match_a_layer_outside_the_head(entries):
    for kind, layers in (("ours", "Wqkv, dense, gated_layers, wo"), ("esm", "dense, key, query, value")):
        for targets in (["Wqkw"], ["dense", "Wqkw"], ["pooler.dense", "Wqkw"]):
            told = refused(entries[kind], FitSettings(targets=targets), "lora")
            assert told.endswith(f"Wqkw match no layer of this model; its linear layers are {layers}")
    refused(entries["ours"], FitSettings(targets=["pooler.dense"]), "lora")
    models.load(entries["ours"], 2, FitSettings(targets=["attention.output.dense"]), "lora", 1)


def test_a_tokenizer_that_does_not_fit_is_refused(entries, base):
    told = refused(entries["bert"] | {"kmer": 4})
    assert told.startswith(f"{entries['bert']['directory']}: ") and "unknown to its tokenizer" in told
    assert "kmer" in refused(entries["bert"] | {"kmer": 0})
    with pytest.raises(UserError, match="unknown to its tokenizer"):
        models.load(entries["ours"], 2, QUICK, "full", 1).encode(["acgtacgt"], 0)


def test_weights_that_lack_a_part_of_the_encoder_are_refused(copied):
    folder = copied("ours")
    weights = load_file(folder / "model.safetensors")
    weights.pop("bert.encoder.layer.1.mlp.wo.weight")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    told = refused({"directory": folder})
    assert told == f"{folder}: 1 weights of the encoder are not there, such as bert.encoder.layer.1.mlp.wo.weight"


def test_what_is_no_model_is_refused(copied, tmp_path):
    assert refused({"directory": tmp_path / "none"}).startswith(f"{tmp_path}/none: no config.json")
    folder = copied("bert")
    (folder / "vocab.txt").unlink()
    assert "no tokenizer.json and no vocab.txt" in refused({"directory": folder})
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert refused({"directory": folder, "kmer": 3}).startswith(f"{folder}: the model does not load")
    (folder / "config.json").write_text("{")
    assert refused({"directory": folder}).startswith(f"{folder}/config.json: not JSON (")
    folder = copied("ours")
    described = read_json(folder / "tokenizer_config.json")
    write_json(folder / "tokenizer_config.json", {k: v for k, v in described.items() if k != "pad_token"})
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


def test_pooling_of_another_architecture_is_refused(entries):
    told = refused(entries["esm"], FitSettings(pooling="mean"))
    assert told.endswith("pooling 'mean' is not for a model of type 'esm'; set it to cls")
