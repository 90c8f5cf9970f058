"""Published code of other families, with tiny weights: read alike in any batch, or refused in one line.

What the pinned transformers cannot run passes if this file is run with an older version. See
tests/published_families.py for where the code comes from.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from packaging.version import parse

from tests import published_families, tiny_models
from tests.inference.test_families import EVERY, TEXTS
from tests.tiny_families import code_of_models
from workflow_scripts.common.errors import UserError
from workflow_scripts.inference.models import Pretrained, read_pretrained
from workflow_scripts.inference.network import Network

pytestmark = pytest.mark.slow
VERSION = parse(transformers.__version__)
RUNS = {  # family -> versions of transformers that run its code: from, and below
    "hyenadna": ("4.44", "6"),
    "caduceus_ph": ("4.44", "5"),
    "caduceus_ps": ("4.44", "5"),
    "plantcad": ("4.44", "5"),
    "nt_v2": ("4.32", "4.50"),
    "ntv3": ("4.55", "5"),
    "gena_lm": ("4.29", "5"),
    "generator": ("4.44", "5"),
}
CLASSIFIERS = ("hyenadna", "caduceus_ph", "caduceus_ps", "nt_v2", "gena_lm", "generator")
EXPECTED = [*((family, "cls") for family in CLASSIFIERS), *((family, "mean") for family in RUNS)]


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """The directory of a tiny DNABERT-2 with its tokenizer."""
    return Path(tiny_models.write_all(tmp_path_factory.mktemp("models"))["ours"]["directory"])


@pytest.fixture
def read(base, tmp_path, monkeypatch):
    """The tiny model of a family; skips the test if this version of transformers does not run its code."""
    published_families.stand_in_for_mamba(monkeypatch)

    def read(family: str, pooling: str) -> Pretrained:
        first, below = RUNS[family]
        if not parse(first) <= VERSION < parse(below):
            pytest.skip(f"its code runs with transformers {first} to {below}, this is {VERSION}")
        folder = published_families.WRITERS[family](tmp_path / family, base)
        torch.manual_seed(1)
        return read_pretrained(folder, 0, True, 2, pooling)

    with code_of_models(tmp_path / "modules"):
        yield read


def logits(pretrained: Pretrained, texts: list[str], entries: np.ndarray) -> torch.Tensor:
    network = Network(pretrained.model.eval(), pretrained.encoder.pad_id, "fp32", torch.device("cpu"))
    with torch.no_grad():
        return network.logits(pretrained.encoder.encode(texts, 0), entries)


@pytest.mark.parametrize(("family", "pooling"), EXPECTED)
def test_a_text_gives_the_same_in_any_batch(read, family, pooling):
    pretrained = read(family, pooling)
    together = logits(pretrained, TEXTS, EVERY)
    alone = torch.cat([logits(pretrained, TEXTS, EVERY[[entry]]) for entry in EVERY])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    assert together.std(dim=0).min() > 1e-4
    assert (pretrained.encoder.pad_id is None) == (family in ("hyenadna", "ntv3", "plantcad") or "caduceus" in family)


def test_caduceus_of_both_strands_predicts_the_same_for_either(read):
    """It would not if its head or its pooling were ours."""
    pretrained = read("caduceus_ps", "cls")
    pretrained.encoder.tokenizer.build_inputs_with_special_tokens = lambda ids, _other=None: ids
    texts = ["ACGGTTAGC", "GCTAACCGT"]
    one, other = logits(pretrained, texts, np.arange(2))
    torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("family", RUNS)
def test_code_that_this_version_does_not_run_is_refused_in_one_line(base, tmp_path, family):
    """With the version for which it was written. Weights are not even looked at."""
    first, below = RUNS[family]
    if parse(first) <= VERSION < parse(below):
        pytest.skip(f"transformers {VERSION} runs it")
    with code_of_models(tmp_path / "modules"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(published_families, "with_weights", published_families.without_weights)
        folder = published_families.WRITERS[family](tmp_path / family, base)
        with pytest.raises(UserError) as caught:
            read_pretrained(folder, 0, True, 2, "mean")
    message = str(caught.value)
    assert "\n" not in message and "its code was written for transformers 4." in message
