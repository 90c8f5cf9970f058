"""Pre-training learns, writes a model that loads, and an interruption leaves no trace in the result."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForMaskedLM, PreTrainedTokenizerFast

from workflow_scripts.common.files import read_json
from workflow_scripts.common.hashing import stable_hash
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM
from workflow_scripts.pretrain import data, train
from workflow_scripts.pretrain.settings import read_training

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def interrupt(monkeypatch):
    """Lets the next training stop as by Ctrl-C before a step."""
    genuine = train.training_step

    def interrupt(step: int) -> None:
        def interrupted(*parts):
            if parts[4] == step:
                monkeypatch.setattr(train, "training_step", genuine)
                raise KeyboardInterrupt
            return genuine(*parts)

        monkeypatch.setattr(train, "training_step", interrupted)

    return interrupt


def value(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def initial_model(arguments: list[str]) -> DnaBert2ForMaskedLM:
    """The model before its first step."""
    config = DnaBert2Config(vocab_size=24, **json.loads(value(arguments, "--architecture")))
    torch.manual_seed(stable_hash(42, "initial weights"))
    return DnaBert2ForMaskedLM(config)


def assert_same_weights(one: torch.nn.Module, other: torch.nn.Module) -> None:
    weights, others = dict(one.named_parameters()), dict(other.named_parameters())
    assert set(weights) == set(others)
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def weights_of(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def errors(captured: str) -> list[str]:
    assert "Traceback" not in captured
    return [line for line in captured.splitlines() if line.startswith("error: ")]


def test_loss_falls_below_what_a_predictor_without_context_can_reach(arguments, read_log, tmp_path):
    assert train.main(arguments("model")) == 0
    log, summary = read_log(tmp_path / "model"), read_json(tmp_path / "model" / "summary.json")
    losses = [entry["loss"] for entry in log if "loss" in entry]
    validations = [entry for entry in log if "validation_loss" in entry]
    assert losses[-1] < losses[0] - 1
    assert validations[0]["validation_loss"] == pytest.approx(math.log(24), abs=0.6)
    assert validations[-1]["validation_loss"] < summary["unigram_entropy"] - 1
    assert validations[-1]["validation_accuracy"] > 0.9 > 0.3 > validations[0]["validation_accuracy"]


def test_log_summary_and_card_agree(arguments, read_log, tmp_path):
    assert train.main(arguments("model", steps=25)) == 0
    log, summary = read_log(tmp_path / "model"), read_json(tmp_path / "model" / "summary.json")
    assert [entry["step"] for entry in log if "loss" in entry] == [10, 20, 25]
    assert [entry["step"] for entry in log if "validation_loss" in entry] == [0, 20, 25]
    assert [entry["tokens"] for entry in log if "loss" in entry] == [step * 32 * 16 for step in (10, 20, 25)]
    training = read_training(value(arguments("model", steps=25), "--training"))
    assert log[1]["learning_rate"] == training.learning_rate_at(9)
    for name in ("validation_loss", "validation_accuracy", "bits_per_base"):
        assert summary[name] == log[-1][name]
    assert summary["tokens_seen"] == 25 * 32 * 16 and summary["training_chunks"] == 270
    assert summary["settings"] == training.__dict__
    assert f"{summary['validation_loss']:.4f}" in (tmp_path / "model" / "README.md").read_text()
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "model")
    assert summary["parameters"] == sum(parameter.numel() for parameter in model.parameters())


def test_saved_model_is_the_trained_one(arguments, planted, tmp_path):
    """Trained here by hand and by the program: every parameter is the same after saving and loading."""
    command = arguments("model", steps=12)
    assert train.main(command) == 0
    model, training = initial_model(command), read_training(value(command, "--training"))
    train.train(model, data.Corpus(planted), training, np.ones(24), tmp_path / "by hand", "mark")
    model.save_pretrained(tmp_path / "saved")
    assert_same_weights(AutoModelForMaskedLM.from_pretrained(tmp_path / "saved"), model)
    assert_same_weights(AutoModelForMaskedLM.from_pretrained(tmp_path / "model"), model)
    with pytest.raises(AssertionError):
        assert_same_weights(initial_model(command), model)


def test_directory_is_complete_and_the_state_is_gone(arguments, tokenizer_folder, tmp_path):
    assert train.main(arguments("model", steps=12)) == 0
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"} <= names
    assert {"log.jsonl", "summary.json", "configuration.py", "modeling.py", "attention.py"} <= names
    assert not (tmp_path / ".state-model").exists()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / "model")
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "model")
    logits = model(**tokenizer("ACGTTGA", return_tensors="pt")).logits
    assert logits.shape[-1] == 24 and model.config.pad_token_id == tokenizer.pad_token_id == 3


def test_no_steps_write_the_initial_weights(arguments, read_log, tmp_path):
    command = arguments("model", steps=0, warmup_steps=0)
    assert train.main(command) == 0
    assert_same_weights(AutoModelForMaskedLM.from_pretrained(tmp_path / "model"), initial_model(command))
    assert [entry["step"] for entry in read_log(tmp_path / "model")] == [0]
    assert read_json(tmp_path / "model" / "summary.json")["tokens_seen"] == 0


def test_same_seed_same_weights_and_another_seed_others(arguments, tmp_path):
    for name, seed in (("one", 42), ("two", 42), ("three", 43)):
        assert train.main(arguments(name, steps=6, seed=seed)) == 0
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "two") != weights_of(tmp_path / "three")


def test_micro_batches_do_not_change_the_loss(arguments, read_log, tmp_path):
    """But for rounding, and for dropout, which is drawn per micro-batch."""
    logs = []
    for size in (32, 8, 1):
        command = arguments(
            f"micro{size}", architecture={"hidden_dropout_prob": 0.0}, steps=8, log_every=1, micro_batch_size=size
        )
        assert train.main(command) == 0
        logs.append([entry.get("loss", entry.get("validation_loss")) for entry in read_log(tmp_path / f"micro{size}")])
    assert len(logs[0]) == 8 + 2
    assert logs[1] == pytest.approx(logs[0], rel=1e-4) and logs[2] == pytest.approx(logs[0], rel=1e-4)


def test_bfloat16_arithmetic_keeps_weights_in_32_bits_and_the_loss_close(arguments, read_log, tmp_path):
    for precision in ("fp32", "bf16"):
        assert train.main(arguments(precision, steps=10, precision=precision)) == 0
    close = [[entry.get("loss", 0) for entry in read_log(tmp_path / name)] for name in ("fp32", "bf16")]
    assert close[0] != close[1] and close[1] == pytest.approx(close[0], rel=0.02)
    assert AutoModelForMaskedLM.from_pretrained(tmp_path / "bf16").dtype == torch.float32


def test_validation_of_a_model_that_knows_nothing_has_exact_figures(arguments, planted):
    """With weights of zero every token is as likely as another: ln V nats a token."""
    command = arguments("model")
    model, training = initial_model(command), read_training(value(command, "--training"))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    batch = data.validation_batch(data.Corpus(planted), training, 24)
    bases = np.arange(24)
    figures = train.validate(model, batch, training, bases)
    targets = batch[1][batch[1] != data.IGNORED]
    assert figures["validation_loss"] == pytest.approx(math.log(24), rel=1e-5)
    assert figures["bits_per_base"] == pytest.approx(len(targets) * math.log2(24) / targets.sum(), rel=1e-5)
    assert figures["validation_accuracy"] == 0  # the first of equals is [UNK], which is never to be predicted
    assert model.training


def test_corpus_without_validation_chunks_is_trained_on_and_says_so(arguments, write_shard, read_log, tmp_path):
    shards = [write_shard("plain", [np.full(20, 5 + n) for n in range(10)])]
    assert train.main(arguments("model", shards=shards, steps=4)) == 0
    assert [entry["step"] for entry in read_log(tmp_path / "model")] == [4]
    assert read_json(tmp_path / "model" / "summary.json")["unigram_entropy"] is None
    assert "It was not validated" in (tmp_path / "model" / "README.md").read_text()


def test_killed_at_random_moments_it_ends_with_the_same_bytes(arguments, read_log, tmp_path):
    commands = [arguments(name, steps=160, checkpoint_every=5, log_every=5) for name in ("whole", "killed")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    script = Path(__file__).with_name("interrupted.py")
    done = subprocess.run(
        [sys.executable, str(script), *map(json.dumps, commands)],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("killed with state") == 3 and done.stderr.count("resumed at step") >= 2
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert read_log(killed) == read_log(whole)
    assert [entry["step"] for entry in read_log(killed) if "loss" in entry] == list(range(5, 161, 5))
    assert {path.name for path in killed.iterdir()} == {path.name for path in whole.iterdir()}
    for path in whole.iterdir():
        if path.name != "log.jsonl":
            assert (killed / path.name).read_bytes() == path.read_bytes(), path.name
    assert not (tmp_path / ".state-killed").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_interrupted_before_the_first_state_it_begins_anew(arguments, read_log, interrupt, tmp_path):
    interrupt(7)
    assert train.main(arguments("model", steps=20)) == 130
    assert not (tmp_path / "model").exists()
    assert train.main(arguments("model", steps=20)) == 0
    assert train.main(arguments("whole", steps=20)) == 0
    assert read_log(tmp_path / "model") == read_log(tmp_path / "whole")
    assert weights_of(tmp_path / "model") == weights_of(tmp_path / "whole")


def test_log_is_cut_back_to_the_saved_step_and_a_torn_line_is_dropped(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = [json.dumps({"step": step, "loss": 1.0}) for step in (10, 20, 30)]
    path.write_text("\n".join(lines) + '\n{"step": 40, "lo')
    train.Log(path, 20).add({"step": 21})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [10, 20, 21]
    assert train.Log(path, 0).entries == [] and path.read_text() == ""


def test_two_states_are_kept_and_the_newest_is_taken(arguments, interrupt, tmp_path, capsys):
    interrupt(45)
    assert train.main(arguments("model")) == 130
    states = sorted(path.name for path in (tmp_path / ".state-model").glob("*.safetensors"))
    assert states == ["step-000000030.safetensors", "step-000000040.safetensors"]
    assert train.main(arguments("model")) == 0
    assert "resumed at step 40" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage"])
def test_damaged_state_falls_back_to_the_one_before(arguments, read_log, interrupt, tmp_path, capsys, damage):
    interrupt(25)
    assert train.main(arguments("model", steps=30)) == 130
    newest = tmp_path / ".state-model" / "step-000000020.safetensors"
    content = newest.read_bytes()
    newest.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "garbage": b"x" * len(content)}[damage])
    assert train.main(arguments("model", steps=30)) == 0
    captured = capsys.readouterr()
    assert f"{newest}: not readable" in captured.out and "resumed at step 10" in captured.err
    assert train.main(arguments("whole", steps=30)) == 0
    assert weights_of(tmp_path / "model") == weights_of(tmp_path / "whole")
    assert read_log(tmp_path / "model") == read_log(tmp_path / "whole")


def test_state_of_another_run_is_refused_in_one_line(arguments, interrupt, write_shard, tmp_path, capsys):
    interrupt(25)
    assert train.main(arguments("model")) == 130
    state = tmp_path / ".state-model"
    before = {path.name: path.read_bytes() for path in state.iterdir()}
    other_corpus = [write_shard("other", [np.full(20, 5 + n) for n in range(10)])]
    capsys.readouterr()
    for changed in (
        arguments("model", learning_rate=1e-3),
        arguments("model", architecture={"intermediate_size": 64}),
        arguments("model", shards=other_corpus),
    ):
        assert train.main(changed) == 1
        (line,) = errors(capsys.readouterr().err)
        assert line.startswith(f"error: {state / 'step-000000020.safetensors'}: saved by a run with other settings")
        assert line.endswith(f"remove {state} to start anew")
    assert not (tmp_path / "model").exists()
    assert before == {path.name: path.read_bytes() for path in state.iterdir()}
    assert train.main(arguments("model")) == 0


def test_a_loss_that_is_no_number_stops_in_one_line_and_keeps_the_state(arguments, tmp_path, capsys, monkeypatch):
    genuine = train.training_step

    def poisoned(model, optimizer, batch, training, step):
        if step == 15:
            with torch.no_grad():
                model.cls.predictions.decoder.bias[7] = math.nan
        return genuine(model, optimizer, batch, training, step)

    monkeypatch.setattr(train, "training_step", poisoned)
    assert train.main(arguments("model")) == 1
    (line,) = errors(capsys.readouterr().err)
    assert line.startswith("error: step 15: the loss is nan; lower learning_rate")
    states = [path.name for path in (tmp_path / ".state-model").glob("*.safetensors")]
    assert states == ["step-000000010.safetensors"] and not (tmp_path / "model").exists()


def test_mistakes_in_the_settings_write_nothing(arguments, tmp_path, capsys):
    assert train.main(arguments("model", micro_batch_size=5)) == 1
    assert train.main(arguments("model", speed=5)) == 1
    lines = errors(capsys.readouterr().err)
    assert len(lines) == 2 and "micro_batch_size 5" in lines[0] and "unknown key 'speed'" in lines[1]
    assert not (tmp_path / "model").exists() and not (tmp_path / ".state-model").exists()
