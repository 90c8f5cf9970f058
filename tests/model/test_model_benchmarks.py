"""The benchmarks compare equal models, and their checks find a wrong backend."""

from collections import Counter

import pytest
import torch

from benchmarks import finetune, gpu, gpu_fits, pretrain
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM, attention

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


@pytest.fixture
def tiny() -> DnaBert2Config:
    """A small model with weights large enough to have the effect of those of a wide model."""
    sizes = {"vocab_size": 40, "hidden_size": 32, "num_attention_heads": 4, "intermediate_size": 48}
    return DnaBert2Config(**sizes, num_hidden_layers=2, initializer_range=0.15)


@pytest.fixture
def both(tiny):
    """Model and peer, without dropout."""
    both = pretrain.contenders(tiny, CPU)
    for contender in both.values():
        contender.model.eval()
    return both


def test_the_peer_has_the_same_parameters():
    with torch.device("meta"):
        model = DnaBert2ForMaskedLM(DnaBert2Config())
        plain = pretrain.PlainModel(model)
    assert sum(parameter.numel() for parameter in plain.parameters()) == 117_074_176


def test_a_batch_is_mixed_masked_and_padded():
    batch = pretrain.make_batch([1000, 700, 300], 4096, 1, CPU)
    assert batch.mask.sum(dim=1).tolist() == [1000, 700, 300] and batch.tokens == 2000
    chosen = batch.labels != pretrain.IGNORED
    assert not (chosen & (batch.mask == 0)).any() and 0.13 < chosen.sum() / 2000 < 0.17
    assert torch.equal(batch.ids == pretrain.MASK, chosen)
    assert pretrain.make_batch([5, 5], 40, 1, CPU).mask is None


@pytest.mark.parametrize("lengths", [[20, 20], [30, 11, 4]])
def test_model_and_peer_have_the_same_loss_and_gradients(both, lengths):
    batch = pretrain.make_batch(lengths, 40, 1, CPU)
    losses = {name: contender.loss(contender.model, batch) for name, contender in both.items()}
    torch.testing.assert_close(losses["model"], losses["plain"])
    for loss in losses.values():
        loss.backward()
    ours = {name: parameter.grad for name, parameter in both["model"].model.named_parameters()}
    theirs = dict(both["plain"].model.named_parameters())
    ours["cls.predictions.decoder.weight"] = ours["bert.embeddings.word_embeddings.weight"]
    for name, gradient in pretrain.plain_weights(ours).items():
        if name in theirs:
            torch.testing.assert_close(theirs[name].grad, gradient, rtol=1e-4, atol=1e-6)


def test_the_table_has_a_line_per_batch_and_precision(tiny):
    lines = list(pretrain.measure(tiny, {"2 rows of 20": [20, 20], "mixed": [30, 11, 4]}, 1))
    assert [line.split(" | ")[:2] for line in lines] == [
        ["| 2 rows of 20", "fp32"],
        ["| 2 rows of 20", "bf16"],
        ["| mixed", "fp32"],
        ["| mixed", "bf16"],
    ]


@pytest.fixture
def few(monkeypatch):
    """Fewer and shorter rows than on a GPU, but more than one block."""
    monkeypatch.setattr(gpu, "MIXED", [130, 2, 127])


@pytest.mark.parametrize("positions", ["alibi", "learned", "rotary"])
def test_the_checks_pass_on_a_cpu_for_every_backend_of_a_cpu(tiny, few, positions):
    tiny.positions = positions
    checked = list(gpu.checks(tiny, CPU, [torch.float32, torch.bfloat16]))
    assert all(check.passed for check in checked), [check.line() for check in checked]
    kinds = Counter((check.backend, check.precision) for check in checked)
    for precision in ("float32", "bfloat16"):  # flex has no gradients on a CPU
        golden = positions == "alibi"
        assert kinds["sdpa", precision] == 3 + golden and kinds["flex", precision] == 2 + golden
    assert all(check.allowed == 1e-4 for check in checked if check.precision == "float32")


@pytest.mark.parametrize("fault", ["steeper", "sequences mixed", "not a number"])
def test_the_checks_find_a_wrong_backend(tiny, few, monkeypatch, fault):
    right = attention.BACKENDS["flex"]

    def wrong(slopes, packing, dtype):
        if fault == "steeper":
            return right(1.05 * slopes, packing, dtype)
        if fault == "sequences mixed":
            monkeypatch.setattr(attention, "sequence_mask", lambda _packing: None)
            return right(slopes, packing, dtype)
        return lambda qkv: torch.full_like(qkv[:, 0], torch.nan)

    monkeypatch.setitem(attention.BACKENDS, "flex", wrong)
    checked = list(gpu.checks(tiny, CPU, [torch.float32]))
    assert all(check.passed for check in checked if check.backend == "sdpa")
    failed = {check.name.removesuffix(", alibi") for check in checked if not check.passed}
    # a batch of one sequence cannot mix it with another
    assert failed == {"golden vectors", "hidden states"} | ({"one by one"} if fault != "sequences mixed" else set())


def test_tables_compare_speed_and_memory_of_every_backend_with_the_plain_model(tiny, monkeypatch):
    monkeypatch.setattr(gpu, "usable", lambda _device, _dtype: ["sdpa"])
    lines = list(gpu.speeds(tiny, CPU, {"10": [10, 10], "mixed": [4, 10]}, 3, compiled=False))
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines]
    assert [row[:2] for row in cells] == [["10", "plain"], ["mixed", "plain"], ["10", "sdpa"], ["mixed", "sdpa"]]
    assert cells[0][-1] == "1.00" and float(cells[2][-1]) > 0
    lines = list(gpu.long_sequences(tiny, CPU, (8, 16)))
    assert [line.split(" | ")[0] for line in lines] == ["| plain", "| sdpa"]


@pytest.mark.slow
def test_fits_learn_a_planted_motif_without_and_with_the_server(tmp_path, monkeypatch):
    monkeypatch.setitem(gpu_fits.SETTINGS, "max_steps", 60)
    monkeypatch.setattr(finetune, "SIZES", {**finetune.SIZES, "hidden_size": 64, "num_hidden_layers": 2})
    lines, errors = gpu_fits.fits(tmp_path)
    assert [line.split(" | ")[0] for line in lines] == ["| apart", "| by the server, which starts", "| by the server"]
    assert errors.keys() == gpu.FIT_TOLERANCE.keys()
    assert errors["a fit learns"] < 0.2 and errors["a fit by the server"] == 0  # on a CPU the sums are the same


def test_running_out_of_memory_affects_one_line_only(tiny, monkeypatch):
    monkeypatch.setattr(gpu, "usable", lambda _device, _dtype: ["sdpa"])
    speed = gpu.speed

    def narrow(contender, batch, *others):
        if len(batch.ids) > 1 and isinstance(contender.model, pretrain.PlainModel):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return speed(contender, batch, *others)

    monkeypatch.setattr(gpu, "speed", narrow)
    lines = list(gpu.speeds(tiny, CPU, {"wide": [10, 10], "narrow": [10]}, 1, compiled=False))
    assert [("out of memory" in line) for line in lines] == [True, False, False, False]


def test_a_training_step_costs_six_operations_per_weight_and_token():
    """The head on masked tokens, the layers on all tokens, and attention: 12 h operations per layer and pair."""
    config = DnaBert2Config()
    weights = 12 * (4 * 768**2 + 3 * 768 * 3072)
    head = 768**2 + 768 * 4096
    pairs = 128**2 + 500**2
    expected = 6 * weights * 628 + 6 * head * 94 + 12 * 12 * 768 * pairs
    assert gpu.training_flops(config, [128, 500], 94) == expected


def test_the_benchmark_refuses_a_machine_without_a_gpu(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="error: no GPU that torch can use"):
        gpu.main(["--out", str(tmp_path / "gpu.md")])
    assert not (tmp_path / "gpu.md").exists()


def test_the_models_can_be_compiled(tiny, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: compiled.append(type(module).__name__))
    for name in ("plain", "sdpa"):
        gpu.contender(name, tiny, CPU, torch.bfloat16, compiled=True)
    assert compiled == ["PlainModel", "DnaBert2Model"]
