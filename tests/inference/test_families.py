"""Models of other families: each trait of an interface is read, and a text gives the same in any batch."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests import tiny_families
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json, write_json
from workflow_scripts.inference.encoders import PROBE
from workflow_scripts.inference.models import Pretrained, read_pretrained
from workflow_scripts.inference.network import Network
from workflow_scripts.inference.pooled import PooledClassifier, inputs_of, pooled

LETTERS = random.Random(5)
TEXTS = ["".join(LETTERS.choices("ACGT", k=length)) for length in (10, 25, 25, 300, 40)]
EVERY = np.arange(len(TEXTS))
POOLED = [
    *(("modernbert", "mean"), ("modernbert", "last"), ("gpt2", "mean"), ("gpt2", "last"), ("llama", "mean")),
    *(
        ("llama", "last"),
        ("unet", "mean"),
        ("code", "mean"),
        ("code", "last"),
        ("code_classifier", "mean"),
        ("esm", "mean"),
    ),
]
PUBLISHED = [
    ("modernbert", "ModernBertForSequenceClassification"),
    ("gpt2", "GPT2ForSequenceClassification"),
    ("llama", "LlamaForSequenceClassification"),
    ("code_classifier", "StandInForSequenceClassification"),
]


@pytest.fixture(scope="module")
def families(entries, base, tmp_path_factory) -> dict[str, dict]:
    root = tmp_path_factory.mktemp("families")
    with tiny_families.code_of_models(root / "modules"):
        yield entries | tiny_families.write_all(root, base)


@pytest.fixture
def read(families):
    def read(kind: str, pooling: str | None = "cls", outputs: int | None = 2) -> Pretrained:
        torch.manual_seed(1)
        entry = families[kind]
        trusted = entry.get("trust_remote_code", False)
        return read_pretrained(Path(entry["directory"]), entry.get("kmer", 0), trusted, outputs, pooling)

    return read


@pytest.fixture
def copied(families, tmp_path):
    def copied(kind: str) -> Path:
        # the library keeps the code of a directory by its name
        return shutil.copytree(families[kind]["directory"], tmp_path / f"copy_of_{kind}")

    return copied


def logits(pretrained: Pretrained, entries: np.ndarray) -> torch.Tensor:
    network = Network(pretrained.model.eval(), pretrained.encoder.pad_id, "fp32", torch.device("cpu"))
    with torch.no_grad():
        return network.logits(pretrained.encoder.encode(TEXTS, 0), entries)


@pytest.mark.parametrize(("kind", "class_name"), PUBLISHED)
def test_a_published_classifier_class_is_used(read, kind, class_name):
    pretrained = read(kind)
    assert type(pretrained.model).__name__ == class_name and pretrained.fresh_head


@pytest.mark.parametrize(("kind", "pooling"), [*((kind, "cls") for kind, _ in PUBLISHED), *POOLED])
def test_a_text_gives_the_same_in_any_batch(read, kind, pooling):
    """Also if the model cannot be told what is padding, or its configuration names no padding token."""
    pretrained = read(kind, pooling)
    together = logits(pretrained, EVERY)
    alone = torch.cat([logits(pretrained, EVERY[[entry]]) for entry in EVERY])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    assert together.std(dim=0).min() > 1e-3  # texts differ


def test_padding_would_change_what_a_model_without_a_mask_says(read):
    """The test above proves something only if it does."""
    pretrained = read("code", "mean")
    ids = torch.tensor(pretrained.encoder.encode(TEXTS[:1], 0).ids[0])[None]
    padded = torch.nn.functional.pad(ids, (0, 3), value=pretrained.encoder.pad_id)
    mask = torch.nn.functional.pad(torch.ones_like(ids), (0, 3))
    model = pretrained.model.eval()
    assert not torch.allclose(model(ids).logits, model(padded, attention_mask=mask).logits, atol=1e-4)


@pytest.mark.parametrize(("kind", "pooling"), POOLED)
def test_a_pooled_head_reads_tokens_of_the_encoder(read, kind, pooling):
    pretrained = read(kind, pooling)
    model = pretrained.model.eval()
    assert isinstance(model, PooledClassifier) and pretrained.fresh_head
    ids = torch.tensor(pretrained.encoder.encode(TEXTS[1:2], 0).ids[0])[None]
    output = model(ids, output_hidden_states=True)
    states = output.hidden_states[-1][0, : ids.shape[1]]
    expected = model.classifier(states.mean(dim=0) if pooling == "mean" else states[-1])
    torch.testing.assert_close(output.logits[0], expected)


def test_texts_are_filled_with_n_to_the_lengths_that_a_model_takes(read):
    """And what fills is not pooled."""
    pretrained = read("unet", "mean")
    encoder, ids = pretrained.model.encoder.eval(), torch.tensor([[7, 8, 9, 10, 7, 1]])
    states = encoder(torch.nn.functional.pad(ids, (0, 10), value=11)).last_hidden_state[0, :6]
    torch.testing.assert_close(pretrained.model(ids).logits[0], pretrained.model.classifier(states.mean(dim=0)))
    with pytest.raises(ValueError, match="multiples of"):
        encoder(ids)


def test_pooling_leaves_padding_out():
    states = torch.arange(12.0).reshape(2, 3, 2)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert pooled(states, mask, "mean").tolist() == [[1, 2], [8, 9]]
    assert pooled(states, mask, "last").tolist() == [[2, 3], [10, 11]]
    assert pooled(states, mask, "cls").tolist() == [[0, 1], [6, 7]]


@pytest.mark.parametrize(("kind", "limit"), [("modernbert", 48), ("llama", 48), ("gpt2", 48), ("code", 64)])
def test_no_text_is_longer_than_a_model_was_trained_for(read, kind, limit):
    """Rotary models compute beyond that without an error."""
    encoder = read(kind, "mean").encoder
    encoded = encoder.encode(TEXTS, 0)
    assert max(map(len, encoded.ids)) == limit and encoded.truncated == 1 / len(TEXTS)
    assert max(map(len, encoder.encode(TEXTS, 999).ids)) == limit


def test_bases_have_places_in_a_tokenizer_that_is_code(read):
    encoded = read("code", "mean").encoder.encode(["ACGNT"], 0, spans=True)
    assert encoded.ids[0].tolist() == [7, 8, 9, 11, 10, 1]
    assert encoded.spans[0].tolist() == [*([0, place, place + 1] for place in range(5)), [-1, 0, 0]]


def test_vocabulary_and_merges_are_a_tokenizer(read, tmp_path):
    """Without padding, the end of the text pads, which no text contains; the saved tokenizer says so."""
    encoder = read("gpt2").encoder
    words = encoder.tokenizer.convert_ids_to_tokens(encoder.encode(["AACGT"], 0).ids[0].tolist())
    assert words == ["AA", "CG", "T"] and encoder.pad_id == 0
    assert read("gpt2").model.config.pad_token_id == 0
    encoder.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"vocab.json", "merges.txt", "tokenizer_config.json"}
    assert read_json(tmp_path / "tokenizer_config.json")["pad_token"] == "<|endoftext|>"


def test_code_runs_only_if_it_is_trusted(families):
    for kind in ("code", "code_classifier"):
        with pytest.raises(UserError, match=r"is code of its own, which runs with trust_remote_code: true$"):
            read_pretrained(Path(families[kind]["directory"]), 0, False, 2, "mean")


def test_a_tokenizer_is_known_by_its_code(read, copied):
    folder = copied("code")
    before = read_pretrained(folder, 0, True, 2, "mean").encoder.fingerprint
    assert before == read("code", "mean").encoder.fingerprint
    with (folder / "tokenization_stand_in.py").open("a") as code:
        code.write("# another\n")
    assert read_pretrained(folder, 0, True, 2, "mean").encoder.fingerprint != before


def test_the_first_token_is_read_only_if_it_is_cls(read):
    with pytest.raises(UserError, match=r"puts no \[CLS\] first.*; set pooling to mean, or to last for a decoder$"):
        read("code", "cls")


def test_code_that_does_not_run_is_told_in_one_line(copied, tmp_path):
    """With the version of the library that could run it."""
    whole = (copied("code") / "modeling_stand_in.py").read_text()
    told = {
        "import transformers.no_such_module\n" + whole: "no_such_module",
        whole.replace("last_hidden_state=last", "last_hidden_states=last"): "unexpected keyword",
    }
    for number, (code, reason) in enumerate(told.items()):
        folder = shutil.copytree(tmp_path / "copy_of_code", tmp_path / f"broken{number}")
        write_json(folder / "config.json", read_json(folder / "config.json") | {"transformers_version": "4.38.1"})
        (folder / "modeling_stand_in.py").write_text(code)
        with pytest.raises(UserError) as caught:
            read_pretrained(folder, 0, True, 2, "mean")
        message = str(caught.value)
        assert "\n" not in message and reason in message and "written for transformers 4.38.1, this is " in message
        assert message.endswith("(environment: in the entry of the model)")


@pytest.mark.parametrize(
    ("kind", "pooling"), [("bert", "cls"), ("ours", "cls"), ("modernbert", "cls"), ("esm", "mean")]
)
def test_a_head_of_another_size_is_drawn_anew_and_the_encoder_kept(families, read, tmp_path, kind, pooling):
    before = read(kind, pooling, outputs=5)
    before.model.save_pretrained(tmp_path)
    before.encoder.save(tmp_path)
    kmer = families[kind].get("kmer", 0)
    same, other = (read_pretrained(tmp_path, kmer, False, outputs, pooling) for outputs in (5, 2))
    assert not same.fresh_head and other.fresh_head and other.model.config.num_labels == 2
    assert logits(other, EVERY[:1]).shape == (1, 2)
    kept, found = before.model.state_dict(), other.model.state_dict()
    equal = [name for name in kept if kept[name].shape == found[name].shape and torch.equal(kept[name], found[name])]
    changed = kept.keys() - equal
    assert changed and all("classifier" in name for name in changed)
    assert all(torch.equal(kept[name], tensor) for name, tensor in same.model.state_dict().items())


def test_an_encoder_of_another_size_is_refused(copied):
    folder = copied("modernbert")
    write_json(folder / "config.json", read_json(folder / "config.json") | {"intermediate_size": 20})
    with pytest.raises(
        UserError, match=r"layers\.0\.mlp\.W\w+\.weight is \[\d+, \d+\] where config\.json asks for \[\d+, \d+\]$"
    ):
        read_pretrained(folder, 0, False, 2, "cls")


def test_an_architecture_that_the_library_does_not_know(copied):
    folder = copied("modernbert")
    write_json(folder / "config.json", read_json(folder / "config.json") | {"model_type": "Unheard"})
    with pytest.raises(UserError) as caught:
        read_pretrained(folder, 0, False, 2, "cls")
    assert "Unheard" in str(caught.value) and "\n" not in str(caught.value)


def test_an_architecture_of_a_package_is_registered_by_it(copied, tmp_path, monkeypatch):
    """GPN; without the package the refusal names it."""
    folder = copied("modernbert")
    write_json(folder / "config.json", read_json(folder / "config.json") | {"model_type": "GPN"})
    with pytest.raises(UserError, match=r"GPN is in the package gpn \(No module named 'gpn'\); install it, or name an"):
        read_pretrained(folder, 0, False, 2, "mean")
    (tmp_path / "gpn").mkdir()
    (tmp_path / "gpn" / "model.py").write_text(
        "from transformers import AutoConfig, AutoModel, ModernBertConfig, ModernBertModel\n"
        "class GPNConfig(ModernBertConfig):\n    model_type = 'GPN'\n"
        "class GPNModel(ModernBertModel):\n    config_class = GPNConfig\n"
        "AutoConfig.register('GPN', GPNConfig)\nAutoModel.register(GPNConfig, GPNModel)\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert type(read_pretrained(folder, 0, False, 2, "mean").model.encoder).__name__ == "GPNModel"


def test_a_mask_that_a_model_does_not_use_keeps_lengths_apart(families, tmp_path):
    """NTv3's forward takes one and ignores it; each text still gives the same in any batch."""
    folder = shutil.copytree(families["code"]["directory"], tmp_path / "mask_unused")
    code = (folder / "modeling_stand_in.py").read_text()
    with_mask = code.replace("inputs_embeds=None, output_h", "attention_mask=None, inputs_embeds=None, output_h")
    (folder / "modeling_stand_in.py").write_text(with_mask)
    pretrained = read_pretrained(folder, 0, True, 2, "mean")
    assert "attention_mask" in inputs_of(pretrained.model) and pretrained.encoder.pad_id is None
    alone = torch.cat([logits(pretrained, EVERY[[entry]]) for entry in EVERY])
    torch.testing.assert_close(logits(pretrained, EVERY), alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["modernbert", "gpt2", "llama", "esm", "bert", "ours"])
def test_texts_share_a_batch_if_padding_is_ignored(read, kind):
    assert read(kind).encoder.pad_id is not None


def test_a_head_that_code_leaves_undefined_is_drawn(families, tmp_path):
    """As Caduceus does: its classifier is in memory as it was found there."""
    folder = shutil.copytree(families["code_classifier"]["directory"], tmp_path / "undefined_head")
    code = (folder / "modeling_stand_in.py").read_text()
    undefined = code.replace("isinstance(module, (nn.Linear, nn.Embedding, nn.Conv1d))", "False")
    (folder / "modeling_stand_in.py").write_text(undefined)
    heads = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        heads.append(read_pretrained(folder, 0, True, 64, "cls").model.score.weight)
    assert torch.equal(heads[0], heads[1]) and not torch.equal(heads[0], heads[2])
    assert float(heads[0].detach().std()) == pytest.approx(0.02, rel=0.2)


def test_words_of_six_bases_may_leave_a_rest():
    """GENERator's tokenizer has no word for it: sequences of other lengths are read nevertheless."""
    assert all(len(PROBE) % size == 0 for size in range(1, 7))


def test_weights_that_code_shares_are_saved(families, tmp_path):
    """As Caduceus does between its two directions; the library refuses to save what the class does not name."""
    folder = shutil.copytree(families["code"]["directory"], tmp_path / "shared_weights")
    code = (folder / "modeling_stand_in.py").read_text()
    layer = "        self.out_proj = nn.Linear(config.d_model, config.d_model)\n"
    shared = layer + layer.replace("out_proj", "again") + "        self.again.weight = self.out_proj.weight\n"
    (folder / "modeling_stand_in.py").write_text(code.replace(layer, shared))
    (folder / "model.safetensors").rename(tmp_path / "old")
    weights = load_file(tmp_path / "old")
    again = {f"again.{name}": weights[f"out_proj.{name}"] for name in ("weight", "bias")}
    torch.save(weights | again, folder / "pytorch_model.bin")
    before = read_pretrained(folder, 0, True, 2, "mean")
    out = tmp_path / "shared_saved"
    out.mkdir()
    before.model.save_pretrained(out)
    before.encoder.save(out)
    after = read_pretrained(out, 0, True, 2, "mean")
    assert not after.fresh_head and torch.equal(logits(before, EVERY), logits(after, EVERY))
