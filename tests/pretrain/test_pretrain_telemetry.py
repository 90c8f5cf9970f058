"""What a run reports: figures that can be checked by hand, TensorBoard if it is installed, and warnings."""

import json
import sys
import types

import pytest
import torch

from workflow_scripts.model import DnaBert2Config
from workflow_scripts.pretrain import pretrain_model, telemetry
from workflow_scripts.settings.pretrain import Training

PAPER = Training()
CONFIG = DnaBert2Config()


@pytest.mark.slow
def test_a_line_of_the_log_has_quality_and_cost(arguments, tmp_path):
    assert pretrain_model.main(arguments("model", steps=20)) == 0
    entries = [json.loads(line) for line in (tmp_path / "model" / "log.jsonl").open()]
    line = [entry for entry in entries if "loss" in entry][-1]
    assert line["tokens_per_second"] == pytest.approx(32 * 16 / line["step_seconds"])
    assert line["memory_mb"] > 50 and "mfu" not in line
    assert line["training_mask_loss"] > 0 and line["training_mask_loss"] != line["loss"], "of [MASK], and of all places"


def test_operations_of_the_papers_model():
    """Each weight in a matrix product costs 6 operations per token; a layer has 4 x 768^2 + 3 x 768 x 3072 weights."""
    layers = 12 * (4 * 768**2 + 3 * 768 * 3072)
    assert telemetry.flops(CONFIG, 1, 0, 0) == 6 * layers == 679_477_248
    attention = 12 * 12 * 128 * 768
    assert telemetry.flops(CONFIG, 128, 128, 0) == 128 * (6 * layers + attention)
    assert telemetry.flops(CONFIG, 0, 128, 10) == 10 * 6 * (768**2 + 768 * 4096)


def test_mfu_is_logged_on_a_known_gpu_only(monkeypatch):
    gpu = torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: 3 * 2**20)
    for name, precision, share in (
        ("NVIDIA H200", "bf16", True),
        ("NVIDIA H200", "fp32", False),
        ("NVIDIA Unheard-Of", "bf16", False),
    ):
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device, name=name: name)
        meter = telemetry.Meter(CONFIG, Training(precision=precision), gpu, processes=2)
        meter.add(seconds=0.5, masked=78_643)
        meter.add(seconds=1.5, masked=78_643)
        cost = meter.cost()
        assert cost["tokens_per_second"] == 524_288 and cost["step_seconds"] == 1 and cost["memory_mb"] == 3
        assert ("mfu" in cost) == share
        if share:
            work = telemetry.flops(CONFIG, 2 * 524_288, 128, 2 * 78_643)
            assert cost["mfu"] == pytest.approx(work / 2 / (2 * 989e12))


def test_a_run_that_learns_nothing_from_context_causes_a_warning_after_warm_up():
    """However low its loss over all places is: a tenth of these can be copied."""
    stuck, learning = {"mask_loss": 7.5, "objective": 6.0}, {"mask_loss": 6.8, "objective": 6.0}
    assert telemetry.warning(PAPER, 30_000, stuck, 6.9, 4096) is None
    line = telemetry.warning(PAPER, 30_001, stuck, 6.9, 4096)
    assert line.startswith("warning: step 30,001: the loss of [MASK] places, 7.500, is not below 6.900")
    assert telemetry.warning(PAPER, 30_001, learning, 6.9, 4096) is None


@pytest.mark.parametrize(
    ("training", "step", "loss", "vocab_size", "warned"),
    [
        (PAPER, 250_000, 5.05, 4096, True),
        (PAPER, 250_000, 4.6, 4096, False),
        (PAPER, 240_000, 5.05, 4096, False),
        (PAPER, 250_000, 5.05, 512, False),
        (Training(steps=20_000, warmup_steps=10, batch_size=512), 20_000, 5.05, 4096, False),
    ],
)
def test_a_late_run_with_the_loss_at_which_others_got_stuck_causes_a_warning(training, step, loss, vocab_size, warned):
    line = telemetry.warning(training, step, {"mask_loss": 5.4, "objective": loss}, 6.9, vocab_size)
    assert (line is not None) == warned
    assert not warned or ("5.03" in line and "4.3" in line)


@pytest.mark.slow
def test_a_warning_is_printed_once_and_does_not_stop_the_run(arguments, capsys):
    assert pretrain_model.main(arguments("model", learning_rate=1e-9, steps=15, validate_every=4)) == 0
    assert capsys.readouterr().err.count("warning: step 8: the loss of [MASK] places") == 1


@pytest.mark.slow
def test_tensorboard_gets_every_figure_once_when_a_run_resumes(arguments, interrupt, tmp_path, monkeypatch):
    """A fake writer keeps its events in a text file."""

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            (tmp_path / ".state-model" / "tensorboard").mkdir(exist_ok=True)
            self.path = tmp_path / ".state-model" / "tensorboard" / "events"
            lines = self.path.read_text().splitlines() if self.path.exists() else []
            kept = [line for line in lines if json.loads(line)[2] < purge_step]
            self.path.write_text("".join(f"{line}\n" for line in kept))

        def add_scalar(self, name, value, step):
            with self.path.open("a") as handle:
                handle.write(json.dumps([name, value, step]) + "\n")

        def flush(self):
            pass

    module = types.SimpleNamespace(SummaryWriter=SummaryWriter)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    interrupt(15)
    assert pretrain_model.main(arguments("model", steps=30, tensorboard=True)) == 130
    assert pretrain_model.main(arguments("model", steps=30, tensorboard=True)) == 0
    written = [json.loads(line) for line in (tmp_path / "model" / "tensorboard" / "events").open()]
    entries = [json.loads(line) for line in (tmp_path / "model" / "log.jsonl").open()]
    assert written == [[name, value, e["step"]] for e in entries for name, value in e.items() if name != "step"]


def test_missing_tensorboard_is_reported_in_one_line(arguments, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert pretrain_model.main(arguments("model", tensorboard=True)) == 1
    assert "error: training.tensorboard: the package tensorboard is missing" in capsys.readouterr().err
