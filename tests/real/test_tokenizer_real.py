"""The published tokenizer, and ours beside it."""

import os
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from workflow_scripts.tokenizer.train import SPECIAL_TOKENS, TOKENIZER_CONFIG

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not os.environ.get("REAL_DATA"), reason="REAL_DATA does not name the folder of real data"),
]
SEQUENCE = "ACGTAGCATCGGATCTATCTATCGACACTTGGTTATCGATCTACGAGCATCTCGTTAGC"
IDS = [1, 5, 194, 32, 757, 1239, 2092, 294, 24, 359, 88, 93, 32, 75, 77, 19, 2]


@pytest.fixture(scope="module")
def folder():
    return Path(os.environ["REAL_DATA"]) / "published_model"


@pytest.fixture(scope="module")
def published(folder):
    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def test_check_value(published):
    encoding = published.encode(SEQUENCE)
    assert encoding.ids == IDS
    assert "".join(encoding.tokens[1:-1]) == SEQUENCE


def test_ids_and_templates_are_those_we_train_with(published):
    vocabulary = published.get_vocab()
    words = sorted(vocabulary, key=vocabulary.get)
    assert len(words) == 4096
    assert words[:13] == [*SPECIAL_TOKENS, "A", "C", "G", "T", "AA", "TT", "TG", "CA"]
    pair = published.encode("ACGT", "TTGA")
    assert pair.ids[0] == 1 and pair.ids[-1] == 2 and pair.type_ids[-1] == 1 and pair.type_ids[0] == 0
    assert published.encode("aN").tokens == ["[CLS]", "[UNK]", "[UNK]", "[SEP]"]


def test_our_tokenizer_config_loads_it(folder, tmp_path):
    (tmp_path / "tokenizer.json").write_bytes((folder / "tokenizer.json").read_bytes())
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path, **TOKENIZER_CONFIG)
    assert tokenizer(SEQUENCE)["input_ids"] == IDS
    assert tokenizer.pad_token_id == 3 and tokenizer.mask_token_id == 4
