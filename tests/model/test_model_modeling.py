"""The encoder is DNABERT-2: sizes, names, padding, token types and outputs."""

from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from workflow_scripts.common.files import read_table
from workflow_scripts.model import (
    DnaBert2Config,
    DnaBert2ForMaskedLM,
    DnaBert2ForSequenceClassification,
    DnaBert2Model,
)

# Names and shapes of the published checkpoint, and of the parameters that fine-tuning adds.
KEYS = read_table(Path(__file__).parent / "state_dict_keys.tsv")
CLOSE = {"rtol": 0, "atol": 1e-4}


def shapes(model: torch.nn.Module) -> dict[str, str]:
    return {name: "x".join(map(str, tensor.shape)) for name, tensor in model.state_dict().items()}


def padded(ids: torch.Tensor, length: int, token: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """The ids padded with ``token`` to ``length``, and the attention mask."""
    extra = length - ids.shape[1]
    pad = torch.nn.functional.pad
    return pad(ids, (0, extra), value=token), pad(torch.ones_like(ids), (0, extra))


def mixed_batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Four rows, padded after and before the tokens."""
    rows = torch.randint(5, 40, (4, 31), generator=torch.Generator().manual_seed(4))
    mask = torch.ones_like(rows)
    mask[0, 9:], mask[1, :20], mask[3, 30:] = 0, 0, 0
    return rows, mask


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


@torch.no_grad()
def test_output_depends_neither_on_padding_nor_on_the_batch(build, ids):
    model = build(DnaBert2ForMaskedLM)
    expected = model(ids).logits
    other = torch.randint(5, 40, (1, 61), generator=torch.Generator().manual_seed(2))
    rows, mask = padded(ids, 61)
    torch.testing.assert_close(model(rows, mask).logits[:, :23], expected, **CLOSE)
    batch, masks = torch.cat([other, rows]), torch.cat([torch.ones_like(other), mask])
    torch.testing.assert_close(model(batch, masks).logits[1:, :23], expected, **CLOSE)
    # the padding tokens themselves do not matter, only the mask does
    torch.testing.assert_close(model(padded(ids, 61, token=7)[0], mask).logits[:, :23], expected, **CLOSE)


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_classifier_does_not_depend_on_padding(build, ids, pooling):
    model = build(DnaBert2ForSequenceClassification, pooling=pooling, num_labels=3)
    torch.testing.assert_close(model(*padded(ids, 40)).logits, model(ids).logits, **CLOSE)


@torch.no_grad()
def test_mean_pooling_reads_all_tokens_and_cls_pooling_the_first(build):
    for pooling in ("cls", "mean"):
        model = build(DnaBert2Model, pooling=pooling)
        rows, mask = mixed_batch()
        output = model(rows, mask)
        for row, hidden in enumerate(output.last_hidden_state):
            tokens = hidden[mask[row].bool()]
            summary = tokens[0] if pooling == "cls" else tokens.mean(dim=0)
            torch.testing.assert_close(output.pooler_output[row], torch.tanh(model.pooler.dense(summary)), **CLOSE)


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
def test_output_depends_on_distances_but_not_on_absolute_positions(build, ids):
    """ALiBi depends only on distances: a row of one repeated token is symmetric, a changed order is visible."""
    model = build(DnaBert2Model)
    hidden = model(torch.full((1, 401), 7)).last_hidden_state[0]
    torch.testing.assert_close(hidden, hidden.flip(0), **CLOSE)
    order = ids.clone()
    order[:, [3, 15]] = order[:, [15, 3]]
    assert not torch.allclose(model(ids).last_hidden_state[0, 0], model(order).last_hidden_state[0, 0], atol=1e-3)


class LargestTensor(TorchDispatchMode):
    """Records the largest tensor, in bytes, of all operations of forward and backward passes."""

    largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for part in torch.utils._pytree.tree_leaves(result):
            if isinstance(part, torch.Tensor):
                self.largest = max(self.largest, part.untyped_storage().nbytes())
        return result


@pytest.mark.slow
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_training_on_ten_thousand_tokens_needs_memory_linear_in_the_length(build, precision):
    model = build(DnaBert2Model, hidden_size=4, num_attention_heads=2, num_hidden_layers=1, intermediate_size=4)
    largest = {}
    for length in (5_000, 10_000):
        rows = torch.randint(5, 40, (1, length), generator=torch.Generator().manual_seed(length))
        with LargestTensor() as watched, torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
            hidden = model(rows).last_hidden_state
            hidden.float().square().sum().backward()
        assert hidden.shape == (1, length, 4) and torch.isfinite(hidden).all()
        largest[length] = watched.largest
    assert largest[10_000] <= 2.1 * largest[5_000]


@torch.no_grad()
def test_loss_is_the_mean_over_labels_above_zero(build, ids):
    model = build(DnaBert2ForMaskedLM)
    labels = torch.full_like(ids, -100)
    labels[0, 3], labels[0, 9], labels[0, 12] = 6, 17, 0
    output = model(ids, labels=labels)
    expected = -output.logits.log_softmax(dim=-1)[0, [3, 9], [6, 17]].mean()
    torch.testing.assert_close(output.loss, expected)


@torch.no_grad()
def test_tuples_equal_the_named_outputs(build, ids):
    model = build(DnaBert2ForSequenceClassification)
    loss, logits = model(ids, labels=torch.tensor([1]), return_dict=False)
    output = model(ids, labels=torch.tensor([1]))
    assert torch.equal(loss, output.loss) and torch.equal(logits, output.logits)


@torch.no_grad()
def test_autocast_on_the_cpu_is_close_and_finite(build, ids):
    """Under autocast the bias has the precision of the scores; a row of only padding causes no NaN."""
    model = build(DnaBert2Model, initializer_range=0.02)
    rows, mask = padded(ids, 30)
    rows, mask = torch.cat([rows, rows]), torch.cat([mask, torch.zeros_like(mask)])
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model(rows, mask).last_hidden_state
    assert torch.isfinite(hidden).all()
    torch.testing.assert_close(hidden.float(), model(rows, mask).last_hidden_state, rtol=0, atol=0.1)


def test_a_packed_batch_equals_its_sequences_one_by_one_with_gradients(build):
    model = build(DnaBert2ForMaskedLM, initializer_range=0.1)
    rows, mask = mixed_batch()
    labels = torch.where(mask.bool(), rows, -100)
    model(rows, mask, labels=labels).loss.backward()
    together = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    for row, present in zip(rows, mask.bool(), strict=True):
        single = row[present][None]
        share = present.sum() / mask.sum()
        (model(single, labels=single).loss * share).backward()
        torch.testing.assert_close(model(single).logits[0], model(rows, mask).logits[rows.eq(row).all(1)][0][present])
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, together[name], rtol=1e-4, atol=1e-6)


def test_padding_does_not_pass_through_the_layers(build):
    model = build(DnaBert2Model)
    rows, mask = mixed_batch()
    seen = []
    for module in model.encoder.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].shape[:-1].numel()))
    model(rows, mask)
    assert set(seen) == {int(mask.sum())} and mask.sum() < mask.numel()


def test_the_head_runs_only_on_the_positions_to_predict(build):
    model = build(DnaBert2ForMaskedLM)
    rows, mask = mixed_batch()
    positions = (rows % 5 == 0) & mask.bool()
    seen = []
    model.cls.predictions.decoder.register_forward_hook(lambda _module, inputs, _output: seen.append(len(inputs[0])))
    logits = model.masked_logits(rows, mask, positions)
    assert seen == [int(positions.sum())] == [len(logits)]
    torch.testing.assert_close(logits, model(rows, mask).logits[positions])


@torch.no_grad()
@pytest.mark.parametrize("kind", [DnaBert2Model, DnaBert2ForMaskedLM, DnaBert2ForSequenceClassification])
def test_hidden_states_and_attentions_are_returned_on_request(build, kind):
    model = build(kind)
    rows, mask = mixed_batch()
    plain = model(rows, mask)
    assert plain.hidden_states is None and plain.attentions is None
    output = model(rows, mask, output_hidden_states=True, output_attentions=True)
    assert [state.shape for state in output.hidden_states] == [(4, 31, 32)] * 3
    assert [weights.shape for weights in output.attentions] == [(4, 4, 31, 31)] * 2
    torch.testing.assert_close(output[0], plain[0])
    model.config.output_hidden_states = True
    from_config = model(rows, mask)
    assert torch.equal(from_config.hidden_states[1], output.hidden_states[1]) and from_config.attentions is None


@torch.no_grad()
def test_hidden_states_are_the_inputs_of_the_layers(build):
    """Recomputed layer by layer from the attentions: softmax weights times values."""
    model = build(DnaBert2Model)
    rows, mask = mixed_batch()
    output = model(rows, mask, output_hidden_states=True, output_attentions=True)
    for number, layer in enumerate(model.encoder.layer):
        before, weights = output.hidden_states[number], output.attentions[number]
        value = layer.attention.self.Wqkv(before).view(4, 31, 3, 4, 8)[:, :, 2].transpose(1, 2)
        attended = (weights @ value).transpose(1, 2).flatten(2)
        after = layer.mlp(layer.attention.output(attended, before)) * mask[..., None]
        torch.testing.assert_close(output.hidden_states[number + 1], after, rtol=0, atol=1e-4)
    assert torch.equal(output.hidden_states[-1], output.last_hidden_state)


@torch.no_grad()
def test_backends_are_chosen_by_name_and_differ_only_by_rounding(build):
    model = build(DnaBert2ForMaskedLM)
    rows, mask = mixed_batch()
    assert model.use_attention("auto", torch.bfloat16) == "sdpa"
    expected = model(rows, mask).logits
    assert model.use_attention("flex", torch.float32) == "flex"
    torch.testing.assert_close(model(rows, mask).logits, expected, **CLOSE)
    with pytest.raises(ValueError, match="attention flash: needs a GPU, not a cpu"):
        model.use_attention("flash", torch.bfloat16)
    assert model.bert.encoder.attention_backend == "flex"  # unchanged by the refusal


def test_a_backend_that_no_longer_fits_is_refused_at_the_next_pass(build, ids):
    model = build(DnaBert2Model)
    model.encoder.attention_backend = "flash"
    with pytest.raises(ValueError, match="attention flash: needs a GPU, not a cpu"):
        model(ids)


@pytest.mark.parametrize(
    "implementation", ["flash_attention_2", "flash_attention_3", "flash_attention_4", "flex_attention"]
)
def test_attention_of_transformers_without_alibi_is_refused(build, implementation, tmp_path):
    build(DnaBert2Model).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="does not support"):
        DnaBert2Model.from_pretrained(tmp_path, attn_implementation=implementation)


def test_dropout_is_applied_in_training_only(build, ids):
    model = build(DnaBert2Model)
    assert torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)
    model.train()
    assert not torch.equal(model(ids).last_hidden_state, model(ids).last_hidden_state)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"hidden_size": 100}, "hidden_size 100 is not a multiple of num_attention_heads 12"),
        ({"pooling": "max"}, "pooling 'max' is neither 'cls' nor 'mean'"),
    ],
)
def test_invalid_configurations_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        DnaBert2Config(**sizes)
