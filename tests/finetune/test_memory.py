"""Frozen layers, recomputed activations, and the estimate of a fit's memory."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import EsmConfig, EsmForSequenceClassification

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import read_json
from workflow_scripts.finetune.initial_model import initial_model
from workflow_scripts.finetune.lora import with_lora
from workflow_scripts.finetune.memory import estimate, freeze, layers_of, out_of_memory, recompute
from workflow_scripts.inference.models import in_head, read_pretrained
from workflow_scripts.settings.fit_settings import FitSettings

KINDS = {"ours": "bert.encoder.layer.0.", "esm": "esm.encoder.layer.0.", "bert": "bert.encoder.layer.0."}


def model_of(entries, kind: str, method: str = "full", **settings) -> torch.nn.Module:
    targets = {"targets": ["Wqkv"] if kind == "ours" else ["query"]}
    return initial_model(entries[kind], 2, FitSettings(**targets | settings), method, 42).model


def trained(model: torch.nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize("kind", KINDS)
def test_frozen_are_the_embedding_and_the_first_layers(entries, kind):
    every, rest = trained(model_of(entries, kind)), trained(model_of(entries, kind, freeze=1))
    frozen = every - rest
    assert all("embeddings" in name or name.startswith(KINDS[kind]) for name in frozen)
    assert all(any(part in name for name in frozen) for part in ("word_embeddings.weight", KINDS[kind]))
    assert not any("embeddings" in name or name.startswith(KINDS[kind]) for name in rest)
    assert all(name in rest for name in every if in_head(name))


def test_no_more_layers_are_frozen_than_there_are(entries):
    assert len(layers_of(model_of(entries, "bert"))) == 2
    with pytest.raises(UserError, match=r"^freeze: 3: the model has 2 layers$"):
        model_of(entries, "bert", freeze=3)


def test_adapters_of_frozen_layers_are_frozen_too(entries):
    rest = trained(model_of(entries, "ours", "lora", freeze=1))
    assert any("layer.1" in name for name in rest) and not any("layer.0" in name for name in rest)
    assert any("classifier" in name for name in rest)


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("kind", KINDS)
def test_recomputed_activations_give_the_same_gradients(entries, kind, method):
    """Dropout included; and less is kept between the passes."""
    found, kept = {}, {}
    for checkpointing in (False, True):
        model = model_of(entries, kind, method, checkpointing=checkpointing).train()
        ids = torch.arange(8, 20).repeat(4, 1)
        torch.manual_seed(3)
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            loss = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.square().sum()
        kept[checkpointing] = sum(sizes)
        loss.backward()
        found[checkpointing] = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert found[False].keys() == found[True].keys() and found[True]
    for name, gradient in found[False].items():
        torch.testing.assert_close(found[True][name], gradient)
    assert kept[True] < 0.7 * kept[False]


def test_a_model_that_cannot_recompute_is_told():
    with pytest.raises(UserError, match=r"^checkpointing: Linear does not support it; set it to false"):
        recompute(torch.nn.Linear(2, 2))


def test_the_largest_nucleotide_transformer_fits_24_gigabytes_by_lora():
    """2.5 billion parameters (config/paper_models.tsv), without memory for them: tensors of the meta device."""
    with torch.device("meta"):
        sizes = {"hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 20, "intermediate_size": 10240}
        config = EsmConfig(vocab_size=4105, pad_token_id=1, mask_token_id=2, max_position_embeddings=1002, **sizes)
        model = EsmForSequenceClassification(config)
        full = sum(parameter.numel() for parameter in model.parameters())
        settings = FitSettings(targets=["query", "value"], micro_batch_size=8, checkpointing=True, precision="bf16")
        adapted = with_lora(model, settings, 42)
    assert full == pytest.approx(2.537e9, rel=0.01)
    small = estimate(adapted, settings, 100)
    assert 10e9 < small.total < 12e9 and small.weights > 0.9 * small.total
    kept = estimate(adapted, settings.model_copy(update={"checkpointing": False, "micro_batch_size": 0}), 1000)
    assert kept.total > 80e9  # what the two settings are for
    for parameter in adapted.parameters():
        parameter.requires_grad = True
    assert estimate(adapted, settings, 100).total > 24e9  # and LoRA


def test_activations_grow_with_rows_tokens_and_precision(entries):
    model = model_of(entries, "bert")
    base = estimate(model, FitSettings(batch_size=8, precision="bf16"), 100)
    for changes, tokens in (({"batch_size": 16}, 100), ({"precision": "fp32"}, 100), ({}, 200)):
        other = estimate(model, FitSettings(**{"batch_size": 8, "precision": "bf16"} | changes), tokens)
        assert other.activations == 2 * base.activations and other.weights == base.weights
    freeze(model, 2)
    assert estimate(model, FitSettings(batch_size=8, precision="bf16"), 100).training < base.training / 2
    assert str(base).startswith("memory: about 0.0 GB; weights 0.0")


def test_what_helps_when_memory_ends():
    told = str(out_of_memory(FitSettings(batch_size=32)))
    assert told == "the GPU has no memory left; set micro_batch_size below 32, set checkpointing: true"
    assert "use LoRA" in str(out_of_memory(FitSettings(micro_batch_size=1, checkpointing=True)))


@pytest.mark.slow
def test_a_fit_with_frozen_layers_changes_the_others_only(fit, entries, capsys):
    folder = fit("bert", freeze=1, checkpointing=True)
    assert "memory: about" in capsys.readouterr().err
    before = read_pretrained(Path(entries["bert"]["directory"]), 3, outputs=2).model.state_dict()
    after = read_pretrained(folder / "model", 3).model.state_dict()
    equal = {name for name in before if torch.equal(before[name], after[name])}
    assert all(name in equal for name in before if "embeddings" in name or "layer.0." in name)
    assert not any("layer.1." in name for name in equal)
    metrics = read_json(folder / "metrics.json")
    assert metrics["trainable_parameters"] < metrics["parameters"] and np.isfinite(metrics["test"]["loss"])
