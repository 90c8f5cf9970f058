"""A saved state is complete, verified, bound to its run and written by one process; failures leave the last one."""

import json
import math
import resource
from pathlib import Path

import numpy as np
import pytest
import torch

from workflow_scripts.common import checkpoints
from workflow_scripts.pretrain import pretrain_model, step, telemetry

pytestmark = pytest.mark.slow


def weights_of(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def errors(captured: str) -> list[str]:
    assert "Traceback" not in captured
    return [line for line in captured.splitlines() if line.startswith("error: ")]


def test_a_run_interrupted_before_its_first_state_starts_again(arguments, read_log, interrupt, tmp_path):
    interrupt(7)
    assert pretrain_model.main(arguments("model", steps=20)) == 130
    assert not (tmp_path / "model").exists()
    assert pretrain_model.main(arguments("model", steps=20)) == 0
    assert pretrain_model.main(arguments("whole", steps=20)) == 0
    assert read_log(tmp_path / "model") == read_log(tmp_path / "whole")
    assert weights_of(tmp_path / "model") == weights_of(tmp_path / "whole")


def test_log_is_truncated_to_the_saved_step_and_an_incomplete_line_is_dropped(tmp_path):
    path = tmp_path / "log.jsonl"
    lines = [json.dumps({"step": step, "loss": 1.0}) for step in (10, 20, 30)]
    path.write_text("\n".join(lines) + '\n{"step": 40, "lo')
    telemetry.Log(path, 20).add({"step": 21})
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [10, 20, 21]
    assert telemetry.Log(path, 0).entries == [] and path.read_text() == ""


def test_two_states_are_kept_and_the_newest_is_used(arguments, interrupt, tmp_path, capsys):
    interrupt(45)
    assert pretrain_model.main(arguments("model")) == 130
    states = sorted(path.name for path in (tmp_path / ".state-model").glob("*.safetensors"))
    assert states == ["step-000000030.safetensors", "step-000000040.safetensors"]
    assert pretrain_model.main(arguments("model")) == 0
    assert "resumed at step 40" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["cut", "empty", "garbage", "one bit", "another step"])
def test_a_damaged_state_is_replaced_by_the_one_before(arguments, read_log, interrupt, tmp_path, capsys, damage):
    interrupt(25)
    assert pretrain_model.main(arguments("model", steps=30)) == 130
    newest = tmp_path / ".state-model" / "step-000000020.safetensors"
    content = newest.read_bytes()
    damaged = {
        "cut": content[: len(content) // 2],
        "empty": b"",
        "garbage": b"x" * len(content),
        "one bit": content[:-100] + bytes([content[-100] ^ 1]) + content[-99:],
        "another step": content.replace(b'"step":"20"', b'"step":"24"'),
    }
    assert damaged[damage] != content
    newest.write_bytes(damaged[damage])
    capsys.readouterr()
    assert pretrain_model.main(arguments("model", steps=30)) == 0
    stderr = capsys.readouterr().err
    assert f"{newest}: not readable" in stderr and "resumed at step 10" in stderr
    assert pretrain_model.main(arguments("whole", steps=30)) == 0
    assert weights_of(tmp_path / "model") == weights_of(tmp_path / "whole")
    assert read_log(tmp_path / "model") == read_log(tmp_path / "whole")


def test_an_unreadable_state_does_not_count_among_those_kept(arguments, interrupt, tmp_path):
    """A state with a later step is one that could not be read; a readable one must not be removed in its favour."""
    interrupt(25)
    assert pretrain_model.main(arguments("model", keep_checkpoints=2)) == 130
    folder = tmp_path / ".state-model"
    (folder / "step-000000020.safetensors").write_bytes(b"")
    interrupt(13)
    assert pretrain_model.main(arguments("model", keep_checkpoints=1, checkpoint_every=12)) == 130
    assert [path.name for path in folder.glob("step-*")] == ["step-000000012.safetensors"]


def test_a_state_of_another_run_is_refused_in_one_line_that_names_the_differences(
    arguments, interrupt, write_shard, planted, tmp_path, capsys
):
    interrupt(25)
    assert pretrain_model.main(arguments("model")) == 130
    folder = tmp_path / ".state-model"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    capsys.readouterr()
    tokens = np.load(planted[0][0])
    other_corpus = [write_shard("other", [np.full(20, 5 + n) for n in range(10)])]
    for changed, difference in (
        (arguments("model", learning_rate=1e-3), "training.learning_rate was 0.005, is 0.001"),
        (arguments("model", architecture={"intermediate_size": 64}), "architecture.intermediate_size was 48, is 64"),
        (arguments("model", seed=7, crop="truncate"), "training.crop was window, is truncate; training.seed was 42"),
        (arguments("model", shards=other_corpus), "corpus was "),
    ):
        assert pretrain_model.main(changed) == 1
        (line,) = errors(capsys.readouterr().err)
        assert line.startswith(
            f"error: {folder / 'step-000000020.safetensors'}: of a run with other settings: {difference}"
        )
        assert line.endswith(f"change them back, or remove {folder} to start anew")
    np.save(planted[0][0], np.where(np.arange(len(tokens)) == 7, 5, tokens))  # one token, the index stays
    assert pretrain_model.main(arguments("model")) == 1
    assert "corpus was " in capsys.readouterr().err
    np.save(planted[0][0], tokens)
    assert not (tmp_path / "model").exists()
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert pretrain_model.main(arguments("model")) == 0


def test_settings_that_do_not_change_the_result_may_change_between_runs(arguments, interrupt, tmp_path, capsys):
    interrupt(25)
    assert pretrain_model.main(arguments("model")) == 130
    how = {"micro_batch_size": 8, "checkpoint_every": 7, "keep_checkpoints": 1, "log_every": 5, "validate_every": 6}
    assert pretrain_model.main(arguments("model", **how)) == 0
    assert "resumed at step 20" in capsys.readouterr().err


def test_a_second_process_is_refused_in_one_line(arguments, tmp_path, capsys):
    with checkpoints.locked_folder(tmp_path / ".state-model"):
        assert pretrain_model.main(arguments("model", steps=3)) == 1
        (line,) = errors(capsys.readouterr().err)
        assert (
            line == f"error: {tmp_path / '.state-model'}: another process is training this model; wait for it or end it"
        )
    assert not (tmp_path / "model").exists()
    assert (tmp_path / ".state-model/lock").exists()  # the file stays, but nobody holds the lock
    assert pretrain_model.main(arguments("model", steps=3)) == 0


@pytest.mark.parametrize(
    ("full", "refusal"),
    [("step-000000020.safetensors", "File too large"), ("log.jsonl", "No space left on device")],
)
def test_a_full_disk_is_reported_in_one_line_and_the_old_state_stays(
    arguments, interrupt, read_log, monkeypatch, tmp_path, capsys, full, refusal
):
    """The kernel itself refuses: files may not grow beyond 4,096 bytes, or the log is in /dev/full."""
    genuine, opened, folder = checkpoints.save_file, Path.open, tmp_path / ".state-model"

    def save_file(tensors, path, metadata):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        if full in path.name:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            genuine(tensors, path, metadata)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def open_full(path, mode="r", *rest, **options):
        disk_is_full = path == folder / full and mode == "a" and len(path.read_text().splitlines()) == 2
        return opened(Path("/dev/full") if disk_is_full else path, mode, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", save_file)
        patch.setattr(Path, "open", open_full)
        assert pretrain_model.main(arguments("model", steps=30)) == 1
    (line,) = errors(capsys.readouterr().err)
    assert line.startswith(f"error: {folder / full}: ") and refusal in line
    assert line.endswith("make room and start again, the last saved state is intact")
    assert [path.name for path in folder.glob("*step*")] == ["step-000000010.safetensors"]
    assert [path.name for path in folder.glob(".*")] == [] and not (tmp_path / "model").exists()
    assert pretrain_model.main(arguments("model", steps=30)) == 0
    assert "resumed at step 10" in capsys.readouterr().err
    assert pretrain_model.main(arguments("whole", steps=30)) == 0
    assert weights_of(tmp_path / "model") == weights_of(tmp_path / "whole")
    assert read_log(tmp_path / "model") == read_log(tmp_path / "whole")


@pytest.mark.parametrize("burst", ["loss", "gradients"])
def test_nan_and_infinity_stop_the_run_in_one_line_before_they_reach_the_weights(
    arguments, tmp_path, capsys, monkeypatch, burst
):
    """In the step after which a state would be saved."""
    genuine = step.MaskedLoss.forward
    passes = 0

    def poisoned(module, *piece):
        nonlocal passes
        loss, sums = genuine(module, *piece)
        if torch.is_grad_enabled():
            passes += 1
            if passes == 20:
                if burst == "loss":
                    return loss * math.nan, sums * math.nan
                loss.register_hook(lambda gradient: gradient * math.inf)
        return loss, sums

    monkeypatch.setattr(step.MaskedLoss, "forward", poisoned)
    assert pretrain_model.main(arguments("model")) == 1
    (line,) = errors(capsys.readouterr().err)
    assert line.startswith(f"error: step 19: the {burst}") and "lower learning_rate" in line
    assert "the last saved state is intact" in line
    states = [path.name for path in (tmp_path / ".state-model").glob("*.safetensors")]
    assert states == ["step-000000010.safetensors"] and not (tmp_path / "model").exists()


def test_mistakes_in_the_settings_write_nothing(arguments, tmp_path, capsys):
    assert pretrain_model.main(arguments("model", micro_batch_size=5)) == 1
    assert pretrain_model.main(arguments("model", speed=5)) == 1
    lines = errors(capsys.readouterr().err)
    assert len(lines) == 2 and "micro_batch_size 5" in lines[0] and "unknown key 'speed'" in lines[1]
    assert not (tmp_path / "model").exists() and not list((tmp_path / ".state-model").glob("*.safetensors"))
