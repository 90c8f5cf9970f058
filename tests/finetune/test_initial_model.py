"""A fit starts from the model of its entry, with a head that depends on the seed only."""

from functools import partial

import torch

from workflow_scripts.finetune.initial_model import initial_model
from workflow_scripts.inference.models import in_head
from workflow_scripts.settings.fit_settings import FitSettings


def test_new_head_depends_on_the_seed_and_the_encoder_does_not(entries):
    for kind, entry in entries.items():
        if kind == "kmer_regression":  # starts at zero
            continue
        load = partial(initial_model, entry, 2, FitSettings(), "full")
        one, two, other = (load(seed=seed).model.state_dict() for seed in (1, 1, 2))
        assert all(torch.equal(one[name], two[name]) for name in one)
        drawn = [name for name in one if not torch.equal(one[name], other[name])]
        assert drawn and (kind == "cnn" or all(map(in_head, drawn)))


def test_each_kind_of_model_has_tokens_of_its_own(entries):
    fingerprints = {initial_model(entry, 2, FitSettings(), "full", 1).encoder.fingerprint for entry in entries.values()}
    assert len(fingerprints) == len(entries)


def test_the_trained_share_is_told(entries, capsys):
    initial = initial_model(entries["ours"], 2, FitSettings(rank=2), "lora", 1)
    trained = sum(parameter.numel() for parameter in initial.model.parameters() if parameter.requires_grad)
    assert 0 < trained < initial.parameters
    told = f"{trained:,} of {initial.parameters:,} parameters are trained ({trained / initial.parameters:.2%})"
    assert told in capsys.readouterr().err.splitlines()
