"""Pre-training learns and writes a model that loads; its log, summary and card agree."""

import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, PreTrainedTokenizerFast

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.files import read_json, write_json
from workflow_scripts.common.token_shards import Corpus
from workflow_scripts.inference.masking import MASK
from workflow_scripts.inference.reference_predictors import reference_figures
from workflow_scripts.inference.spelling import Spelling
from workflow_scripts.pretrain import batches, pretrain_model
from workflow_scripts.settings.pretrain import read_training

pytestmark = pytest.mark.slow
VOCABULARY = 24


def value(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def assert_same_weights(one: torch.nn.Module, other: torch.nn.Module) -> None:
    weights, others = dict(one.named_parameters()), dict(other.named_parameters())
    assert set(weights) == set(others)
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def weights_of(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_the_loss_of_masked_places_falls_below_that_of_simple_predictors(arguments, read_log, tmp_path):
    """The planted chunks repeat a token: context tells it, frequencies do not."""
    assert pretrain_model.main(arguments("model")) == 0
    log, summary = read_log(tmp_path / "model"), read_json(tmp_path / "model" / "summary.json")
    losses = [entry["training_mask_loss"] for entry in log if "loss" in entry]
    validations = [entry for entry in log if "mask_loss" in entry]
    assert losses[-1] < losses[0] - 1
    assert validations[0]["mask_loss"] == pytest.approx(math.log(24), abs=0.6)
    assert validations[-1]["mask_loss"] < summary["references"]["unigram_loss"] - 1
    assert validations[-1]["mask_accuracy"] > 0.9 > 0.3 > validations[0]["mask_accuracy"]


def test_a_model_that_only_copies_does_not_pass_for_one_that_learned(arguments, stepper, planted):
    """A model in which each token predicts itself: right at unchanged places, and no better than chance at [MASK]."""
    copying = stepper(arguments("model"))
    model = copying.model
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "layernorm" not in name.lower():
                parameter.zero_()  # what is left of a layer hands its input on
        model.cls.predictions.transform.dense.weight.copy_(torch.eye(model.config.hidden_size))
        one_hot = torch.eye(VOCABULARY, model.config.hidden_size)
        one_hot[MASK] = 0
        model.bert.embeddings.word_embeddings.weight.copy_(one_hot)
    corpus = Corpus(planted)
    batch = batches.validation_batch(corpus, copying.training, VOCABULARY)
    figures = copying.validate(batch).figures()
    unigram = reference_figures(corpus, batch, Spelling(kmer_tokenizers.build("kmer", 2)))["unigram_loss"]
    assert figures["unchanged_accuracy"] == 1
    assert figures["mask_loss"] > unigram - 0.05, "to copy is to know nothing"


def test_log_summary_and_card_agree(arguments, read_log, tmp_path):
    assert pretrain_model.main(arguments("model", steps=25)) == 0
    log, summary = read_log(tmp_path / "model"), read_json(tmp_path / "model" / "summary.json")
    assert [entry["step"] for entry in log if "loss" in entry] == [10, 20, 25]
    assert [entry["step"] for entry in log if "mask_loss" in entry] == [0, 20, 25]
    assert [entry["tokens"] for entry in log if "loss" in entry] == [step * 32 * 16 for step in (10, 20, 25)]
    training = read_training(value(arguments("model", steps=25), "--training"))
    assert log[1]["learning_rate"] == training.learning_rate_at(9)
    for name in ("mask_loss", "mask_accuracy", "mask_bits_per_base", "unchanged_loss", "objective"):
        assert summary[name] == log[-1][name]
    assert summary["tokens_seen"] == 25 * 32 * 16 and summary["training_chunks"] == 270
    assert summary["settings"] == training.model_dump()
    assert f"{summary['mask_loss']:.4f}" in (tmp_path / "model" / "README.md").read_text()
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "model")
    assert summary["parameters"] == sum(parameter.numel() for parameter in model.parameters())


def test_saved_model_is_the_trained_one(arguments, planted, stepper, tmp_path):
    """Trained step by step here and by the program: every parameter is the same after saving and loading."""
    command = arguments("model", steps=12)
    assert pretrain_model.main(command) == 0
    expected = stepper(command)
    expected.model.train()
    for step, batch in batches.training_batches(Corpus(planted), 0, expected.training, 24):
        expected.step(batch, step)
    expected.model.save_pretrained(tmp_path / "saved")
    assert_same_weights(AutoModelForMaskedLM.from_pretrained(tmp_path / "saved"), expected.model)
    assert_same_weights(AutoModelForMaskedLM.from_pretrained(tmp_path / "model"), expected.model)
    with pytest.raises(AssertionError):
        assert_same_weights(stepper(command).model, expected.model)


def test_model_directory_is_complete_and_the_state_is_removed(arguments, tokenizer_folder, tmp_path):
    assert pretrain_model.main(arguments("model", steps=12)) == 0
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"} <= names
    assert {"log.jsonl", "summary.json", "configuration.py", "modeling.py", "attention.py"} <= names
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path / "model", capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count(": OK") == 4
    assert not (tmp_path / ".state-model").exists()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / "model")
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "model")
    logits = model(**tokenizer("ACGTTGA", return_tensors="pt")).logits
    assert logits.shape[-1] == 24 and model.config.pad_token_id == tokenizer.pad_token_id == 3


def test_a_training_of_no_steps_writes_the_initial_weights(arguments, stepper, read_log, tmp_path):
    command = arguments("model", steps=0, warmup_steps=0)
    assert pretrain_model.main(command) == 0
    assert_same_weights(AutoModelForMaskedLM.from_pretrained(tmp_path / "model"), stepper(command).model)
    assert [entry["step"] for entry in read_log(tmp_path / "model")] == [0]
    assert read_json(tmp_path / "model" / "summary.json")["tokens_seen"] == 0


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(arguments, tmp_path):
    for name, seed in (("one", 42), ("two", 42), ("three", 43)):
        assert pretrain_model.main(arguments(name, steps=6, seed=seed)) == 0
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "two") != weights_of(tmp_path / "three")


def test_micro_batches_do_not_change_the_loss(arguments, read_log, tmp_path):
    """Except for rounding, and for dropout, which is drawn per micro-batch."""
    logs = []
    for size in (32, 8, 2):
        command = arguments(
            f"micro{size}", architecture={"hidden_dropout_prob": 0.0}, steps=8, log_every=1, micro_batch_size=size
        )
        assert pretrain_model.main(command) == 0
        logs.append([entry.get("loss", entry.get("mask_loss")) for entry in read_log(tmp_path / f"micro{size}")])
    assert len(logs[0]) == 8 + 2
    assert logs[1] == pytest.approx(logs[0], rel=1e-4) and logs[2] == pytest.approx(logs[0], rel=1e-4)


def test_bfloat16_arithmetic_keeps_weights_in_32_bits_and_the_loss_close(arguments, read_log, tmp_path):
    for precision in ("fp32", "bf16"):
        assert pretrain_model.main(arguments(precision, steps=10, precision=precision)) == 0
    close = [[entry.get("loss", 0) for entry in read_log(tmp_path / name)] for name in ("fp32", "bf16")]
    assert close[0] != close[1] and close[1] == pytest.approx(close[0], rel=0.02)
    assert AutoModelForMaskedLM.from_pretrained(tmp_path / "bf16").dtype == torch.float32


def test_validation_of_a_model_that_knows_nothing_has_exact_figures(arguments, planted, stepper):
    """With zero weights all tokens are equally likely: ln V nats per token."""
    blank = stepper(arguments("model"))
    with torch.no_grad():
        for parameter in blank.model.parameters():
            parameter.zero_()
    tally = blank.validate(batches.validation_batch(Corpus(planted), blank.training, 24))
    for kind in ("mask", "replaced", "unchanged"):
        assert tally.figures()[f"{kind}_loss"] == pytest.approx(math.log(24), rel=1e-5)
        assert tally.figures()[f"{kind}_accuracy"] == 0  # argmax of equal logits is [UNK], which is never a label
    assert blank.model.training


def test_a_training_without_validation_chunks_says_so_in_its_card(arguments, write_shard, read_log, tmp_path):
    shards = [write_shard("plain", [np.full(20, 5 + n) for n in range(10)])]
    assert pretrain_model.main(arguments("model", shards=shards, steps=4)) == 0
    assert [entry["step"] for entry in read_log(tmp_path / "model")] == [4]
    assert read_json(tmp_path / "model" / "summary.json")["references"] is None
    assert "It was not validated" in (tmp_path / "model" / "README.md").read_text()


def test_the_resolved_configuration_sets_only_what_does_not_change_the_result(arguments, tmp_path, capsys):
    """Micro-batch size and checkpoints are taken from the configuration; steps and learning rate are not."""
    configuration = tmp_path / "configuration.json"
    training = {"micro_batch_size": 8, "checkpoint_every": 3, "steps": 1000, "learning_rate": 1.0}
    write_json(configuration, {"configuration": {"pretrain": {"tiny": {"training": training}}}, "snakemake": "9.27"})
    command = [*arguments("model", steps=5), "--configuration", str(configuration)]
    assert pretrain_model.main(command) == 0
    settings = read_json(tmp_path / "model" / "summary.json")["settings"]
    assert (settings["micro_batch_size"], settings["checkpoint_every"]) == (8, 3)
    assert (settings["steps"], settings["learning_rate"]) == (5, 5e-3)
    command[command.index("--name") + 1] = "other"
    assert pretrain_model.main(command) == 1
    message = f"error: {configuration}: configuration.pretrain has no model 'other'; it has tiny"
    assert message in capsys.readouterr().err
