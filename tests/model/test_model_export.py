"""Exported with dynamic shapes, the model computes what it computes in Python, for any batch and length."""

import pytest
import torch

from workflow_scripts.model import DnaBert2ForMaskedLM, DnaBert2ForSequenceClassification

pytestmark = pytest.mark.slow


def rows(batch: int, longest: int, padded: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and mask [batch, longest]; the rows get shorter and shorter if there is padding."""
    ids = torch.randint(5, 40, (batch, longest), generator=torch.Generator().manual_seed(longest))
    lengths = longest - torch.arange(batch) * (longest // (2 * batch)) * padded
    return ids, (torch.arange(longest) < lengths[:, None]).long()


@pytest.mark.parametrize("kind", [DnaBert2ForMaskedLM, DnaBert2ForSequenceClassification])
@pytest.mark.parametrize(("positions", "pooling"), [("alibi", "cls"), ("alibi", "mean"), ("rotary", "cls")])
def test_export_has_dynamic_shapes(build, kind, positions, pooling):
    model = build(kind, positions=positions, pooling=pooling)
    axes = {0: torch.export.Dim("batch", max=64), 1: torch.export.Dim("length", max=4096)}
    exported = torch.export.export(model, rows(3, 12, True), dynamic_shapes={"input_ids": axes, "attention_mask": axes})
    for batch, longest in ((1, 9), (3, 12), (7, 200)):
        for padded in (False, True):
            given = rows(batch, longest, padded)
            expected, computed = model(*given).logits, exported.module()(*given).logits
            if kind is DnaBert2ForMaskedLM:
                expected, computed = expected[given[1] == 1], computed[given[1] == 1]
            torch.testing.assert_close(computed, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("positions", ["alibi", "rotary", "learned"])
def test_a_trace_serves_other_shapes(build, positions):
    model = build(DnaBert2ForSequenceClassification, positions=positions)
    model.config.return_dict = False
    traced = torch.jit.trace(model, rows(3, 12, True))
    model.config.return_dict = True
    for shape in ((3, 12, True), (1, 7, False), (5, 90, True)):
        torch.testing.assert_close(traced(*rows(*shape))[0], model(*rows(*shape)).logits, rtol=1e-4, atol=1e-4)
