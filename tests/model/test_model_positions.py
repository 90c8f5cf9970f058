"""Each kind of positions is that of its textbook formula on every backend, with padding, gradients and saving."""

import json
import math
import os
import subprocess
import sys

import pytest
import torch
from transformers import AutoModelForMaskedLM

from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM, DnaBert2Model, attention
from workflow_scripts.model.attention import alibi_slopes, attention_weights, prepare_attention
from workflow_scripts.model.packing import make_packing
from workflow_scripts.model.rotary import rotation

KINDS = ("alibi", "learned", "rotary")
CLOSE = {"rtol": 0, "atol": 1e-4}
LIMIT = 31  # tokens of the longest row of the batch


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Four rows, padded after and before the tokens, and the mask."""
    rows = torch.randint(5, 40, (4, LIMIT), generator=torch.Generator().manual_seed(4))
    mask = torch.ones_like(rows)
    mask[0, 9:], mask[1, :20], mask[3, 30:] = 0, 0, 0
    return rows, mask


def rotated(vectors: torch.Tensor) -> torch.Tensor:
    """Su et al. 2021, section 3.2.2, in complex numbers: pair i of row m is multiplied by exp(i m theta_i)."""
    length, size = vectors.shape
    theta = 10_000.0 ** (-2 * torch.arange(size // 2) / size)
    angles = torch.arange(length)[:, None] * theta
    turned = torch.complex(*vectors.chunk(2, dim=-1)) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([turned.real, turned.imag], dim=-1)


def textbook_attention(qkv: torch.Tensor, kind: str) -> torch.Tensor:
    """Of one sequence, [tokens, 3, heads, size] to [tokens, heads, size], head by head."""
    length, _, heads, size = qkv.shape
    found = []
    for head in range(heads):
        query, key, value = qkv[:, :, head].unbind(1)
        if kind == "rotary":
            query, key = rotated(query), rotated(key)
        scores = query @ key.T / math.sqrt(size)
        if kind == "alibi":
            scores = scores - alibi_slopes(heads)[head] * (torch.arange(length)[:, None] - torch.arange(length)).abs()
        found.append(scores.softmax(dim=-1) @ value)
    return torch.stack(found, dim=1)


def textbook(model: DnaBert2Model, ids: torch.Tensor, kind: str) -> torch.Tensor:
    """Hidden states [tokens, hidden size] of one sequence [tokens] without padding; not packed, not batched."""
    table = model.embeddings
    hidden = table.word_embeddings(ids) + table.token_type_embeddings.weight[0]
    if kind == "learned":
        hidden = hidden + table.position_embeddings.weight[: len(ids)]
    hidden = table.LayerNorm(hidden)
    for layer in model.encoder.layer:
        qkv = layer.attention.self.Wqkv(hidden).view(len(ids), 3, layer.attention.self.heads, -1)
        attended = layer.attention.output(textbook_attention(qkv, kind).flatten(1), hidden)
        hidden = layer.mlp(attended)
    return hidden


@torch.no_grad()
@pytest.mark.parametrize("backend", ["sdpa", "flex"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_the_textbooks_for_rows_of_any_length_and_padding(build, batch, kind, backend):
    model = build(DnaBert2Model, positions=kind, max_positions=LIMIT)
    model.use_attention(backend, torch.float32)
    rows, mask = batch
    hidden = model(rows, mask).last_hidden_state
    for row, present, states in zip(rows, mask.bool(), hidden, strict=True):
        expected = textbook(model, row[present], kind)
        torch.testing.assert_close(states[present], expected, **CLOSE)
        torch.testing.assert_close(model(row[present][None]).last_hidden_state[0], expected, **CLOSE)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_the_textbooks(build, batch, kind):
    model = build(DnaBert2Model, positions=kind, max_positions=LIMIT, initializer_range=0.1)
    rows, mask = batch
    weight = torch.randn(int(mask.sum()), 32, generator=torch.Generator().manual_seed(5))
    (model(rows, mask).last_hidden_state[mask.bool()] * weight).sum().backward()
    packed = {name: parameter.grad.clone() for name, parameter in model.named_parameters() if "pooler" not in name}
    model.zero_grad()
    plain = torch.cat([textbook(model, row[present], kind) for row, present in zip(rows, mask.bool(), strict=True)])
    (plain * weight).sum().backward()
    for name, gradient in packed.items():
        torch.testing.assert_close(gradient, dict(model.named_parameters())[name].grad, rtol=1e-3, atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_order_is_seen_and_only_learned_positions_are_absolute(build, ids, kind):
    model = build(DnaBert2Model, positions=kind)
    order = ids.clone()
    order[:, [3, 15]] = order[:, [15, 3]]
    assert not torch.allclose(model(ids).last_hidden_state[0, 0], model(order).last_hidden_state[0, 0], atol=1e-3)
    # all values are equal in a row of one token, so relative positions make no difference and absolute ones do
    same = model(torch.full((1, 40), 7)).last_hidden_state[0]
    assert torch.allclose(same, same[:1].expand_as(same), atol=1e-4) == (kind != "learned")


def test_rotated_scores_depend_on_distances_only():
    size, places = 8, torch.arange(40)
    qkv = torch.randn(40, 3, 2, size, generator=torch.Generator().manual_seed(6))

    def scores(positions: torch.Tensor) -> torch.Tensor:
        query, key, value = rotation(positions, size)(qkv).unbind(1)
        assert torch.equal(value, qkv[:, 2])
        torch.testing.assert_close(query.norm(dim=-1), qkv[:, 0].norm(dim=-1))
        return torch.einsum("ihd,jhd->hij", query, key)

    torch.testing.assert_close(scores(places + 1000), scores(places), rtol=0, atol=1e-2)
    assert not torch.allclose(scores(places * 2), scores(places), atol=0.1)
    # the same query and key at every place: one score per distance
    qkv = qkv[:1].expand(40, -1, -1, -1)
    for distance in (-7, 0, 7):
        along = scores(places).diagonal(distance, dim1=1, dim2=2)
        torch.testing.assert_close(along, along[:, :1].expand_as(along), rtol=0, atol=1e-4)
    assert not torch.allclose(scores(places)[:, 0, 7], scores(places)[:, 7, 0], atol=0.1)  # with direction


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_attentions_are_those_of_the_outputs(build, batch, kind):
    model = build(DnaBert2Model, positions=kind)
    rows, mask = batch
    output = model(rows, mask, output_hidden_states=True, output_attentions=True)
    for number, layer in enumerate(model.encoder.layer):
        before = output.hidden_states[number]
        value = layer.attention.self.Wqkv(before).view(4, LIMIT, 3, 4, 8)[:, :, 2].transpose(1, 2)
        attended = (output.attentions[number] @ value).transpose(1, 2).flatten(2)
        after = layer.mlp(layer.attention.output(attended, before)) * mask[..., None]
        torch.testing.assert_close(output.hidden_states[number + 1], after, **CLOSE)


def test_flash_gets_no_slopes_for_positions_other_than_alibi(batch, monkeypatch):
    """The kernel's documented behaviour without alibi_slopes: no bias."""
    packed = make_packing(*batch)
    qkv = torch.randn(packed.tokens, 3, 4, 8, generator=torch.Generator().manual_seed(3))

    def kernel(qkv, starts, longest, dropout_p, causal, alibi_slopes):
        assert alibi_slopes is None and not causal and longest == LIMIT
        rows = qkv.split(starts.diff().tolist())
        return torch.cat([textbook_attention(row, "learned") for row in rows])

    monkeypatch.setattr(attention, "flash_attention", lambda: kernel)
    attended = prepare_attention("flash", None, packed, torch.bfloat16)(qkv)
    torch.testing.assert_close(attended, prepare_attention("sdpa", None, packed, torch.float32)(qkv), **CLOSE)
    weights = attention_weights(qkv, None, packed) @ packed.unpack(qkv[:, 2]).transpose(1, 2)
    torch.testing.assert_close(attended, packed.pack(weights.transpose(1, 2)), **CLOSE)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_is_close_to_32_bits(build, batch, kind):
    model = build(DnaBert2Model, positions=kind, initializer_range=0.02)
    expected = model(*batch).last_hidden_state
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model(*batch).last_hidden_state
    torch.testing.assert_close(hidden.float(), expected, rtol=0, atol=0.1)


@torch.no_grad()
def test_only_learned_positions_limit_the_length(build, batch):
    rows, mask = batch
    for kind in ("alibi", "rotary"):
        assert build(DnaBert2Model, positions=kind, max_positions=8)(rows, mask).last_hidden_state.isfinite().all()
    model = build(DnaBert2Model, positions="learned", max_positions=LIMIT - 1)
    with pytest.raises(ValueError, match=r"a sequence of 31 tokens: .* learned 30 positions \(max_positions\); cut"):
        model(rows, mask)
    # padding needs no positions
    mask[2, -1] = 0
    assert model(rows, mask).last_hidden_state.isfinite().all()


def test_the_published_model_has_no_position_weights_and_learned_ones_have_a_row_each(build):
    names = {kind: set(build(DnaBert2ForMaskedLM, positions=kind).state_dict()) for kind in KINDS}
    assert names["alibi"] == names["rotary"]
    assert names["learned"] - names["alibi"] == {"bert.embeddings.position_embeddings.weight"}
    model = build(DnaBert2ForMaskedLM, positions="learned", max_positions=99)
    assert model.bert.embeddings.position_embeddings.weight.shape == (99, 32)


OUTSIDE = """
import importlib.util, json, sys
import torch
from transformers import AutoModelForMaskedLM

assert importlib.util.find_spec("workflow_scripts") is None
ids, outputs = torch.tensor(json.loads(sys.argv[1])), []
for folder in sys.argv[2:]:
    model = AutoModelForMaskedLM.from_pretrained(folder, trust_remote_code=True).eval()
    with torch.no_grad():
        outputs.append(model(ids).logits.tolist())
json.dump(outputs, sys.stdout)
"""


@pytest.mark.slow
def test_saved_directories_load_here_and_without_this_repository(build, ids, tmp_path):
    """config.json has the keys of positions only for a model to which they make a difference."""
    expected = []
    for kind in KINDS:
        model = build(DnaBert2ForMaskedLM, positions=kind, **({"max_positions": 50} if kind == "learned" else {}))
        model.save_pretrained(tmp_path / kind)
        config = json.loads((tmp_path / kind / "config.json").read_text())
        assert [config.get("positions"), config.get("max_positions")] == {
            "alibi": [None, None],
            "learned": ["learned", 50],
            "rotary": ["rotary", None],
        }[kind]
        loaded = AutoModelForMaskedLM.from_pretrained(tmp_path / kind)
        assert loaded.config.positions == kind
        with torch.no_grad():
            expected.append(model(ids).logits)
            assert torch.equal(loaded(ids).logits, expected[-1])
    assert not torch.allclose(expected[0], expected[2], atol=1e-2)
    script = tmp_path / "outside.py"
    script.write_text(OUTSIDE)
    folders = [str(tmp_path / kind) for kind in KINDS]
    environment = {"PATH": os.environ["PATH"], "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-I", str(script), json.dumps(ids.tolist()), *folders],
        cwd=tmp_path,
        env=environment | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for found, logits in zip(json.loads(done.stdout), expected, strict=True):
        torch.testing.assert_close(torch.tensor(found), logits, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"positions": "absolute"}, "positions 'absolute' is none of 'alibi', 'learned' and 'rotary'"),
        ({"positions": "rotary", "hidden_size": 36}, "positions 'rotary' needs heads of an even size, not 36 / 12 = 3"),
    ],
)
def test_invalid_positions_are_refused(sizes, message):
    with pytest.raises(ValueError, match=message):
        DnaBert2Config(**sizes)
