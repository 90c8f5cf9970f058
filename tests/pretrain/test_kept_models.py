"""Every so-many-th step is kept as a model of its own, whatever interrupts the training."""

import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from workflow_scripts.common.token_shards import Corpus
from workflow_scripts.inference.predictor import load
from workflow_scripts.pretrain import batches, pretrain_model

pytestmark = pytest.mark.slow
EVERY = {"steps": 40, "keep_models_every": 12, "checkpoint_every": 5}


@pytest.fixture
def kept(tmp_path):
    """The files of the models that a training has kept, by their paths, as bytes."""

    def kept(name: str) -> dict[str, bytes]:
        folder = tmp_path / "checkpoints" / name
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return kept


def test_kept_models_are_those_of_their_steps_and_load_with_their_tokenizer(arguments, planted, stepper, tmp_path):
    command = arguments("model", **EVERY)
    assert pretrain_model.main(command) == 0
    folder = tmp_path / "checkpoints/model"
    assert sorted(path.name for path in folder.iterdir()) == ["step-12", "step-24", "step-36"]
    expected = stepper(command)
    expected.model.train()
    for step, batch in batches.training_batches(Corpus(planted), 0, expected.training, 24):
        expected.step(batch, step)
        if step + 1 in (12, 24, 36):
            model = AutoModelForMaskedLM.from_pretrained(folder / f"step-{step + 1}")
            weights = dict(expected.model.named_parameters())
            assert all(torch.equal(weights[name], value) for name, value in model.named_parameters())
    tokens = AutoTokenizer.from_pretrained(folder / "step-24")("acgttga")
    assert tokens == AutoTokenizer.from_pretrained(tmp_path / "model")("ACGTTGA")
    assert load(folder / "step-24").embed(["ACGTTGCA"]).shape == (1, 32), "as the directory of a fit is read"


def test_interrupted_runs_keep_the_same_models(arguments, attempts, kept, assert_same_result, tmp_path):
    """Killed while a model is written, before and after it is renamed, and at a state."""
    assert attempts(arguments("whole", **EVERY), {})[0] == [0]
    plan = [
        {"point": "update", "count": 13},
        {"point": "directory", "count": 1},
        {"point": "directory", "count": 1, "after": True},
        {"point": "state", "count": 2},
    ]
    statuses, stderr = attempts(arguments("killed", **EVERY), *plan, {})
    assert statuses == [-9, -9, -9, -9, 0] and stderr.count("resumed at step") >= 3
    assert kept("killed") == kept("whole") and len(kept("whole")) > 3 * 4
    shutil.rmtree(tmp_path / "checkpoints")
    assert_same_result("whole", "killed")


def test_a_new_training_replaces_the_models_of_the_one_before(arguments, kept):
    assert pretrain_model.main(arguments("model", **EVERY)) == 0
    before = kept("model")
    assert pretrain_model.main(arguments("model", **EVERY | {"learning_rate": 1e-4, "keep_models_every": 24})) == 0
    after = kept("model")
    assert {Path(name).parts[0] for name in after} == {"step-24"}
    assert after["step-24/model.safetensors"] != before["step-24/model.safetensors"]


def test_without_the_key_none_are_kept(arguments, tmp_path):
    assert pretrain_model.main(arguments("model", steps=10)) == 0
    assert not (tmp_path / "checkpoints").exists()


def test_a_resumed_run_may_begin_to_keep_models(arguments, interrupt, kept):
    """How often they are kept changes no weights: neither the model nor its unfinished state is bound to it."""
    interrupt(20)
    assert pretrain_model.main(arguments("model", steps=40, checkpoint_every=5)) == 130
    assert pretrain_model.main(arguments("model", **EVERY)) == 0
    assert {Path(name).parts[0] for name in kept("model")} == {"step-24", "step-36"}
