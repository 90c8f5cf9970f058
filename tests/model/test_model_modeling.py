"""The encoder is DNABERT-2's: sizes, names, ALiBi, padding and token types."""

from pathlib import Path

import pytest
import torch

from workflow_scripts.common.files import read_table
from workflow_scripts.model import (
    DnaBert2Config,
    DnaBert2ForMaskedLM,
    DnaBert2ForSequenceClassification,
    DnaBert2Model,
    modeling,
)
from workflow_scripts.model.attention import alibi_bias, alibi_slopes, attention_bias

# Names and shapes of the published checkpoint, and of the parts that fine-tuning adds.
KEYS = read_table(Path(__file__).parent / "state_dict_keys.tsv")
CLOSE = {"rtol": 0, "atol": 1e-4}


def shapes(model: torch.nn.Module) -> dict[str, str]:
    return {name: "x".join(map(str, tensor.shape)) for name, tensor in model.state_dict().items()}


def padded(ids: torch.Tensor, length: int, token: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """The ids with ``token`` behind them up to ``length``, and the attention mask."""
    extra = length - ids.shape[1]
    pad = torch.nn.functional.pad
    return pad(ids, (0, extra), value=token), pad(torch.ones_like(ids), (0, extra))


def test_default_model_has_the_published_number_of_parameters():
    with torch.device("meta"):
        model = DnaBert2ForMaskedLM(DnaBert2Config())
        classifier = DnaBert2ForSequenceClassification(DnaBert2Config(num_labels=2))
    assert sum(parameter.numel() for parameter in model.parameters()) == 117_074_176
    assert sum(parameter.numel() for parameter in classifier.parameters()) == 117_070_082


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        model = DnaBert2ForMaskedLM(DnaBert2Config())
        classifier = DnaBert2ForSequenceClassification(DnaBert2Config(num_labels=2))
    published = {row["key"]: row["shape"] for row in KEYS if row["in_published_checkpoint"] == "yes"}
    assert len(published) == 142
    assert shapes(model) == published
    encoder = {name: shape for name, shape in published.items() if name.startswith("bert.")}
    added = {row["key"]: row["shape"].replace("num_labels", "2") for row in KEYS if row["key"] not in published}
    assert shapes(classifier) == encoder | added


@pytest.mark.parametrize(
    ("heads", "exponents"),
    [
        (1, [8]),
        (8, [1, 2, 3, 4, 5, 6, 7, 8]),
        (12, [1, 2, 3, 4, 5, 6, 7, 8, 0.5, 1.5, 2.5, 3.5]),
    ],
)
def test_slopes(heads, exponents):
    torch.testing.assert_close(alibi_slopes(heads), torch.tensor([2.0**-exponent for exponent in exponents]))


def test_alibi_is_symmetric_and_linear_in_the_distance():
    bias = alibi_bias(alibi_slopes(4), 6)[0]
    torch.testing.assert_close(bias, bias.transpose(1, 2))
    for head, slope in enumerate(alibi_slopes(4)):
        for distance in range(6):
            assert torch.all(bias[head].diagonal(distance) == -slope * distance)


def test_a_row_of_padding_stays_finite_in_every_precision():
    mask = torch.tensor([[1, 1, 0], [0, 0, 0]])
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        bias = attention_bias(alibi_slopes(2), mask, 3, dtype)
        assert bias.dtype == dtype and torch.isfinite(bias).all()


@torch.no_grad()
def test_output_does_not_depend_on_padding_nor_on_the_batch(build, ids):
    model = build(DnaBert2ForMaskedLM)
    alone = model(ids).logits
    other = torch.randint(5, 40, (1, 61), generator=torch.Generator().manual_seed(2))
    rows, mask = padded(ids, 61)
    torch.testing.assert_close(model(rows, mask).logits[:, :23], alone, **CLOSE)
    batch, masks = torch.cat([other, rows]), torch.cat([torch.ones_like(other), mask])
    torch.testing.assert_close(model(batch, masks).logits[1:, :23], alone, **CLOSE)
    # what stands in the padding does not matter, only the mask does
    torch.testing.assert_close(model(padded(ids, 61, token=7)[0], mask).logits[:, :23], alone, **CLOSE)


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_classifier_does_not_depend_on_padding(build, ids, pooling):
    model = build(DnaBert2ForSequenceClassification, pooling=pooling, num_labels=3)
    torch.testing.assert_close(model(*padded(ids, 40)).logits, model(ids).logits, **CLOSE)


@torch.no_grad()
def test_mean_pooling_reads_all_tokens_and_cls_the_first(build, ids):
    for pooling in ("cls", "mean"):
        model = build(DnaBert2Model, pooling=pooling)
        output = model(*padded(ids, 40))
        hidden = output.last_hidden_state[:, :23]
        summary = hidden[:, 0] if pooling == "cls" else hidden.mean(dim=1)
        torch.testing.assert_close(output.pooler_output, torch.tanh(model.pooler.dense(summary)), **CLOSE)


@torch.no_grad()
def test_padded_positions_are_zero(build, ids):
    hidden = build(DnaBert2Model)(*padded(ids, 40)).last_hidden_state
    assert torch.all(hidden[:, 23:] == 0)
    assert torch.all(hidden[:, :23].abs().sum(dim=-1) > 0)


@torch.no_grad()
def test_token_types_change_the_output_and_default_to_the_first(build, ids):
    model = build(DnaBert2ForSequenceClassification)
    types = torch.zeros_like(ids)
    torch.testing.assert_close(model(ids, token_type_ids=types).logits, model(ids).logits, **CLOSE)
    types[:, 11:] = 1
    assert not torch.allclose(model(ids, token_type_ids=types).logits, model(ids).logits, atol=1e-3)


@torch.no_grad()
def test_distance_matters_and_place_does_not(build, ids):
    """ALiBi knows the distance of two tokens only: the middle of a long run of one token is the same everywhere."""
    model = build(DnaBert2Model)
    hidden = model(torch.full((1, 401), 7)).last_hidden_state[0]
    torch.testing.assert_close(hidden, hidden.flip(0), **CLOSE)
    order = ids.clone()
    order[:, [3, 15]] = order[:, [15, 3]]
    assert not torch.allclose(model(ids).last_hidden_state[0, 0], model(order).last_hidden_state[0, 0], atol=1e-3)


@torch.no_grad()
def test_ten_thousand_tokens_pass_though_no_table_of_positions_is_so_long(build):
    model = build(
        DnaBert2Model, hidden_size=4, num_attention_heads=1, num_hidden_layers=1, intermediate_size=4
    ).bfloat16()
    hidden = model(torch.randint(5, 40, (1, 10_000))).last_hidden_state
    assert hidden.shape == (1, 10_000, 4) and torch.isfinite(hidden).all()


@torch.no_grad()
def test_loss_is_the_mean_over_labels_above_zero(build, ids):
    model = build(DnaBert2ForMaskedLM)
    labels = torch.full_like(ids, -100)
    labels[0, 3], labels[0, 9], labels[0, 12] = 6, 17, 0
    output = model(ids, labels=labels)
    expected = -output.logits.log_softmax(dim=-1)[0, [3, 9], [6, 17]].mean()
    torch.testing.assert_close(output.loss, expected)


@torch.no_grad()
def test_tuples_hold_what_the_named_outputs_hold(build, ids):
    model = build(DnaBert2ForSequenceClassification)
    loss, logits = model(ids, labels=torch.tensor([1]), return_dict=False)
    output = model(ids, labels=torch.tensor([1]))
    assert torch.equal(loss, output.loss) and torch.equal(logits, output.logits)


@torch.no_grad()
def test_autocast_on_the_cpu_is_close_and_finite(build, ids, monkeypatch):
    """Under autocast the bias is in the precision of the scores: a row of padding has no infinite score."""
    model = build(DnaBert2Model, initializer_range=0.02)
    biases = []
    attend = modeling.attend
    monkeypatch.setattr(modeling, "attend", lambda *parts: biases.append(parts[3]) or attend(*parts))
    rows, mask = padded(ids, 30)
    rows, mask = torch.cat([rows, rows]), torch.cat([mask, torch.zeros_like(mask)])
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model(rows, mask).last_hidden_state
    assert torch.isfinite(hidden).all()
    assert all(bias.dtype == torch.bfloat16 and torch.isfinite(bias).all() for bias in biases)
    torch.testing.assert_close(hidden.float(), model(rows, mask).last_hidden_state, rtol=0, atol=0.1)


def test_dropout_is_drawn_in_training_only(build, ids):
    model = build(DnaBert2Model)
    assert torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)
    model.train()
    assert not torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"hidden_size": 100}, "hidden_size 100 is not a multiple of num_attention_heads 12"),
        ({"pooling": "max"}, "pooling 'max' is neither 'cls' nor 'mean'"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes, told):
    with pytest.raises(ValueError, match=told):
        DnaBert2Config(**sizes)
